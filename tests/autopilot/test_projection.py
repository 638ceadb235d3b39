"""Ranges of projections: their cases one by one, and whether they hold in a simulated market."""

from datetime import date, timedelta

import numpy as np
import pytest

from autopilot import noise, projection, scoring
from autopilot.noise import Noise
from autopilot.projection import Day, NoProjection, Point, Projection
from autopilot.scoring import Scored
from benchmarks.projection import WORLDS, measure


def days(count: int = 60, spend: float = 500, conversions: float = 20, revenue: float = 2_000) -> list[Day]:
    start = date(2026, 1, 5)
    return [
        Day(start + timedelta(days=at), spend * (1 + 0.1 * (at % 5 - 2)), conversions + at % 3 - 1, revenue)
        for at in range(count)
    ]


def project(new: float, history: list[Day] | None = None, old: float = 500, **more: object) -> Projection:
    found = projection.project(history or days(), old, new, Noise(), **more)  # type: ignore[arg-type]
    assert isinstance(found, Projection)
    return found


def test_an_increase_brings_less_than_in_proportion():
    found = project(600)
    assert 0 < found.effect.low < found.effect.high < 0.2 * found.base_conversions * 1.25
    assert found.observed.low < 0 < found.observed.high
    assert found.roas and found.roas.low < 0
    assert found.spend == pytest.approx(100, rel=0.02)


def test_the_ends_of_a_decrease_are_sorted():
    found = project(400)
    assert found.effect.low < found.effect.high < 0
    assert found.observed.low < found.observed.high
    assert found.roas and found.roas.low < found.roas.high
    assert found.spend < 0


def test_a_budget_that_is_not_spent_is_not_the_constraint():
    found = project(600, days(spend=250))
    assert (found.effect.low, found.effect.high, found.spend) == (0, 0, 0)
    assert "not the constraint" in found.basis
    lowered = project(200, days(spend=250))
    assert lowered.effect.high < 0 and lowered.spend == pytest.approx(-50, rel=0.1)


def test_the_platform_s_own_simulation_wins_where_it_reaches_both_budgets():
    points = [Point(budget, budget, 20 * (budget / 500) ** 0.4) for budget in (300, 500, 800)]
    assert project(600, points=points).elasticity.mean == pytest.approx(0.4, abs=0.02)
    assert project(900, points=points).elasticity.source.startswith("what is usual")


def test_no_projection_says_why():
    few = projection.project(days(10), 500, 600, Noise())
    assert isinstance(few, NoProjection) and "10 complete days are known, 14 are needed" in few.sentence
    none = projection.project(days(conversions=0.0), 500, 600, Noise())
    assert isinstance(none, NoProjection) or none.base_conversions >= 0
    rare = projection.project([Day(day.day, day.spend, 0.1) for day in days()], 500, 600, Noise())
    assert isinstance(rare, NoProjection) and "10 are needed" in rare.sentence


def test_a_restless_account_has_wider_ranges():
    still = noise.measure([[20.0] * 60] * 6)
    wild = noise.measure([[20.0 * (1 + 0.6 * ((at // 14) % 2)) for at in range(60)]] * 6)
    assert wild.unrest > 2 * still.unrest
    assert noise.measure([]) == Noise()


def test_interval_score_and_coverage():
    found = [Scored(1, True, -1, 1, 0), Scored(1, True, -1, 1, 2), Scored(1, False, -5, 5, 0)]
    executed, idle = scoring.by_version(found)
    assert (executed.count, executed.inside, executed.width) == (2, 1, 2)
    assert executed.interval_score == pytest.approx((2 + 2 + 10) / 2)
    assert 0 < executed.low95 < 0.5 < executed.high95 < 1
    assert (idle.executed, idle.coverage) == (False, 1)


@pytest.mark.parametrize("world", [world for world in WORLDS if world.name in ("usual", "small")], ids=lambda w: w.name)
def test_ranges_hold_in_the_simulated_market(world):
    found = measure(world, 200, seed=1)["Stratum"]
    assert np.isfinite(found.widths).all()
    assert found.effect / found.tried >= 0.75
    assert 0.75 <= found.observed / found.tried <= 0.90
