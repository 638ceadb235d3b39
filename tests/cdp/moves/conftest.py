"""A shop with everything that can happen to events, and what its pages say."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cdp.definitions.funnels import parse_draft
from cdp.models import Change, Event, Profile
from cdp.queries import engine_sample
from cdp.services import funnels, ingest, profiles
from cdp.services.engine_moves import Moved, Progress, move
from cdp.services.raw_archive import DROP_AFTER, Kept, keep_window
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.moves.window import DAYS, arrived, keep
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT

FUNNEL: dict[str, Any] = {"name": "Buying", "steps": [{"event": "page_view"}, {"event": "purchase"}]}
SEED = 7

Did = Callable[..., None]
MoveTo = Callable[..., Moved]


@pytest.fixture(autouse=True)
def engine_folder(settings: Settings, tmp_path: Path) -> Path:
    """Workspaces begin with an engine of their own in files."""
    settings.HOME = tmp_path
    settings.ENGINE_URL = f"columnar://{tmp_path / 'engine'}"
    return tmp_path / "engine"


@pytest.fixture(autouse=True)
def few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a move takes a second; what is compared is tested with all of them."""
    for name, size in {"INVENTED": 1, "PROPERTIES": 2, "PROFILES": 4}.items():
        monkeypatch.setattr(engine_sample, name, size)


@pytest.fixture
def did(workspace: Workspace, now: datetime) -> Did:
    """`did("anna", "page_view", ("purchase", {"revenue": 5}), days_ago=3)`: one after the other, a minute apart."""
    numbers = count()

    def do(who: str, *events: str | tuple[str, dict[str, Any]], days_ago: float = 1, **more: Any) -> None:
        items = []
        for index, event in enumerate(events):
            name, properties = event if isinstance(event, tuple) else (event, {})
            at = now - timedelta(days=days_ago) + timedelta(minutes=index)
            item = {"type": "track", "userId": who, "event": name, "properties": properties}
            items.append({**item, "timestamp": at.isoformat(), "messageId": f"{who}-{next(numbers)}", **more})
        assert not ingest.ingest(workspace=workspace, source=None, items=items, received_at=now).rejected

    return do


@pytest.fixture
def shop(workspace: Workspace, did: Did, now: datetime) -> None:
    """Purchases over forty days, a merge, a split one, a voided event, somebody erased, attributes that changed."""
    for number in range(20):
        bought = ("purchase", {"revenue": number + 0.5, "items": ["hat", number], "place": {"city": "Oslo"}})
        did(f"u{number}", "page_view", bought, "page_view", days_ago=number * 2 + 0.5)
    for name in ("left", "right"):
        did(name, "page_view", days_ago=3, userId=None, anonymousId=f"device-{name}")
        told = {"type": "identify", "userId": name, "traits": {"plan": name}, "messageId": f"told-{name}"}
        known = {**told, "anonymousId": f"device-{name}", "timestamp": (now - timedelta(days=2)).isoformat()}
        ingest.ingest(workspace=workspace, source=None, items=[known], received_at=now)
    merge = Change.objects.filter(kind=Change.Kind.MERGE).order_by("id").first()
    if merge is not None:
        profiles.split(workspace=workspace, merge_id=merge.pk, by=SYSTEM, now=now)
    profiles.void_events(workspace=workspace, message_ids=["u3-10"], reason="refunded", by=SYSTEM, now=now)
    profiles.erase(workspace=workspace, profile=Profile.objects.get(user_id="u5"), by=SYSTEM, now=now)
    funnels.create(workspace=workspace, by=SYSTEM, draft=parse_draft(FUNNEL), now=now)


@pytest.fixture
def clickhouse() -> str:
    if not IS_HERE:
        pytest.skip(WHY_NOT)
    return CLICKHOUSE_URL


@pytest.fixture
def move_to(workspace: Workspace, now: datetime) -> MoveTo:
    def moved(to: str, tell: Callable[[Progress], None] = lambda told: None, now: datetime = now) -> Moved:
        return move(workspace=workspace, to=to, now=now, tell=tell, seed=SEED)

    return moved


@pytest.fixture
def window(settings: Settings, workspace: Workspace, shop: None, clickhouse: str, move_to: MoveTo) -> None:
    """The shop is on ClickHouse, and what is older than ten days has arrived long ago."""
    settings.RECENT_EVENTS_DAYS = DAYS
    Event.objects.filter(workspace=workspace).update(received_at=arrived(workspace))
    move_to(clickhouse)


@pytest.fixture
def copied(workspace: Workspace, window: None, now: datetime) -> Kept:
    """Older raw events are in both places."""
    return keep(workspace, now)


@pytest.fixture
def moved(workspace: Workspace, copied: Kept, now: datetime) -> Kept:
    """Older raw events are in ClickHouse only."""
    kept = keep_window(workspace=workspace, now=now + DROP_AFTER)
    assert kept.dropped == copied.copied > 40
    return copied
