"""What is measured about the events that automation relies on, and how good each value is.

Every signal has a curve from its value to a score of 0 to 100, piecewise linear between the points of the product's
table, and some have a value that is critical by itself.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import log10

HOUR = 3_600.0
LOWEST_P = 1e-12  # of a tail probability: log10 needs something above nothing

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` are (value, score), by ascending value; outside of them the score stays what it is at the end."""

    points: tuple[Point, ...]
    scale: Callable[[float], float] = float

    def score(self, value: float) -> float:
        scaled = self.scale(value)
        right = bisect_right([at for at, _ in self.points], scaled)
        if right == 0:
            return self.points[0][1]
        if right == len(self.points):
            return self.points[-1][1]
        (low, from_score), (high, to_score) = self.points[right - 1], self.points[right]
        return from_score + (to_score - from_score) * (scaled - low) / (high - low)


@dataclass(frozen=True, slots=True)
class Signal:
    """`show(value)` and `show(threshold)` write a value as people read it; `critical(value)` tells a fatal one.

    `low` and `high` are what a reading may be; `goal` is the value at which the score is 70.
    """

    name: str
    label: str
    sentence: str
    curve: Curve
    critical: Callable[[float], bool]
    critical_words: str
    goal: float
    show: Callable[[float], str]
    low: float
    high: float
    weight: int
    rising: bool
    max_age: timedelta = timedelta(hours=24)


def _log10(p: float) -> float:
    return log10(max(p, LOWEST_P))


def _plain(value: float) -> str:
    """As people write a measured number: 3.2, but 4.0 for a threshold is written by the policy."""
    return f"{value:.1f}"


def _percent(value: float) -> str:
    shown = f"{100 * value:.1f}".removesuffix(".0")
    return f"{shown}%"


def _delay(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    hours = f"{seconds / HOUR:.1f}".removesuffix(".0")
    return f"{hours} h"


def _probability(value: float) -> str:
    return f"p = {value:.3f}" if value >= 0.001 else "p < 0.001"


EMQ = Signal(
    name="emq",
    label="Event Match Quality",
    sentence="How well the platform can match events to people, from 0 to 10.",
    curve=Curve(((0.0, 0.0), (4.0, 40.0), (6.0, 70.0), (8.5, 100.0))),
    critical=lambda value: value < 4.0,
    critical_words="below 4.0",
    goal=6.0,
    show=_plain,
    low=0.0,
    high=10.0,
    weight=30,
    rising=True,
)
FRESHNESS = Signal(
    name="freshness",
    label="Freshness",
    sentence="How long events take to arrive (95th percentile), and how old the last sync is: the worse of the two.",
    curve=Curve(((HOUR, 100.0), (2 * HOUR, 70.0), (12 * HOUR, 40.0), (24 * HOUR, 0.0))),
    critical=lambda value: value >= 24 * HOUR,
    critical_words="24 h or more",
    goal=2 * HOUR,
    show=_delay,
    low=0.0,
    high=3_660 * 24 * HOUR,
    weight=15,
    rising=False,
)
VOLUME = Signal(
    name="volume",
    label="Volume",
    sentence="How likely so few events would be by chance, against the same hours of the last eight weeks.",
    # The slope of the last piece goes on below one in a thousand; nothing at all where ten were expected is 0.
    curve=Curve(
        ((-3.0 - 4 / 3, 0.0), (-3.0, 40.0), (-2.0, 70.0), (_log10(0.05), 100.0)),
        scale=_log10,
    ),
    critical=lambda value: value <= 0.0,
    critical_words="no events where at least 10 were expected",
    goal=0.01,
    show=_probability,
    low=0.0,
    high=1.0,
    weight=15,
    rising=True,
)
COVERAGE = Signal(
    name="coverage",
    label="Coverage",
    sentence="How many of the orders in your own books arrived as events within 24 hours.",
    curve=Curve(((0.60, 0.0), (0.85, 40.0), (0.92, 70.0), (0.98, 100.0))),
    critical=lambda value: value < 0.60,
    critical_words="below 60%",
    goal=0.92,
    show=_percent,
    low=0.0,
    high=10.0,
    weight=15,
    rising=True,
)
VARIANCE = Signal(
    name="variance",
    label="Attribution Variance",
    sentence="How far the platform's conversions have drifted from your own, against the last 28 days.",
    curve=Curve(((0.05, 100.0), (0.15, 70.0), (0.25, 40.0), (0.40, 0.0))),
    critical=lambda value: value >= 0.40,
    critical_words="40% or more",
    goal=0.15,
    show=_percent,
    low=0.0,
    high=100.0,
    weight=10,
    rising=False,
)
API_HEALTH = Signal(
    name="api_health",
    label="API Health",
    sentence="How many of the last 50 calls to the platform failed; a lost login counts as all of them.",
    curve=Curve(((0.0, 100.0), (0.05, 70.0), (0.15, 40.0), (0.30, 0.0))),
    critical=lambda value: value >= 0.30,
    critical_words="30% or more, or a lost login",
    goal=0.05,
    show=_percent,
    low=0.0,
    high=1.0,
    weight=10,
    rising=False,
    max_age=timedelta(hours=2),
)
DEDUP = Signal(
    name="dedup",
    label="Deduplication",
    sentence="How many events sent by both browser and server share one event id.",
    curve=Curve(((0.30, 0.0), (0.60, 40.0), (0.80, 70.0), (0.95, 100.0))),
    critical=lambda value: value < 0.30,
    critical_words="below 30%",
    goal=0.80,
    show=_percent,
    low=0.0,
    high=1.0,
    weight=5,
    rising=True,
)

SIGNALS: Mapping[str, Signal] = {
    signal.name: signal for signal in (EMQ, FRESHNESS, VOLUME, COVERAGE, VARIANCE, API_HEALTH, DEDUP)
}
