"""What integrations report: what became of their calls, and how their conversions drift from ours."""

from datetime import date, datetime, timedelta

import pytest

from stratum.workspaces.models import Workspace
from trustlayer.drift import ConversionDay, drift
from trustlayer.models import SignalReading
from trustlayer.policy import Policy
from trustlayer.queries import health as queries
from trustlayer.services import calls, conversions, readings
from trustlayer.services.calls import Outcome, error_rate
from trustlayer.services.readings import NewReading

LAST = date(2026, 1, 14)


def note(workspace: Workspace, now: datetime, outcomes: str, connection: str = "act_1") -> float | None:
    rate = None
    for place, one in enumerate(outcomes):
        at = now + timedelta(milliseconds=place)
        rate = calls.note(workspace=workspace, platform="meta", connection=connection, outcomes=[Outcome(one)], now=at)
    return rate


@pytest.mark.parametrize(
    ("outcomes", "rate"),
    [
        ("", 0.0),
        ("a" * 50, 0.0),
        ("f" + "a" * 19, 0.05),
        ("f" * 50 + "a" * 50, 0.0),
        ("a" * 45 + "fffff", 0.1),
        ("f", 0.1),
        ("aao", 1.0),
        ("aaoa", 0.1),
    ],
)
def test_the_error_rate_of_the_last_fifty(outcomes: str, rate: float) -> None:
    assert error_rate(outcomes) == pytest.approx(rate)


def test_calls_become_the_signal(workspace: Workspace, now: datetime) -> None:
    assert note(workspace, now, "a" * 48) == 0
    assert note(workspace, now + timedelta(minutes=1), "fff") == pytest.approx(0.06)
    later = now + timedelta(minutes=2)
    state = queries.health_of(workspace, "meta", Policy(), now=later).signal("api_health")
    assert (state.shown, state.evidence) == ("6%", "3 of the last 50 calls for act_1 failed.")


def test_what_the_platform_refused_for_its_content_does_not_count(workspace: Workspace, now: datetime) -> None:
    assert note(workspace, now, "rrr") is None
    assert note(workspace, now, "a" * 10 + "rrrrr") == 0


def test_the_worst_account_speaks_until_it_is_disconnected(workspace: Workspace, now: datetime) -> None:
    note(workspace, now, "aao", "act_1")
    assert note(workspace, now, "a" * 20, "act_2") == 1
    calls.forget(workspace=workspace, platform="meta", connection="act_1")
    assert note(workspace, now, "a", "act_2") == 0


def test_a_reading_every_five_minutes_or_when_it_changes(workspace: Workspace, now: datetime) -> None:
    for minute in range(11):
        note(workspace, now + timedelta(minutes=minute), "a")
    assert SignalReading.objects.count() == 3


def days(platform: float, own: float = 10, *, lately: float | None = None) -> list[ConversionDay]:
    return [
        ConversionDay(LAST - timedelta(days=ago), platform if lately is None or ago >= 7 else lately, own)
        for ago in range(35)
    ]


def test_a_steady_difference_is_no_drift() -> None:
    found = drift(days(7), last=LAST)
    assert found is not None
    assert (found.value, found.ratio, found.usual) == (0, 0.7, 0.7)


def test_a_ratio_that_moved_is() -> None:
    found = drift(days(10, lately=6), last=LAST)
    assert found is not None
    assert found.value == pytest.approx(0.4)


@pytest.mark.parametrize("known", [days(10)[:20], days(10)[7:], days(0), days(0.1), []])
def test_too_little_to_tell(known: list[ConversionDay]) -> None:
    assert drift(known, last=LAST) is None


def test_drift_becomes_the_signal(workspace: Workspace, now: datetime) -> None:
    told = {"workspace": workspace, "platform": "meta", "last": LAST, "source": "insights", "now": now}
    assert conversions.report(days=[], **told) is None  # type: ignore[arg-type]
    conversions.report(days=days(10, lately=8), **told)  # type: ignore[arg-type]
    state = queries.health_of(workspace, "meta", Policy(), now=now).signal("variance")
    assert state.shown == "20%"
    assert state.evidence.startswith("0.80 conversions on the platform for one of ours in the last 7 complete days")


def test_a_source_that_was_there_before_its_first_reading_is_not_learning(workspace: Workspace, now: datetime) -> None:
    told = NewReading("emq", 9.0, now, "own events", "meta", since=now - timedelta(days=30))
    readings.report(workspace=workspace, readings=[told], now=now)
    assert queries.health_of(workspace, "meta", Policy(), now=now).signal("emq").status == "healthy"
