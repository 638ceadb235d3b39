"""How well ranges predicted: coverage with its own uncertainty, interval score, width. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

MISSES = 1 - 0.80  # what an 80 % range may miss
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Scored:
    """A range and what came."""

    version: int
    executed: bool
    low: float
    high: float
    actual: float

    @property
    def inside(self) -> bool:
        return self.low <= self.actual <= self.high

    @property
    def interval_score(self) -> float:
        """Width, plus 2 ÷ α for each unit that it missed by: smaller is better."""
        below, above = max(self.low - self.actual, 0), max(self.actual - self.high, 0)
        return self.high - self.low + 2 / MISSES * (below + above)


@dataclass(frozen=True, slots=True)
class Scores:
    """`low95` to `high95`: Wilson's interval of the coverage."""

    version: int
    executed: bool
    count: int
    inside: int
    coverage: float
    low95: float
    high95: float
    interval_score: float
    width: float


def by_version(found: Iterable[Scored]) -> list[Scores]:
    """The newest version first, executed before not executed."""
    groups: dict[tuple[int, bool], list[Scored]] = {}
    for one in found:
        groups.setdefault((one.version, one.executed), []).append(one)
    return [_scores(*key, groups[key]) for key in sorted(groups, reverse=True)]


def _scores(version: int, executed: bool, found: list[Scored]) -> Scores:
    inside = sum(one.inside for one in found)
    low, high = wilson(inside, len(found))
    return Scores(
        version,
        executed,
        len(found),
        inside,
        inside / len(found),
        low,
        high,
        fmean(one.interval_score for one in found),
        fmean(one.high - one.low for one in found),
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share."""
    share, square = hits / of, Z95**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z95 / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)
