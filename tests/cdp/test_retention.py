"""Raw events beyond the plan's days are removed, what was promised longer is not, and values of all time stay."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from cdp.models import Event, EventCopy, RejectedItem, Retention
from cdp.queries.engine import fresh_engine
from cdp.services import retention
from cdp.services.engine import rebuild
from cdp.tasks import bring_definitions_up_to_date
from stratum.lib import clock
from stratum.workspaces.models import Workspace
from stratum.workspaces.plans import PROFESSIONAL
from stratum.workspaces.tasks import tick
from tests.cdp.people import Tell, profile_of, teller
from tests.cdp.traits.conftest import MakeTrait, ValuesOf, make_trait, spend, values_of
from tests.conftest import MoveClock

__all__ = ["make_trait", "values_of"]

LATER = timedelta(days=30)


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


@pytest.fixture
def purchases(workspace: Workspace, tell: Tell) -> None:
    """One will be 200 days old in 30 days, one 40."""
    tell("purchase", user="anna", hours_ago=170 * 24, revenue=100)
    tell("purchase", user="anna", hours_ago=10 * 24, revenue=20)


def counted(workspace: Workspace, at: datetime) -> list[int]:
    engine: list[int] = fresh_engine(workspace).activity(clock.to_micros(at)).events.tolist()
    return engine


def test_it_works(workspace: Workspace, purchases: None, now: datetime) -> None:
    assert retention.retain(workspace=workspace, now=now) == 0
    later = now + LATER
    assert retention.retain(workspace=workspace, now=later) == 1
    assert [event.properties["revenue"] for event in Event.objects.filter(workspace=workspace)] == [20]
    assert counted(workspace, later) == [1]
    row = Retention.objects.get(workspace=workspace)
    assert (row.days, row.removed, row.cut_before) == (180, 1, later - timedelta(days=181))


def test_values_of_all_time_stay_through_a_rebuild(
    workspace: Workspace, purchases: None, make_trait: MakeTrait, values_of: ValuesOf, now: datetime
) -> None:
    make_trait(spend())
    bring_definitions_up_to_date(workspace)
    before = values_of("anna")
    retention.retain(workspace=workspace, now=now + LATER)
    rebuild(workspace)
    bring_definitions_up_to_date(workspace)
    assert values_of("anna") == before
    assert profile_of(workspace, "user_id", "anna")


def test_a_killed_run_is_finished_by_the_next(
    workspace: Workspace, purchases: None, tell: Tell, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(160, 165):
        tell("purchase", user="anna", hours_ago=day * 24, revenue=1)
    retention.retain(workspace=workspace, now=now)
    monkeypatch.setattr(retention, "BATCH", 2)
    removing = retention._removed(workspace, now + LATER - timedelta(days=181))
    assert next(removing) == 2
    removing.close()
    assert Event.objects.filter(workspace=workspace).count() == 5
    assert retention.retain(workspace=workspace, now=now + LATER) == 4
    assert Event.objects.filter(workspace=workspace).count() == 1
    assert Retention.objects.get(workspace=workspace).removed == 6


def test_nothing_of_another_workspace_goes(
    workspace: Workspace, other_workspace: Workspace, purchases: None, now: datetime
) -> None:
    assert retention.retain(workspace=other_workspace, now=now + LATER) == 0
    assert Event.objects.filter(workspace=workspace).count() == 2


def test_the_tick_starts_it_once_a_day(
    workspace: Workspace, purchases: None, now: datetime, move_clock: MoveClock, django_capture_on_commit_callbacks
) -> None:
    def ticked(at: datetime) -> int:
        move_clock(at)
        with django_capture_on_commit_callbacks(execute=True):
            tick()
        return Event.objects.filter(workspace=workspace).count()

    assert ticked(now) == 2
    assert Retention.objects.get(workspace=workspace).ran_at == now
    assert retention.claim_due(now + timedelta(hours=23)) == []
    assert ticked(now + LATER) == 1


@pytest.mark.parametrize(
    ("days", "promised", "waited", "holds", "waits"),
    [
        (180, 180, None, 180, None),
        (90, 180, None, 180, None),
        (180, None, None, None, None),
        (180, 90, None, 180, 180),
        (180, 90, 1, 180, 1),
        (180, 90, 0, 90, None),
        (None, 180, None, None, 365),
        (180, 180, 5, 180, None),
    ],
)
def test_what_was_promised_longer_is_kept_longer(
    days: int | None, promised: int | None, waited: int | None, holds: int | None, waits: int | None, now: datetime
) -> None:
    """`waited` and `waits`: days until the smaller plan's days come into force."""

    def instant(after: int | None) -> datetime | None:
        return None if after is None else now + timedelta(days=after)

    assert retention.in_force(days, promised, instant(waited), now) == (holds, instant(waits))


def test_a_downgrade_loses_nothing(workspace: Workspace, purchases: None, tell: Tell, now: datetime) -> None:
    tell("page", user="anna", hours_ago=100 * 24)
    retention.retain(workspace=workspace, now=now)
    workspace.plan = "starter"
    workspace.save()
    assert retention.retain(workspace=workspace, now=now) == 0
    assert Retention.objects.get(workspace=workspace).shrinks_at == now + timedelta(days=180)
    assert retention.retain(workspace=workspace, now=now + timedelta(days=180)) == 3


def test_copies_and_refused_items_go_too(workspace: Workspace, now: datetime) -> None:
    old = now - timedelta(days=182)
    EventCopy.objects.create(workspace=workspace, message_id="m", pair_key="k", received_at=old)
    for days in (29, 31):
        RejectedItem.objects.create(
            workspace=workspace, received_at=now - timedelta(days=days), code="x", reason="x", item="{}"
        )
    retention.retain(workspace=workspace, now=now)
    assert not EventCopy.objects.exists()
    assert RejectedItem.objects.count() == 1


def test_the_page_of_events_announces_it(
    workspace: Workspace, purchases: None, as_alice: Client, now: datetime, move_clock: MoveClock
) -> None:
    page = as_alice.get("/dashboard/cdp/events").content.decode()
    assert f"Events are kept for {PROFESSIONAL.retention_days} days" in page
    assert "within a week" not in page
    move_clock(now + timedelta(days=5))
    assert "within a week" in as_alice.get("/dashboard/cdp/events").content.decode()
    move_clock(now + LATER)
    retention.retain(workspace=workspace, now=now + LATER)
    page = as_alice.get("/dashboard/cdp/events").content.decode()
    assert "Those before 17 Aug 2025 were removed" in page
