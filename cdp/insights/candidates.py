"""What was tested, finding or not, and what could not be."""

from dataclasses import dataclass
from typing import Any, Literal

from cdp.insights.shares import Share

Kind = Literal["step", "period", "group"]

MIN_ENTRIES = 30  # people, in each of the compared shares
MIN_EXPECTED = 5  # people, in each cell of the table, were there no difference
MIN_DAYS = 7  # with entries, to see how much a difference varies from day to day


@dataclass(frozen=True, slots=True)
class Candidate:
    """One test. `expected` is the rate of `observed` were there nothing to find; `usual` what it is compared with.

    `step` (0-based) is the one whose drop-off is judged, or where a group's difference is widest. `places` are those of
    the judged buckets.
    """

    kind: Kind
    observed: Share
    usual: Share
    expected: float
    p: float
    step: int | None = None
    places: tuple[int, ...] = ()
    weekly: bool = False
    by: str = ""
    value: Any = None
    label: str = ""

    @property
    def difference(self) -> float:
        return self.observed.rate - self.expected

    @property
    def people(self) -> int:
        """How many more, or fewer, than at the expected rate."""
        return round(self.difference * self.observed.of)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A kind of finding, or a part of it, that there is not enough data for."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True)
class Tested:
    candidates: tuple[Candidate, ...] = ()
    shortages: tuple[Shortage, ...] = ()


def enough(of: int, rate: float) -> bool:
    """Whether so many people at that rate fill both cells of their side of the table."""
    return of >= MIN_ENTRIES and of * min(rate, 1 - rate) >= MIN_EXPECTED
