"""Values to scores, scores to one number, and what holds that number down."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trustlayer.test_gate import HOUR, NOW, WELL, health
from trustlayer.health import CRITICAL_CAP, DOUBT_CAP, Reading, Status, assess, latest
from trustlayer.policy import Policy
from trustlayer.signals import SIGNALS

POINTS = [
    *[("emq", value, score) for value, score in [(10, 100), (8.5, 100), (6, 70), (5, 55), (4, 40), (2, 20), (0, 0)]],
    *[("freshness", hours * HOUR, score) for hours, score in [(0, 100), (1, 100), (2, 70), (7, 55), (12, 40), (24, 0)]],
    *[("volume", p, score) for p, score in [(1, 100), (0.05, 100), (0.01, 70), (10**-2.5, 55), (0.001, 40), (0, 0)]],
    *[("coverage", share, score) for share, score in [(1.2, 100), (0.98, 100), (0.92, 70), (0.85, 40), (0.6, 0)]],
    *[("variance", share, score) for share, score in [(0, 100), (0.05, 100), (0.15, 70), (0.25, 40), (0.4, 0)]],
    *[("api_health", share, score) for share, score in [(0, 100), (0.05, 70), (0.15, 40), (0.3, 0), (1, 0)]],
    *[("dedup", share, score) for share, score in [(1, 100), (0.95, 100), (0.8, 70), (0.6, 40), (0.3, 0)]],
]


@pytest.mark.parametrize(("name", "value", "score"), POINTS)
def test_the_points_of_the_table(name: str, value: float, score: float) -> None:
    assert SIGNALS[name].curve.score(value) == pytest.approx(score)


@given(st.sampled_from(sorted(SIGNALS)), st.floats(0, 1), st.floats(0, 1))
def test_a_better_value_never_scores_less(name: str, one: float, other: float) -> None:
    signal = SIGNALS[name]
    low, high = sorted(signal.low + (signal.high - signal.low) * share for share in (one, other))
    worse, better = (low, high) if signal.rising else (high, low)
    assert 0 <= signal.curve.score(worse) <= signal.curve.score(better) <= 100


def test_the_weights_add_up_to_a_hundred() -> None:
    assert sum(signal.weight for signal in SIGNALS.values()) == 100


def test_the_mean_is_rounded_down() -> None:
    # 30 × 85 for an EMQ of 7.25 and 70 × 100 make 95.5.
    assert health(emq=7.25).score == 95


def test_a_mean_of_exactly_seventy_is_seventy() -> None:
    goals = {name: signal.goal for name, signal in SIGNALS.items()}
    assert health(**goals).score == 70


def test_unknown_signals_do_not_count() -> None:
    policy = Policy(required=())
    assert health(policy, emq=6.0, freshness=None, volume=None, coverage=None).score == pytest.approx(
        (30 * 70 + 10 * 100 + 10 * 100 + 5 * 100) // 55
    )


def test_nothing_known_is_no_score() -> None:
    assessed = assess([], Policy(), platform="", now=NOW)
    assert (assessed.score, assessed.uncapped, assessed.status) == (None, None, Status.UNKNOWN)


@pytest.mark.parametrize("name", ["freshness", "coverage", "variance", "api_health", "dedup", "volume"])
def test_a_critical_signal_caps_the_score_at_39(name: str) -> None:
    worst = SIGNALS[name].low if SIGNALS[name].rising else SIGNALS[name].high
    assessed = health(**{name: worst})
    assert assessed.score == CRITICAL_CAP
    assert [(cap.code, cap.signal) for cap in assessed.caps] == [("critical", name)]
    assert assessed.uncapped is not None and assessed.uncapped >= 70


def test_a_poor_signal_caps_it_at_69() -> None:
    assessed = health(dedup=0.5)
    assert assessed.score == DOUBT_CAP
    assert assessed.caps[0].sentence == "Deduplication is poor (50%)"


def test_a_required_signal_that_is_unknown_caps_it_at_69() -> None:
    assert health(freshness=None).score == DOUBT_CAP
    assert health(dedup=None).score == 100


def test_a_required_signal_that_is_too_old_caps_it_at_69() -> None:
    readings = [Reading(name, value, NOW, "test", reported=True) for name, value in WELL.items()]
    old = [
        Reading(one.signal, one.value, NOW - timedelta(hours=2, seconds=1), "test")
        if one.signal == "api_health"
        else one
        for one in readings
    ]
    assessed = assess(old, Policy(), platform="meta", now=NOW)
    assert assessed.score == DOUBT_CAP
    assert assessed.signal("api_health").status is Status.STALE
    assert assessed.signal("api_health").score is None


def test_the_first_seven_days_of_a_source_are_learning() -> None:
    since = NOW - timedelta(days=7)
    for began, score in [(since, 100), (since + timedelta(seconds=1), DOUBT_CAP)]:
        readings = [Reading(name, value, NOW, "test", True, began) for name, value in WELL.items()]
        assert assess(readings, Policy(), platform="meta", now=NOW).score == score


def test_a_signal_without_weight_caps_nothing() -> None:
    policy = Policy(weights={**Policy().weights, "dedup": 0})
    assert health(policy, dedup=0.0).score == 100


def test_the_newest_reading_counts_and_none_from_the_future() -> None:
    readings = [
        Reading("emq", value, NOW + timedelta(hours=hour), "test") for value, hour in [(5, -3), (7, -1), (9, 1)]
    ]
    assert latest(readings, NOW)["emq"].value == 7


def test_the_platforms_own_reading_wins_over_a_computed_one_while_it_is_fresh() -> None:
    computed = Reading("emq", 9.0, NOW, "own events")
    for hours, value in [(23, 5.0), (25, 9.0)]:
        reported = Reading("emq", 5.0, NOW - timedelta(hours=hours), "meta", reported=True)
        assert latest([reported, computed], NOW)["emq"].value == value


def test_bands() -> None:
    assert [health(emq=value).status for value in (8.5, 3.0)] == [Status.HEALTHY, Status.CRITICAL]
    assert health(dedup=0.5).status is Status.DEGRADED


def test_what_people_read() -> None:
    assessed = health(freshness=1.5 * HOUR, volume=0.02, coverage=0.955)
    assert [state.shown for state in assessed.signals] == ["8.5", "1.5 h", "p = 0.020", "95.5%", "2%", "0%", "97%"]
