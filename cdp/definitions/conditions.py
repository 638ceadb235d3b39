"""A segment's condition as a syntax tree, and ways through it; `condition_reading` reads it from JSON.

Instants are microseconds since 1970 UTC, durations microseconds. Each node knows its `path`, the JSON pointer of the
place where it was written, so that counts and reasons can be told beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from cdp.definitions.windows import Window
from cdp.engine.conditions import Compare, Measure
from cdp.engine.events import EventName
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import AnyItem, Predicate, ProfileRef, StepRef, Test, count_leaves


@dataclass(frozen=True, slots=True)
class All:
    """Everybody."""

    path: str


@dataclass(frozen=True, slots=True)
class Both:
    """Who satisfies every one of the children."""

    path: str
    children: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Who satisfies at least one of the children."""

    path: str
    children: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Neither:
    """Everybody who does not satisfy the child."""

    path: str
    child: "Condition"


@dataclass(frozen=True, slots=True)
class StaticList:
    """Exactly these profiles, by their numbers, as given: a fault names the place."""

    path: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InSegment:
    """Who is in another segment."""

    path: str
    segment: UUID


@dataclass(frozen=True, slots=True)
class ProfileCondition:
    """A field of the profile, or an item of the list that it holds."""

    path: str
    predicate: Test | AnyItem

    @property
    def field(self) -> str:
        return self.predicate.property


@dataclass(frozen=True, slots=True)
class Performed:
    """How often, how much: the measure of the events compared with `value`. Without `op` it is at least once."""

    path: str
    events: tuple[EventName, ...]
    where: Predicate | None
    window: Window | None
    measure: Measure
    property: str | None
    op: Compare
    value: float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class FirstPerformed:
    path: str
    events: tuple[EventName, ...]
    where: Predicate | None
    window: Window


@dataclass(frozen=True, slots=True)
class LastPerformed:
    path: str
    events: tuple[EventName, ...]
    where: Predicate | None
    window: Window | None
    has: Predicate


@dataclass(frozen=True, slots=True)
class RegularlyPerformed:
    path: str
    events: tuple[EventName, ...]
    where: Predicate | None
    period: int
    periods: int
    at_least: int
    op: Compare
    value: float | tuple[float, float]


@dataclass(frozen=True, slots=True)
class Performance:
    """One step of a sequence; the gap is that to the step before."""

    events: tuple[EventName, ...]
    where: Predicate | None
    min_gap: int
    max_gap: int | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """No such event strictly between two steps, 0-based."""

    events: tuple[EventName, ...]
    where: Predicate | None
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class Sequence:
    path: str
    steps: tuple[Performance, ...]
    window: Window | None
    total: int | None
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """An attribute whose present value has satisfied the test for so long."""

    path: str
    test: Test
    op: Literal["gt", "gte", "lt", "lte"]
    duration: int

    @property
    def attribute(self) -> str:
        return self.test.property


Leaf = (
    All | StaticList | InSegment | ProfileCondition | Performed | FirstPerformed | LastPerformed
    | RegularlyPerformed | Sequence | Held
)  # fmt: skip
Condition = Both | Either | Neither | Leaf
OfEvents = Performed | FirstPerformed | LastPerformed | RegularlyPerformed | Sequence


def nodes(condition: Condition) -> Iterator[Condition]:
    """The condition and everything in it, in the order of writing."""
    yield condition
    match condition:
        case Both(_, children) | Either(_, children):
            for child in children:
                yield from nodes(child)
        case Neither(_, child):
            yield from nodes(child)


def leaves(condition: Condition) -> Iterator[Leaf]:
    return (node for node in nodes(condition) if not isinstance(node, Both | Either | Neither))


def weight(leaf: Leaf) -> int:
    """How many comparisons it is: its own, and those of its property filters."""
    return 1 + sum(count_leaves(where) for where in predicates_of(leaf))


def predicates_of(leaf: Leaf) -> Iterator[Predicate]:
    """The property filters of a condition about events."""
    match leaf:
        case Sequence(steps=steps, exclusions=exclusions):
            found = [*(step.where for step in steps), *(one.where for one in exclusions)]
        case LastPerformed(where=where, has=has):
            found = [where, has]
        case Performed(where=where) | FirstPerformed(where=where) | RegularlyPerformed(where=where):
            found = [where]
        case ProfileCondition(predicate=AnyItem(where=where)):
            found = [where]
        case _:
            found = []
    return (one for one in found if one is not None)


def profile_refs(leaf: Leaf) -> frozenset[str]:
    """The fields of the profile that its events are compared with."""
    asked = (operand for where in predicates_of(leaf) for operand in elsewhere(where))
    return frozenset(operand.field for operand in asked if isinstance(operand, ProfileRef))


def step_refs(leaf: Leaf) -> frozenset[StepRef]:
    asked = (operand for where in predicates_of(leaf) for operand in elsewhere(where))
    return frozenset(operand for operand in asked if isinstance(operand, StepRef))


def event_names(leaf: Leaf) -> tuple[EventName, ...]:
    """Whose coming or going may change the answer."""
    match leaf:
        case Sequence(steps=steps, exclusions=exclusions):
            named = [*(step.events for step in steps), *(one.events for one in exclusions)]
            return tuple(name for names in named for name in names)
        case Performed() | FirstPerformed() | LastPerformed() | RegularlyPerformed():
            return leaf.events
    return ()
