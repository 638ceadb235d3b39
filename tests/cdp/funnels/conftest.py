"""People who do things in a shop, and funnels that watch them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel
from cdp.services import funnels, ingest
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

Did = Callable[..., None]
MakeFunnel = Callable[..., Funnel]

BODY: dict[str, Any] = {
    "name": "Purchase Funnel",
    "steps": [{"event": "page_view", "label": "Landing Page"}, {"event": "purchase"}],
}


@pytest.fixture
def did(workspace: Workspace, now: datetime) -> Did:
    """`did("anna", "page_view", "purchase", hours_ago=5, every=60)`: one event after the other, `every` seconds apart.

    A pair is an event with its properties.
    """
    numbers = count()

    def do(
        who: str,
        *events: str | tuple[str, dict[str, Any]],
        hours_ago: float = 24,
        every: float = 60,
        where: Workspace | None = None,
    ) -> None:
        items = []
        for index, event in enumerate(events):
            name, properties = event if isinstance(event, tuple) else (event, {})
            at = now - timedelta(hours=hours_ago) + timedelta(seconds=every * index)
            items.append(
                {
                    "type": "track",
                    "userId": who,
                    "event": name,
                    "properties": properties,
                    "timestamp": at.isoformat(),
                    "messageId": f"{who}-{next(numbers)}",
                }
            )
        receipt = ingest.ingest(workspace=where or workspace, source=None, items=items, received_at=now)
        assert not receipt.rejected

    return do


@pytest.fixture
def make_funnel(workspace: Workspace, by_alice: Actor, now: datetime) -> MakeFunnel:
    """`make_funnel(name="Other", window="P1D")`: saved by Alice."""

    def make(**fields: Any) -> Funnel:
        draft = parse_draft({**BODY, **fields})
        return funnels.create(workspace=workspace, by=by_alice, draft=draft, now=now)

    return make


@pytest.fixture
def funnel(make_funnel: MakeFunnel) -> Funnel:
    return make_funnel()
