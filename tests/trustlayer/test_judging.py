"""Readings come in, actions are judged by them, and every judgement is in the book."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stratum.lib.refusal import Invalid, NotAllowed
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Member, User, Workspace
from tests import cast, factories
from trustlayer.models import LedgerEntry, PolicyVersion, SignalReading, SignalSource
from trustlayer.policy import Policy
from trustlayer.queries import health as queries
from trustlayer.services import judging, ledger, policies, readings, verification
from trustlayer.services.judging import Proposal
from trustlayer.services.ledger import Entity
from trustlayer.services.readings import NewReading, Reported

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = 3_600.0
SUMMER = Entity("Campaign", "120", "Summer Sale 2026", "meta", "act_1")
WELL = {
    "emq": 8.5,
    "freshness": HOUR,
    "volume": 0.5,
    "coverage": 0.99,
    "variance": 0.02,
    "api_health": 0.0,
    "dedup": 0.97,
}


def actor(user: User) -> Actor:
    return access.actor_of_member(Member.objects.get(user=user))


def reading(signal: str = "emq", value: float = 7.6, hours: float = 0, **fields: Any) -> NewReading:
    usual: dict[str, Any] = {"source": "meta", "platform": "meta", "reported": True}
    return NewReading(signal, value, NOW - timedelta(hours=hours), **{**usual, **fields})


def report(workspace: Workspace, *given: NewReading) -> Reported:
    return readings.report(workspace=workspace, readings=given, now=NOW)


def report_well(workspace: Workspace, **values: float) -> None:
    """All signals at their best but those given, from sources that have been read for ten days."""
    usual = {**WELL, **values}
    report(workspace, *(reading(name, value, hours=240) for name, value in usual.items()))
    report(workspace, *(reading(name, value) for name, value in usual.items()))


def decide(workspace: Workspace, *proposals: Proposal, by: Actor = access.SYSTEM, **options: bool) -> list[LedgerEntry]:
    return judging.decide(workspace=workspace, by=by, proposals=proposals, now=NOW, **options)


# Readings


def test_a_repeated_reading_is_known(workspace: Workspace) -> None:
    assert report(workspace, reading()) == Reported(1, 0)
    assert report(workspace, reading(), reading(value=9.9), reading(hours=1)) == Reported(1, 2)
    assert SignalReading.objects.filter(workspace=workspace).count() == 2
    assert queries.health_of(workspace, "meta", Policy(), now=NOW).signal("emq").value == 7.6


def test_a_late_reading_does_not_displace_a_newer_one(workspace: Workspace) -> None:
    report(workspace, reading(value=7.0))
    report(workspace, reading(value=3.0, hours=5))
    assert queries.health_of(workspace, "meta", Policy(), now=NOW).signal("emq").value == 7.0
    assert SignalSource.objects.get(workspace=workspace).since == NOW - timedelta(hours=5)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"signal": "luck"}, "/0/signal"),
        ({"value": 10.1}, "/0/value"),
        ({"value": float("nan")}, "/0/value"),
        ({"platform": "orkut"}, "/0/platform"),
        ({"source": ""}, "/0/source"),
        ({"hours": -1}, "/0/observed_at"),
        ({"hours": 24 * 61}, "/0/observed_at"),
    ],
)
def test_a_reading_that_cannot_be_is_refused(workspace: Workspace, fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        report(workspace, reading(**fields))
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert not SignalReading.objects.exists()


# Health


def test_own_events_speak_for_a_platform_without_readings_of_its_own(workspace: Workspace) -> None:
    report(workspace, reading("freshness", HOUR, platform="", source="events"), reading("emq", 6.0))
    health = queries.health_of(workspace, "meta", Policy(), now=NOW)
    assert health.signal("freshness").source == "events"
    report(workspace, reading("freshness", 5 * HOUR))
    assert queries.health_of(workspace, "meta", Policy(), now=NOW).signal("freshness").source == "meta"


def test_the_workspace_is_as_well_as_its_worst_platform(workspace: Workspace) -> None:
    report_well(workspace)
    report(workspace, reading("emq", 3.0, platform="google", source="google"))
    found = queries.health(workspace, Policy(), now=NOW)
    assert [one.platform for one in found.platforms] == ["google", "meta"]
    assert found.worst.platform == "google"


def test_readings_of_another_workspace_say_nothing(workspace: Workspace) -> None:
    report_well(factories.WorkspaceFactory())
    assert queries.health_of(workspace, "meta", Policy(), now=NOW).score is None


# Decisions


def test_the_three_decisions_of_the_manual(workspace: Workspace) -> None:
    report_well(workspace)
    entry = decide(workspace, Proposal("budget_increase", SUMMER, "+15% budget"))[0]
    assert (entry.decision, entry.entity, entry.change) == ("PASS", "Campaign: Summer Sale 2026", "+15% budget")
    assert entry.reason == "All signals healthy, automation approved"
    assert verification.check(workspace).broken is None


def test_what_a_decision_rested_on_is_kept(workspace: Workspace) -> None:
    report_well(workspace, emq=3.2)
    entry = decide(workspace, Proposal("scale_budget", SUMMER, change_detail={"before": 100}))[0]
    stored = LedgerEntry.objects.get(pk=entry.pk)
    evidence = ledger.read_evidence(stored)
    assert stored.blocked_reason == "EMQ score 3.2 (below 4.0 threshold)"
    assert evidence["thresholds"] == {"pass_at": 70, "block_below": 40, "emq_block": "4"}
    assert evidence["signals"][0]["value"] == "3.2"
    assert evidence["change_detail"] == {"before": 100}
    assert stored.policy_version == 1


def test_each_action_is_judged_by_its_own_platform(workspace: Workspace) -> None:
    report_well(workspace)
    other = Entity("Campaign", "7", "Brand", "google", "1")
    entries = decide(workspace, Proposal("set_budget", SUMMER), Proposal("set_budget", other))
    assert [entry.decision for entry in entries] == ["PASS", "BLOCK"]


def test_the_first_days_of_a_source_hold(workspace: Workspace) -> None:
    report(workspace, *(reading(name, value) for name, value in WELL.items()))
    entry = decide(workspace, Proposal("set_budget", SUMMER))[0]
    assert (entry.decision, entry.reason_code, entry.signal_health) == ("HOLD", "learning", 69)


def test_who_started_it_is_told(workspace: Workspace) -> None:
    report_well(workspace)
    bob = actor(cast.bob(workspace))
    entries = [
        *decide(workspace, Proposal("set_budget", SUMMER), by=bob),
        *decide(workspace, Proposal("set_budget", SUMMER)),
    ]
    assert [(entry.actor_type, entry.user) for entry in entries] == [("user", bob.label), ("system", "")]


def test_hysteresis_remembers_the_last_decision_that_was_meant(workspace: Workspace) -> None:
    admin = actor(cast.alice(workspace))
    policies.change(workspace=workspace, by=admin, body={"hysteresis": True, "resume_at": 100}, now=NOW)
    report_well(workspace, emq=8.0)
    assert decide(workspace, Proposal("set_budget", SUMMER))[0].decision == "PASS"
    report(workspace, reading("emq", 3.0, hours=-0.01))
    later = NOW + timedelta(hours=1)
    entry = judging.decide(workspace=workspace, by=admin, proposals=[Proposal("set_budget", SUMMER)], now=later)[0]
    assert entry.decision == "BLOCK"
    readings.report(workspace=workspace, readings=[NewReading("emq", 8.0, later, "meta", "meta", True)], now=later)
    entry = judging.decide(workspace=workspace, by=admin, proposals=[Proposal("set_budget", SUMMER)], now=later)[0]
    assert (entry.decision, entry.reason_code) == ("HOLD", "recovering")


def test_an_unknown_action_is_refused_and_nothing_is_written(workspace: Workspace) -> None:
    with pytest.raises(Invalid) as caught:
        decide(workspace, Proposal("set_budget", SUMMER), Proposal("fly", SUMMER))
    assert caught.value.faults[0].pointer == "/1/action"
    assert not LedgerEntry.objects.exists()


# Policy


def test_a_changed_policy_is_a_new_version_and_an_entry(workspace: Workspace) -> None:
    admin = actor(cast.alice(workspace))
    policy = policies.change(workspace=workspace, by=admin, body={"pass_at": 75}, now=NOW)
    assert (policy.version, policies.current(workspace).thresholds.pass_at) == (2, 75)
    entry = LedgerEntry.objects.get(workspace=workspace)
    assert (entry.kind, entry.policy_version, entry.user) == ("policy", 2, admin.label)
    assert ledger.read_evidence(entry)["changed"]["pass_at"] == {"before": 70, "after": 75}
    report_well(workspace, emq=4.5, freshness=3 * HOUR, volume=0.005)
    assert decide(workspace, Proposal("set_budget", SUMMER))[0].policy_version == 2


def test_saying_the_same_again_changes_nothing(workspace: Workspace) -> None:
    admin = actor(cast.alice(workspace))
    assert policies.change(workspace=workspace, by=admin, body={}, now=NOW).version == 1
    assert not PolicyVersion.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_analysts_do_not_change_it(workspace: Workspace) -> None:
    with pytest.raises(NotAllowed):
        policies.change(workspace=workspace, by=actor(cast.bob(workspace)), body={"pass_at": 1}, now=NOW)
