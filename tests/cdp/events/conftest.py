"""A shop that sends a good event and a bad one."""

from datetime import datetime

import pytest

from cdp.models import Event, RejectedItem
from stratum.workspaces.models import Workspace, WriteKey
from tests.cdp.people import Tell, event_called, teller


@pytest.fixture
def tell(workspace: Workspace, now: datetime, write_key: WriteKey) -> Tell:
    return teller(workspace, now, write_key)


@pytest.fixture
def order(tell: Tell) -> Event:
    tell("Order Completed", user="anna", hours_ago=0.01, revenue=49.9, message_id="order-1")
    return event_called("purchase")


@pytest.fixture
def refused(tell: Tell) -> RejectedItem:
    """Nobody is named."""
    tell("signup", message_id="nameless", plan="pro")
    return RejectedItem.objects.get()
