"""What the trust layer tells: bands that change and recover, decisions held and blocked, its part of summaries."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from stratum.lib import periods
from stratum.workspaces.models import Workspace
from tests.trustlayer.conftest import Write
from trustlayer import announcements
from trustlayer.models import HealthDay
from trustlayer.services.readings import NewReading, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def measure(workspace: Workspace, now: datetime):
    """`measure(3.2, minutes=1)`: Meta reports this EMQ, and what is announced then."""

    def measured(emq: float, place: object, *, minutes: int):
        at = now + timedelta(minutes=minutes)
        reading = NewReading("emq", emq, at, "meta", "meta", reported=True)
        report(workspace=workspace, readings=[reading], now=at)
        return announcements.health_changes(workspace, place, at)

    return measured


def test_a_fall_and_its_recovery_are_told_once_each(measure) -> None:
    first = measure(9.0, None, minutes=0)
    assert first.notices == ()
    fallen = measure(3.2, first.place, minutes=1)
    (alarm,) = fallen.notices
    assert (alarm.title, alarm.severity) == ("Meta: signal health is critical", "critical")
    assert ("Before", "degraded") in alarm.facts or ("Before", "healthy") in alarm.facts
    assert measure(3.1, fallen.place, minutes=2).notices == []
    back = measure(9.0, fallen.place, minutes=3)
    assert [notice.severity for notice in back.notices] == ["critical"]
    assert back.notices[0].key != alarm.key


def test_one_decision_is_told_with_its_reason(workspace: Workspace, write: Write, now: datetime) -> None:
    write("PASS")
    start = announcements.decisions(workspace, None, now)
    assert (start.notices, start.place) == ((), 1)
    blocked = write("BLOCK")
    (told,) = announcements.decisions(workspace, start.place, now).notices
    assert told.title == "Scale budget: Campaign: Brand Awareness Q1 was blocked"
    assert told.text.endswith("EMQ score 3.2 (below 4.0 threshold)")
    assert (told.option, told.severity) == ("BLOCK", "critical")
    assert told.path.endswith(str(blocked.pk))


def test_many_are_told_together_and_dry_runs_not(workspace: Workspace, write: Write, now: datetime) -> None:
    for _ in range(12):
        write("HOLD")
    write("BLOCK", is_dry_run=True)
    found = announcements.decisions(workspace, 0, now)
    (told,) = found.notices
    assert told.title == "12 actions were held for review"
    assert (len(told.facts), told.facts[-1], found.place) == (11, ("And", "2 more"), 13)


def test_nobody_elses(other_workspace: Workspace, write: Write, now: datetime) -> None:
    write("BLOCK")
    assert announcements.decisions(other_workspace, 0, now).notices == []


def test_its_part_of_a_summary(workspace: Workspace, write: Write, now: datetime) -> None:
    for like, days in (("PASS", 1), ("PASS", 1), ("BLOCK", 1), ("HOLD", 0), ("PASS", 2)):
        write(like, days=days)
    yesterday = (now - timedelta(days=1)).date()
    HealthDay.objects.create(
        workspace=workspace, platform="meta", day=yesterday, score=82, lowest=61, highest=90, measured_at=now
    )
    period = periods.between_days(yesterday, yesterday, ZoneInfo("Europe/Berlin"))
    assert announcements.summary(workspace, period, now) == [("PASS", "2"), ("BLOCK", "1"), ("Meta", "82 (lowest 61)")]
