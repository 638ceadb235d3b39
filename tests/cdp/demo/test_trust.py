"""The demo workspace's signals and decisions: a believable incident, a book that is whole, and no trace afterwards."""

from datetime import datetime, timedelta

import pytest

from cdp.demo import trust
from cdp.services import demo_trust
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import User, Workspace
from tests.trustlayer.conftest import SUMMER
from trustlayer.models import HealthDay, LedgerEntry, SignalReading, SignalSource
from trustlayer.policy import Policy
from trustlayer.queries import health
from trustlayer.services import judging, readings, verification
from trustlayer.services.judging import Proposal
from trustlayer.services.readings import NewReading

SEED = 2026
DAYS = 25  # as far as the incident, and a few before


def tell(workspace: Workspace, now: datetime, days: int = trust.DAYS) -> int:
    return demo_trust.tell(workspace=workspace, seed=SEED, now=now, days=days)


def test_the_story_is_the_same_on_every_machine() -> None:
    assert list(trust.readings(SEED, 77)) == list(trust.readings(SEED, 77))
    assert trust.wishes(SEED, 5) == trust.wishes(SEED, 5)


def test_weeks_with_an_incident(workspace: Workspace, alice: User, now: datetime) -> None:
    made = tell(workspace, now, days=DAYS)
    assert made == LedgerEntry.objects.filter(workspace=workspace).count() > 100
    decided = LedgerEntry.objects.filter(workspace=workspace, is_dry_run=False)
    counts = {name: decided.filter(decision=name).count() for name in ("PASS", "HOLD", "BLOCK")}
    assert counts["PASS"] > counts["HOLD"] > 5
    assert counts["BLOCK"] > 5
    assert {"budget_increase", "pause_adset", "bid_decrease"} <= set(decided.values_list("action", flat=True))
    assert set(decided.values_list("actor_type", flat=True)) == {"user", "rule"}
    assert verification.check(workspace).broken is None
    scores = dict(HealthDay.objects.filter(workspace=workspace, platform="meta").values_list("day", "score"))
    assert len(scores) >= DAYS
    assert scores[(now - timedelta(days=18)).date()] == 39
    assert scores[(now - timedelta(days=23)).date()] > 90


def test_now_it_is_well_again(workspace: Workspace, alice: User, now: datetime) -> None:
    tell(workspace, now, days=3)
    found = health.health(workspace, Policy(), now=now)
    assert [one.platform for one in found.platforms] == ["google", "meta"]
    assert found.worst.score is not None
    assert found.worst.score > 80


def test_told_once(workspace: Workspace, alice: User, now: datetime) -> None:
    assert tell(workspace, now, days=2) > 0
    assert tell(workspace, now, days=2) == 0


def test_removal_leaves_what_was_decided_since(workspace: Workspace, alice: User, now: datetime) -> None:
    made = tell(workspace, now, days=3)
    later = now + timedelta(hours=1)
    told = NewReading("emq", 7.0, later, "crm", "meta", reported=True)
    readings.report(workspace=workspace, readings=[told], now=later)
    judging.decide(workspace=workspace, by=SYSTEM, proposals=[Proposal("set_budget", SUMMER)], now=later)
    demo_trust.remove(workspace=workspace, now=later + timedelta(hours=1))
    left = list(LedgerEntry.objects.filter(workspace=workspace).order_by("seq").values_list("seq", "kind"))
    assert left == [(made + 1, "decision"), (made + 2, "retention")]
    assert verification.check(workspace).broken is None
    assert list(SignalSource.objects.values_list("source", flat=True)) == ["crm"]
    assert SignalReading.objects.count() == 1
    assert not HealthDay.objects.exists()


@pytest.mark.parametrize("look", [0, 80, 239])
def test_every_reading_is_one_that_could_be(look: int, workspace: Workspace, now: datetime) -> None:
    told = [NewReading(one.signal, one.value, now, "s", one.platform) for one in trust.readings(SEED, look)]
    assert readings.report(workspace=workspace, readings=told, now=now).accepted == 10
