"""Who did what: conditions about events, and who fulfils them.

Instants are whole microseconds since 1970 UTC, durations whole microseconds, ranges half-open [start, end). Events are
ordered by (time, received, sequence number), which is total.
"""

from dataclasses import dataclass
from typing import Literal

from cdp.engine.arrays import Ints
from cdp.engine.events import BEGINNING, ENDLESS, EventName, Events
from cdp.engine.predicates import Predicate
from cdp.engine.sets import chosen

Measure = Literal["count", "sum", "avg", "min", "max", "unique"]
Compare = Literal["gt", "gte", "lt", "lte", "eq", "neq", "between"]


@dataclass(frozen=True)
class EventCondition:
    """Whose aggregate of the `events` compares with `value` (two of them for "between", inclusive) as `op` says.

    Exact: sums and averages are compared as the decimals they are, averages after rounding. Without any event count,
    sum and unique are 0; without a value the others fulfil nothing but "neq".
    """

    events: Events
    fn: Measure = "count"
    property: str | None = None
    op: Compare = "gte"
    value: float | tuple[float, float] = 1


@dataclass(frozen=True)
class FirstEvent:
    """Whose very first one of the `events` (of all that are stored) lies in [start, end)."""

    events: Events
    start: int
    end: int


@dataclass(frozen=True)
class LastEvent:
    """Whose last one of the `events` satisfies `has`."""

    events: Events
    has: Predicate


@dataclass(frozen=True)
class Regular:
    """Who did it in at least `at_least` of the last `periods` periods (as_of - (k + 1) * period, as_of - k * period]:
    so many of the `events` that their number compares with `value` as `op` says."""

    events: Events
    period: int
    periods: int
    at_least: int
    op: Compare = "gte"
    value: float | tuple[float, float] = 1


@dataclass(frozen=True)
class SequenceStep:
    """Any of `names` that satisfies `where`, from `min_gap` to `max_gap` after the previous step, both inclusive."""

    names: tuple[EventName, ...]
    where: Predicate | None = None
    min_gap: int = 0
    max_gap: int | None = None


@dataclass(frozen=True)
class Without:
    """No such event strictly between the steps with the 0-based indexes `after` < `before` in the order of events."""

    names: tuple[EventName, ...]
    where: Predicate | None
    after: int
    before: int


@dataclass(frozen=True)
class SequenceCondition:
    """Who has distinct events in [start, end), one per step, each after the previous one in the order of events, the
    last at most `total` after the first. Any such events will do, not only the first ones."""

    steps: tuple[SequenceStep, ...]
    start: int = BEGINNING
    end: int = ENDLESS
    total: int | None = None
    exclusions: tuple[Without, ...] = ()


Condition = EventCondition | FirstEvent | LastEvent | Regular | SequenceCondition


@dataclass(frozen=True, eq=False)
class Members:
    """The ascending `profile` of those who fulfil a condition; with `is_complement` of those who do not, because the
    condition ("no purchase", "less than two") also holds for everybody who did nothing."""

    profile: Ints
    is_complement: bool = False

    def among(self, universe: Ints) -> Ints:
        """The members of an ascending universe."""
        return chosen(universe, self.profile, not self.is_complement)
