"""Funnels: what is asked, and what is answered.

Instants are whole microseconds since 1970 UTC, durations whole microseconds, ranges half-open [start, end).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from cdp.engine.arrays import Ints
from cdp.engine.predicates import Predicate

Mode = Literal["ordered", "strict", "any_order"]
Counting = Literal["unique", "totals"]
Attribution = Literal["first_touch", "last_touch", "step", "all_steps"]
NEVER = -1


@dataclass(frozen=True)
class Step:
    """Any of `events` (ANY_EVENT for all) that satisfies `where`, at most `max_gap` after the previous step."""

    events: tuple[str, ...]
    where: Predicate | None = None
    max_gap: int | None = None


@dataclass(frozen=True)
class Exclusion:
    """An event that must not happen strictly between the steps with the 0-based indexes `after` < `before`."""

    events: tuple[str, ...]
    where: Predicate | None
    after: int
    before: int


@dataclass(frozen=True)
class ByProperty:
    """By a property of the events that match steps (dotted paths lead into objects).

    first_touch, last_touch: the first or last value of all these events of the user, missing ones passed over, whenever
    they happened. step: the value at the 0-based `step`, of those who reached it. all_steps: the funnel is asked once
    per value, of events with that value.
    """

    property: str
    attribution: Attribution = "first_touch"
    step: int | None = None


@dataclass(frozen=True)
class ByAttribute:
    """By the profile attribute, as it is at the `as_of` of the question."""

    attribute: str


@dataclass(frozen=True, eq=False)
class ByGroups:
    """By what is known of each profile otherwise: `label[i]` (JSON) for `profile[i]`, missing for all others."""

    profile: Ints
    label: list[Any]


@dataclass(frozen=True)
class Breakdown:
    """The `limit` values with the most entries each get a group; the rest share one.

    With `values` (JSON, none of them missing) these get the groups instead, in their order, even where nobody entered.
    """

    by: ByProperty | ByAttribute | ByGroups
    limit: int = 10
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True, eq=False)
class FunnelSpec:
    """Who went how far: entries in [start, end), later steps up to `window` after the entry, inclusive. Of the given
    `profiles` only, if not None.

    With counting "totals" the answers speak of attempts instead of users. Without `timed` they leave out how long it
    took, which costs more than counting.
    """

    steps: tuple[Step, ...]
    mode: Mode
    window: int
    counting: Counting
    start: int
    end: int
    exclusions: tuple[Exclusion, ...] = ()
    profiles: Ints | None = None
    breakdown: Breakdown | None = None
    timed: bool = True


@dataclass(frozen=True)
class StepAnswer:
    """How many reached the step, and how long it took them from the previous one (None for the first step)."""

    count: int
    average_us: float | None
    median_us: float | None


@dataclass(frozen=True)
class FunnelAnswer:
    """`in_progress` have not converted, but an entry whose window is still open. Times run from entry to completion."""

    steps: tuple[StepAnswer, ...]
    converted: int
    in_progress: int
    average_us: float | None
    median_us: float | None
    breakdown: tuple["Group", ...] = ()


class Rest(Enum):
    """The label of the group of all values beyond the limit."""

    OTHER = "__other__"


OTHER = Rest.OTHER


@dataclass(frozen=True)
class Group:
    """The answer for one value (JSON) of a breakdown: None for the missing one, OTHER for the rest."""

    value: Any
    answer: FunnelAnswer


@dataclass(frozen=True)
class Bucket:
    """The answer for entries in [start, end). `is_open`: who enters in it may still convert."""

    start: int
    end: int
    is_open: bool
    answer: FunnelAnswer


@dataclass(frozen=True, eq=False)
class FunnelPeople:
    """Everybody who entered, by ascending profile; every attempt, by profile and opening, where totals are counted.

    `step_ts` is (people, steps), NEVER where a step was not reached. In any order, column k is the step done as k-th.
    With a breakdown `group` is each one's place in `groups`, the values of the answer's breakdown in its order; with
    attribution "step" those who did not reach it are left out, with "all_steps" one may be in several groups.
    """

    profile: Ints
    depth: Ints
    step_ts: Ints
    group: Ints | None = None
    groups: tuple[Any, ...] = ()

    @property
    def entry_ts(self) -> Ints:
        return self.step_ts[:, 0]

    @property
    def completion_ts(self) -> Ints:
        return self.step_ts[:, -1]
