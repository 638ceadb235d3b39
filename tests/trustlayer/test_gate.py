"""The three decisions of the product's manual, and every order in which the gate looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trustlayer.gate import judge, what_would_change
from trustlayer.health import Health, Reading, assess
from trustlayer.policy import Policy, Thresholds

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = 3_600.0
WELL = {
    "emq": 8.5,
    "freshness": HOUR,
    "volume": 0.5,
    "coverage": 0.99,
    "variance": 0.02,
    "api_health": 0.0,
    "dedup": 0.97,
}


def health(policy: Policy | None = None, **values: float | None) -> Health:
    """All signals at their best but those given; None leaves one out."""
    readings = [
        Reading(name, value, NOW - timedelta(minutes=5), "test", reported=True)
        for name, value in {**WELL, **values}.items()
        if value is not None
    ]
    return assess(readings, policy or Policy(), platform="meta", now=NOW)


def scored(score: int) -> Health:
    """Everything well, and the score given: what the gate says of a number alone."""
    return replace(health(), score=score, uncapped=score)


def test_the_manuals_pass() -> None:
    verdict = judge("budget_increase", scored(85), Policy())
    assert (verdict.decision, verdict.signal_health) == ("PASS", 85)
    assert verdict.reason == "All signals healthy, automation approved"
    assert verdict.blocked_reason is None


def test_the_manuals_hold() -> None:
    verdict = judge("pause_adset", scored(62), Policy())
    assert (verdict.decision, verdict.signal_health) == ("HOLD", 62)
    assert verdict.reason == "Signal health below threshold (70), action queued for manual review"
    assert verdict.blocked_reason is None


def test_the_manuals_block() -> None:
    low = health(emq=3.2, freshness=10 * HOUR, volume=0.002, coverage=0.84)
    verdict = judge("scale_budget", low, Policy())
    assert verdict.decision == "BLOCK"
    assert verdict.reason == "Critical signal degradation, automation blocked"
    assert verdict.blocked_reason == "EMQ score 3.2 (below 4.0 threshold)"


def test_a_stop_is_never_refused() -> None:
    for kind in ("emergency_stop", "pause_all"):
        assert judge(kind, assess([], Policy(), platform="meta", now=NOW), Policy()).decision == "PASS"


def test_without_data_it_fails_closed() -> None:
    verdict = judge("budget_increase", assess([], Policy(), platform="meta", now=NOW), Policy())
    assert (verdict.decision, verdict.signal_health, verdict.code) == ("BLOCK", None, "no_data")


def test_a_reported_emq_below_four_blocks_by_itself() -> None:
    verdict = judge("budget_increase", health(emq=3.9), Policy())
    assert (verdict.decision, verdict.code) == ("BLOCK", "emq_critical")
    assert verdict.blocked_reason == "EMQ score 3.9 (below 4.0 threshold)"


def test_exactly_four_does_not() -> None:
    assert judge("budget_increase", health(emq=4.0), Policy()).decision != "BLOCK"


def test_a_computed_emq_only_holds() -> None:
    readings = [Reading(name, value, NOW, "own events") for name, value in {**WELL, "emq": 1.0}.items()]
    verdict = judge("budget_increase", assess(readings, Policy(), platform="meta", now=NOW), Policy())
    assert (verdict.decision, verdict.code) == ("HOLD", "poor")


@pytest.mark.parametrize(
    ("score", "decision"), [(100, "PASS"), (70, "PASS"), (69, "HOLD"), (40, "HOLD"), (39, "BLOCK"), (0, "BLOCK")]
)
def test_the_thresholds(score: int, decision: str) -> None:
    assert judge("set_budget", scored(score), Policy()).decision == decision


def test_a_critical_signal_blocks_with_its_name() -> None:
    verdict = judge("budget_increase", health(freshness=25 * HOUR), Policy())
    assert verdict.decision == "BLOCK"
    assert verdict.blocked_reason == "Freshness 25 h (critical: 24 h or more)"


def test_thresholds_of_one_action() -> None:
    policy = Policy(actions={"budget_increase": Thresholds(pass_at=90, block_below=60)})
    assert judge("budget_increase", scored(85), policy).decision == "HOLD"
    assert judge("budget_increase", scored(85), policy).reason.startswith("Signal health below threshold (90)")
    assert judge("budget_increase", scored(59), policy).decision == "BLOCK"
    assert judge("pause_adset", scored(85), policy).decision == "PASS"


def test_hysteresis_passes_again_only_from_75_on() -> None:
    policy = Policy(hysteresis=True)
    recovering = judge("budget_increase", scored(72), policy, was_below=True)
    assert (recovering.decision, recovering.code) == ("HOLD", "recovering")
    assert judge("budget_increase", scored(75), policy, was_below=True).decision == "PASS"
    assert judge("budget_increase", scored(72), policy).decision == "PASS"
    assert judge("budget_increase", scored(72), Policy(), was_below=True).decision == "PASS"


def test_passing_with_a_weak_signal_does_not_call_all_of_them_healthy() -> None:
    verdict = judge("budget_increase", health(dedup=0.65), Policy())
    assert verdict.decision == "PASS"
    assert verdict.reason == "Signal health at or above threshold (70), automation approved"


def test_what_would_change_a_block() -> None:
    words = list(what_would_change("scale_budget", health(emq=3.2, variance=0.2), Policy()))
    assert words == [
        "EMQ score 3.2 (below 4.0 threshold): it has to reach 6.0",
        "Attribution Variance is 20%: it has to be at most 15%",
    ]


def test_nothing_has_to_change_for_what_passes() -> None:
    assert list(what_would_change("scale_budget", health(), Policy())) == []


def test_a_required_signal_that_is_missing_says_so() -> None:
    words = list(what_would_change("scale_budget", health(freshness=None), Policy()))
    assert words == ["Freshness is unknown, and it is required: it has to be measured again"]
