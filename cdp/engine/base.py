"""What the engine is told, what it is asked, and what it answers.

Instants are whole microseconds since 1970 UTC, durations whole microseconds, ranges half-open [start, end).
Events are ordered by (time, received, sequence number), which is total.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cdp.engine.predicates import Predicate

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Cursor = dict[str, Any]
Position = tuple[int, int, int]
Mode = Literal["ordered", "strict", "any_order"]
Counting = Literal["unique", "totals"]
Attribution = Literal["first_touch", "last_touch", "step", "all_steps"]
Fn = Literal["count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_list"]
Measure = Literal["count", "sum", "avg", "min", "max", "unique"]
Compare = Literal["gt", "gte", "lt", "lte", "eq", "neq", "between"]
Tie = Literal["alphabetical", "most_recent"]
Unit = Literal["count", "scaled", "instant", "label", "list"]

ANY_EVENT = "*"
NEVER = -1
TIMESTAMP = "timestamp"
MILLION = 1_000_000
BEGINNING, ENDLESS = -(2**62), 2**62
# Ids that lie at most this many times as far apart as there are of them are marked in one array.
SPREAD = 8


class EngineError(Exception):
    """The engine cannot answer; the text is a sentence for a person."""


class EngineBusy(EngineError):
    """Somebody else writes to this workspace and did not finish in time."""


class EngineOvertaken(EngineBusy):
    """Another process or host changed the state first: read it again and try again."""

    def __init__(self) -> None:
        super().__init__("Another change of the analytics engine came first.")


class EngineUnwritable(EngineError):
    """A change could not be stored, most likely because the disk is full: the old state stays and can be asked."""


class NotSupported(EngineError):
    """A question outside what this engine can answer."""


class EngineRebuilding(EngineError):
    """There is no state that could answer rightly, and a new one is on its way."""


class EngineDamaged(EngineError):
    """A file is missing, truncated or altered: rebuild from the truth."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(f"The engine file {file} {reason}.")
        self.damage = Damage(file, reason)


@dataclass(frozen=True, eq=False)
class EventBatch:
    """Events to append; all columns have one length. `properties` is parsed JSON, `kind` 0 track, 1 page, 2 screen.

    `profile` is the profile at ingestion: the engine follows the links itself. A sequence number comes once.
    """

    seq: Ints
    profile: Ints
    ts: Ints
    received: Ints
    name: list[str]
    kind: Bytes
    properties: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class AttributeBatch:
    """Attribute values (parsed JSON, None removes) and since when they hold."""

    profile: Ints
    name: list[str]
    value: list[Any]
    ts: Ints

    def __len__(self) -> int:
        return len(self.name)


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


@dataclass(frozen=True)
class Prefix:
    """All event names that begin with `text`."""

    text: str


EventName = str | Prefix


def is_named(event: str, name: EventName) -> bool:
    """Whether the event is one of those that the name stands for."""
    return event.startswith(name.text) if isinstance(name, Prefix) else name in (event, ANY_EVENT)


@dataclass(frozen=True)
class Events:
    """The events of any of `names` (ANY_EVENT for all) in [start, end) that satisfy `where`, and happened by the
    `as_of` of the question. The window "last D" includes the present: start = now - D, end = now + 1."""

    names: tuple[EventName, ...]
    where: Predicate | None = None
    start: int = BEGINNING
    end: int = ENDLESS


@dataclass(frozen=True)
class AggregateSpec:
    """What the `events` of each profile come to.

    Without a `property`, "count" counts events; every other `fn` needs one, and takes its value, or each item of it
    where it is a list. TIMESTAMP (for count, min, max, first and last) stands for the event's own time. Missing values
    (null, "", [], {}) are passed over.

    sum, avg, min and max take JSON numbers and numeric texts below 9 * 10**12, half-even to 6 places, and skip anything
    else. mode is the most frequent value if it comes `min_count` times, on a `tie` the first one by its text or the one
    that came last. first and last go by (time, received, sequence number). For mode, unique and unique_list 1 and 1.0
    are one value and "1" another.
    """

    events: Events
    fn: Fn
    property: str | None = None
    tie: Tie = "alphabetical"
    min_count: int = 1


@dataclass(frozen=True, eq=False)
class Aggregate:
    """Everybody with at least one of the events, by ascending `profile`; all others have nothing counted. For each:

    `present`: whether there is a value. A sum beyond 64 bits, and its average, are none. `value`: its meaning depends
    on `unit`; 0 where not present.

    - "count" (count, unique): a whole number.
    - "scaled" (sum, avg, min, max; others where all values are such numbers): millionths; an avg is rounded half-even.
    - "instant" (property TIMESTAMP): microseconds.
    - "label" (mode, first, last): a place in `labels`, JSON values (one may be there twice).
    - "list" (unique_list): how many values; they are the next ones in `items`, places in `labels`, by their text.

    `events`: how many events there are. `skipped`: values that are no numbers where numbers are needed. `ts`: for first
    and last the time of the event that gave the value (0 where not present), else None.
    """

    profile: Ints
    present: Mask
    value: Ints
    unit: Unit
    events: Ints
    skipped: Ints
    labels: tuple[Any, ...] = ()
    items: Ints | None = None
    ts: Ints | None = None

    def decoded(self) -> list[Any]:
        """The value of each profile as JSON, None where there is none; instants in microseconds."""
        if self.unit == "list":
            values = self.lists()
        elif self.unit == "label":
            values = [self.labels[place] for place in self.value.tolist()] if self.labels else [None] * len(self.value)
        elif self.unit == "scaled":
            values = scaled_to_json(self.value)
        else:
            values = list(self.value.tolist())
        for place in np.flatnonzero(~self.present).tolist():
            values[place] = None
        return values

    def lists(self) -> list[Any]:
        assert self.items is not None
        ends = np.cumsum(self.value).tolist()
        named = [self.labels[place] for place in self.items.tolist()]
        return [named[end - size : end] for size, end in zip(self.value.tolist(), ends, strict=True)]


def scaled_to_json(value: Ints) -> list[Any]:
    """Whole numbers where they are whole, else the nearest double."""
    whole: list[Any] = (value // MILLION).tolist()
    for place in np.flatnonzero(value % MILLION).tolist():
        whole[place] = value[place].item() / MILLION
    return whole


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
        members: Ints = universe.compress(is_in(universe, self.profile) != self.is_complement)
        return members


def is_in(universe: Ints, some: Ints) -> Mask:
    """Which of the universe are among some; both ascend. Ids near each other are looked up in one array."""
    if not len(universe) or not len(some):
        return np.zeros(len(universe), np.bool_)
    first, last = int(universe[0]), int(universe[-1])
    if last - first > SPREAD * len(universe):
        found: Mask = some[np.searchsorted(some, universe).clip(max=len(some) - 1)] == universe
        return found
    low, high = np.searchsorted(some, (first, last + 1))
    marks = np.zeros(last - first + 1, np.bool_)
    marks[some[low:high] - first] = True
    return marks[universe - first]


@dataclass(frozen=True)
class TimelineEvent:
    seq: int
    profile: int
    ts: int
    received: int
    name: str
    kind: int
    properties: dict[str, Any]

    @property
    def position(self) -> Position:
        return self.ts, self.received, self.seq


@dataclass(frozen=True)
class PropertySummary:
    """`types` are of number, text, bool, list, object; `samples` the most frequent values."""

    name: str
    count: int
    types: tuple[str, ...]
    samples: tuple[Any, ...]


@dataclass(frozen=True)
class EventSummary:
    name: str
    count: int
    profiles: int
    last_ts: int
    properties: tuple[PropertySummary, ...]


@dataclass(frozen=True)
class Catalog:
    """Event names by falling count, each with its properties by falling count."""

    events: tuple[EventSummary, ...]


@dataclass(frozen=True, eq=False)
class Activity:
    """Everybody who did anything, by ascending profile."""

    profile: Ints
    first_ts: Ints
    last_ts: Ints
    events: Ints


@dataclass(frozen=True, eq=False)
class Daily:
    """One entry for every day of the range, empty days too; `day` is the instant at which it begins."""

    day: Ints
    events: Ints
    profiles: Ints


@dataclass(frozen=True)
class AttributeValue:
    """What an attribute has been since `ts`; None means it was removed."""

    ts: int
    value: Any


@dataclass(frozen=True)
class Damage:
    """What is wrong with which file."""

    file: str
    reason: str


@dataclass(frozen=True)
class Stored:
    """How much the engine holds: events that count, files, and bytes on disk."""

    events: int
    files: int
    bytes: int
    pending: int = field(default=0)


class Writer(Protocol):
    """One change of the engine's state: everything given to it counts from `commit` on, or never."""

    @property
    def cursor(self) -> Cursor | None: ...

    def append(self, batch: EventBatch) -> None: ...

    def retract(self, seqs: Iterable[int]) -> None:
        """These events are voided; events that come later under such a number are not counted either."""

    def relink(self, links: Mapping[int, int]) -> None:
        """Loser → survivor merges, p → p splits p off again: events keep the profile they came with."""

    def forget(self, profiles: Iterable[int]) -> None:
        """Erase the events and attributes that now belong to these profiles, from disk too at the next compaction."""

    def purge(self, before_ts: int) -> None:
        """Drop all events before the instant."""

    def set_attributes(self, batch: AttributeBatch) -> None: ...

    def commit(self, cursor: Cursor) -> None:
        """Once. Raises EngineUnwritable."""


class Engine(Protocol):
    """The analytics of one workspace. Any number of instances, threads and processes may read while one writes."""

    def writing(self, timeout: float) -> AbstractContextManager[Writer]:
        """Raises EngineBusy after `timeout` seconds. Leaving without commit discards."""

    def cursor(self) -> Cursor | None: ...

    def open(self) -> None:
        """Make sure that the present state can be asked. Raises EngineDamaged."""

    def rebuilding(self, timeout: float) -> AbstractContextManager["Engine"]:
        """An empty engine beside this one, to be filled from the truth; leaving without an error puts it in the place
        of this one, which answers until then. Raises EngineBusy while somebody else rebuilds."""

    def check(self, most_bytes: int | None = None) -> list[Damage]:
        """Read every byte and compare; with `most_bytes` about so many, beginning where the last call ended."""

    def condemn(self, damage: Damage) -> None:
        """Let nobody ask a state that names the damaged file: what follows is a rebuild."""

    def compact(self) -> bool:
        """Fold the recent runs into the base. False when somebody else changed or compacts it meanwhile, or when
        there is no room for it: all is as before then."""

    def maintain(self) -> None:
        """What is not urgent, so that questions need not do it: fold many recent runs, remove leftovers."""

    def stored(self) -> Stored: ...

    def funnel(self, spec: FunnelSpec, as_of: int) -> FunnelAnswer: ...

    def funnel_people(self, spec: FunnelSpec, as_of: int) -> FunnelPeople: ...

    def trend(self, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
        """By bucket of entry, between ascending `edges`; only entries in the range of the spec count. A user counts
        once in every bucket entered, an attempt in the bucket in which it opened."""

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]:
        """One answer per spec; what they have in common is read once. With ascending `profiles` only of these, at a
        cost that grows with them and not with what is stored. Raises NotSupported for a spec that makes no sense."""

    def members(self, condition: Condition, as_of: int, profiles: Ints | None = None) -> Members:
        """Who fulfils the condition, of the ascending `profiles` or of all. Raises NotSupported like `aggregates`."""

    def timeline(
        self, profile: int, as_of: int, limit: int, before: Position | None = None
    ) -> tuple[TimelineEvent, ...]:
        """Newest first, up to `limit`; `before` is the position of the last event already seen."""

    def attributes(self, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
        """The attribute history, oldest first."""

    def catalog(self, since: int, as_of: int) -> Catalog: ...

    def activity(self, as_of: int) -> Activity: ...

    def daily(self, start: int, end: int, as_of: int, offset: int = 0) -> Daily:
        """Events per day; days begin `offset` microseconds east of UTC midnight."""
