"""A shop of 100 days in which phones convert a third as often as desktops."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel
from cdp.services import funnels, ingest
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

DAYS, ENTRIES = 100, 36
MakeFunnel = Callable[..., Funnel]


@pytest.fixture
def make_funnel(workspace: Workspace, by_alice: Actor, now: datetime) -> MakeFunnel:
    def make(**fields: object) -> Funnel:
        body = {"name": "Purchase Funnel", "steps": [{"event": "page_view"}, {"event": "purchase"}], "window": "P1D"}
        return funnels.create(workspace=workspace, by=by_alice, draft=parse_draft({**body, **fields}), now=now)

    return make


@pytest.fixture
def funnel(make_funnel: MakeFunnel) -> Funnel:
    return make_funnel()


@pytest.fixture
def shop(workspace: Workspace, now: datetime) -> None:
    """Every day 18 people on phones, of whom 3 buy, and 18 on desktops, of whom 9 buy."""
    items = [item for day in range(DAYS) for who in range(ENTRIES) for item in _visit(day, who, now)]
    for first in range(0, len(items), 2_000):
        receipt = ingest.ingest(workspace=workspace, source=None, items=items[first : first + 2_000], received_at=now)
        assert not receipt.rejected


def _visit(day: int, who: int, now: datetime) -> list[dict[str, object]]:
    entry = now - timedelta(days=day, minutes=who + 5)
    mobile = who % 2 == 0
    buys = who < (6 if mobile else 18)
    names = ["page_view", "purchase"] if buys else ["page_view"]
    return [
        {
            "type": "track",
            "userId": f"u{day}-{who}",
            "event": name,
            "timestamp": (entry + timedelta(minutes=place)).isoformat(),
            "messageId": f"{day}-{who}-{place}",
            "context": {"device": {"type": "mobile" if mobile else "desktop"}},
        }
        for place, name in enumerate(names)
    ]
