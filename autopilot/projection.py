"""What a change of budget will bring, and what of it will be seen: ranges that are meant to turn out right. Pure.

Method (version 2): conversions = base · (new ÷ old)^b. The elasticity b comes from the platform's simulation where its
points bracket the target, else from a prior that the account's own days may move a little. The range of the effect is
that of b and of the counted base; the range that will be observed adds what 14-day means do without any change (see
autopilot.noise).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from autopilot.noise import Noise

Floats = NDArray[np.float64]

METHOD_VERSION = 2
PRIOR_MEAN, PRIOR_SD = 0.7, 0.3
LOWEST_B, HIGHEST_B = 0.0, 1.2
SIMULATION_SD = 0.15
# Spend follows demand, so days with much spend are days with much demand: the regression knows less than it says.
DISTRUST = 4.0
SHARE = 0.80
TAILS = ((1 - SHARE) / 2, 1 - (1 - SHARE) / 2)
GRID = 41  # points of b's distribution
BASES = 15  # points of the base's
DELIVERS_FROM = 0.90  # of the budget; below it the budget is not what limits
FEWEST_CONVERSIONS = 10
FEWEST_DAYS = 21  # before a regression is tried
HISTORY_DAYS, BASE_DAYS, SKIPPED_DAYS = 60, 14, 3
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    spend: float
    conversions: float
    revenue: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """The platform's own estimate for a daily budget."""

    budget: float
    spend: float
    conversions: float


@dataclass(frozen=True, slots=True)
class Range:
    low: float
    high: float

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Elasticity:
    """A normal distribution cut to [0, 1.2], and where it comes from."""

    mean: float
    sd: float
    source: str

    def quantile(self, share: float) -> float:
        normal = NormalDist(self.mean, self.sd)
        low, high = normal.cdf(LOWEST_B), normal.cdf(HIGHEST_B)
        return min(max(normal.inv_cdf(min(max(low + share * (high - low), 1e-9), 1 - 1e-9)), LOWEST_B), HIGHEST_B)

    def grid(self) -> Floats:
        return np.array([self.quantile((step + 0.5) / GRID) for step in range(GRID)])


@dataclass(frozen=True, slots=True)
class Projection:
    """Per day. `effect`: what the change does (80 %). `observed`: what the mean of the 14 days after it will differ by,
    noise included; `noise`: the same without any change. `roas`: its change, None without revenue.
    """

    spend: float
    effect: Range
    observed: Range
    noise: Range
    roas: Range | None
    base_conversions: float
    base_spend: float
    elasticity: Elasticity
    delivery: float
    basis: str
    version: int = METHOD_VERSION


@dataclass(frozen=True, slots=True)
class NoProjection:
    """Why there is none: an honest answer too."""

    sentence: str


def project(
    history: Sequence[Day],
    old: float,
    new: float,
    noise: Noise,
    *,
    points: Sequence[Point] = (),
) -> Projection | NoProjection:
    """`history`: complete days in their order, the last 3 left out. `old` and `new`: budgets a day, above 0."""
    base = history[-BASE_DAYS:]
    if len(base) < BASE_DAYS:
        return NoProjection(f"No projection: {len(base)} complete days are known, {BASE_DAYS} are needed.")
    conversions = sum(day.conversions for day in history)
    if conversions < FEWEST_CONVERSIONS:
        return NoProjection(
            f"No projection: {conversions:.3g} conversions in {len(history)} days, {FEWEST_CONVERSIONS} are needed."
        )
    spend = sum(day.spend for day in base) / BASE_DAYS
    mean = sum(day.conversions for day in base) / BASE_DAYS
    delivery = spend / old
    step = _step(spend, old, new)
    found = elasticity(history, old, new, points)
    effects = mean * (step ** found.grid() - 1)
    low, high = _effect(mean, step, found)
    return Projection(
        spend=spend * (step - 1),
        effect=Range(low, high),
        observed=_observed(effects, mean, noise),
        noise=_observed(np.zeros(1), mean, noise),
        roas=_roas(base, step, found),
        base_conversions=mean,
        base_spend=spend,
        elasticity=found,
        delivery=delivery,
        basis=_basis(found, delivery, step, len(history)),
    )


def _step(spend: float, old: float, new: float) -> float:
    """By what factor spend will change: the budget's, unless it is not what limits now."""
    if spend / old >= DELIVERS_FROM:
        return new / old
    return min(1.0, new / spend) if spend > 0 else 1.0


def _effect(mean: float, step: float, found: Elasticity) -> tuple[float, float]:
    """The base was counted over 14 days, so it is itself known only as well as its count."""
    sd = 1 / sqrt(max(mean * BASE_DAYS, 1.0))
    bases = mean * np.maximum([1 + sd * NORMAL.inv_cdf((place + 0.5) / BASES) for place in range(BASES)], 0)
    effects = np.outer(bases, step ** found.grid() - 1)
    low, high = np.quantile(effects, TAILS)
    return float(low), float(high)


def elasticity(history: Sequence[Day], old: float, new: float, points: Sequence[Point]) -> Elasticity:
    simulated = from_points(points, old, new)
    if simulated is not None:
        return Elasticity(simulated, SIMULATION_SD, "the platform's own budget simulation")
    learnt = regression(history)
    if learnt is None:
        return Elasticity(PRIOR_MEAN, PRIOR_SD, "what is usual, as there are too few days to learn from")
    slope, variance = learnt
    own, usual = 1 / (variance * DISTRUST), 1 / PRIOR_SD**2
    mean = (slope * own + PRIOR_MEAN * usual) / (own + usual)
    weight = own / (own + usual)
    return Elasticity(
        min(max(mean, LOWEST_B), HIGHEST_B), sqrt(1 / (own + usual)), f"what is usual, and {weight:.0%} its own days"
    )


def from_points(points: Sequence[Point], old: float, new: float) -> float | None:
    """The slope between the two budgets on the platform's curve, where its points reach both."""
    usable = sorted((point for point in points if point.budget > 0 and point.conversions > 0), key=_by_budget)
    if len(usable) < 2 or old == new:
        return None
    if not usable[0].budget <= min(old, new) or not usable[-1].budget >= max(old, new):
        return None
    budgets = np.log([point.budget for point in usable])
    conversions = np.log([point.conversions for point in usable])
    low, high = np.interp(np.log([old, new]), budgets, conversions)
    return float(min(max((high - low) / log(new / old), LOWEST_B), HIGHEST_B))


def _by_budget(point: Point) -> float:
    return point.budget


def regression(history: Sequence[Day]) -> tuple[float, float] | None:
    """Slope of log conversions on log spend with a level for each weekday, and its variance, made larger for days that
    resemble their neighbours. Days are weighted by their expected count; days without conversions take part as half.
    """
    days = [day for day in history if day.spend > 0]
    if len(days) < FEWEST_DAYS:
        return None
    spend = np.log([day.spend for day in days])
    counts = np.array([day.conversions for day in days])
    weekdays = np.array([day.day.weekday() for day in days])
    design = np.column_stack([spend - spend.mean(), *(weekdays == which for which in np.unique(weekdays))])
    weights = np.maximum(np.convolve(counts, np.ones(7) / 7, "same"), 0.5)
    return _weighted(design, np.log(np.maximum(counts, 0.5)), weights)


def _weighted(design: Floats, answer: Floats, weights: Floats) -> tuple[float, float] | None:
    root = np.sqrt(weights)
    scaled, target = design * root[:, None], answer * root
    gram = scaled.T @ scaled
    freedom = len(answer) - design.shape[1]
    if freedom < 5 or np.linalg.matrix_rank(gram) < len(gram):
        return None
    inverse = np.linalg.inv(gram)
    fitted = inverse @ scaled.T @ target
    rest = target - scaled @ fitted
    variance = float(inverse[0, 0] * (rest @ rest) / freedom) * _inflation(rest)
    return float(fitted[0]), max(variance, 1e-4)


def _inflation(rest: Floats) -> float:
    """What autocorrelation takes from the number of independent days: (1 + r) ÷ (1 − r)."""
    total = float(rest @ rest)
    r = float(rest[1:] @ rest[:-1]) / total if total else 0.0
    r = min(max(r, 0.0), 0.8)
    return (1 + r) / (1 - r)


def _observed(effects: Floats, base: float, noise: Noise) -> Range:
    """Quantiles of effect plus noise: a mixture of normals around each point of the effect's distribution."""
    sds = noise.sd(base, effects)
    low, high = (_quantile(effects, sds, tail) for tail in TAILS)
    return Range(max(low, -base), high)


def _quantile(means: Floats, sds: Floats, share: float) -> float:
    low = float((means - 6 * sds).min())
    high = float((means + 6 * sds).max())
    for _ in range(60):
        middle = (low + high) / 2
        reached = sum(NORMAL.cdf((middle - mean) / sd) for mean, sd in zip(means, sds, strict=True)) / len(means)
        low, high = (middle, high) if reached < share else (low, middle)
    return (low + high) / 2


def _roas(base: Sequence[Day], step: float, found: Elasticity) -> Range | None:
    spend, revenue = sum(day.spend for day in base), sum(day.revenue for day in base)
    if not spend or not revenue:
        return None
    ends = sorted(revenue / spend * (step ** (found.quantile(tail) - 1) - 1) for tail in TAILS)
    return Range(ends[0], ends[1])


def _basis(found: Elasticity, delivery: float, step: float, days: int) -> str:
    if step == 1.0:
        return f"Only {delivery:.0%} of the budget is spent: the budget is not the constraint, so about no effect."
    return f"Elasticity {found.mean:.2f} ± {found.sd:.2f} from {found.source}; {days} days of history."


def constant_cpa(base: float, old: float, new: float, counts: float) -> Range:
    """What most tools show: conversions grow with the budget, with the Poisson range of the count behind the CPA."""
    middle = base * (new / old - 1)
    half = abs(middle) * NORMAL.inv_cdf(TAILS[1]) / sqrt(max(counts, 1))
    return Range(middle - half, middle + half)


def plain_regression(history: Sequence[Day], old: float, new: float) -> Range | None:
    """The regression alone, believed as it is."""
    learnt = regression(history)
    if learnt is None:
        return None
    slope, variance = learnt
    base = sum(day.conversions for day in history[-BASE_DAYS:]) / BASE_DAYS
    wide = NORMAL.inv_cdf(TAILS[1]) * sqrt(variance)
    ends = sorted(base * (exp(end * log(new / old)) - 1) for end in (slope - wide, slope + wide))
    return Range(ends[0], ends[1])
