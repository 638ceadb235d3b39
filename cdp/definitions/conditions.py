"""A segment's condition as a syntax tree, read from the JSON of the segment grammar with every fault named.

Instants are microseconds since 1970 UTC, durations microseconds. Each node knows its `path`, the JSON pointer of the
place where it was written, so that counts and reasons can be told beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Literal
from uuid import UUID

from cdp.definitions import condition_events as events
from cdp.definitions.condition_fields import field_name, field_test
from cdp.definitions.profile_filters import EVERYBODY
from cdp.definitions.reading import Reading
from cdp.definitions.windows import LONGEST, Window, parse_window
from cdp.engine.conditions import Compare, Measure
from cdp.engine.events import EventName
from cdp.engine.predicate_grammar import MAX_DEPTH, MAX_LEAVES
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import AnyItem, Predicate, ProfileRef, StepRef, Test
from stratum.lib.refusal import Invalid

GROUPS: tuple[str, ...] = ("and", "or", "not")
LEAVES: tuple[str, ...] = (
    *("all", "static", "segment", "profile", "profile_item", "event", "first_event", "last_event"),
    *("regular", "sequence", "held"),
)
TYPES = (*GROUPS, *LEAVES)
MOST_STEP_REFS = 3
MOST_FAULTS = 20  # of one list: nobody reads two hundred thousand
LARGEST_ID = 2**63 - 1
MOST_IDS = 200_000


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


def parse_condition(raw: object, pointer: str = "/condition", zone: tzinfo = UTC) -> Condition:
    """`zone` is where dates without one are read. Raises Invalid with every fault of the condition at once."""
    reading = Reading(zone)
    condition = read_condition(raw, pointer, reading)
    if reading.faults:
        raise Invalid(reading.faults)
    return condition


def read_condition(raw: object, pointer: str, reading: Reading) -> Condition:
    """Faults go to the reading."""
    before = len(reading.faults)
    condition = _node(raw, pointer, reading, depth=1)
    if len(reading.faults) == before and sum(map(weight, leaves(condition))) > MAX_LEAVES:
        reading.fault(pointer, f"A condition can have at most {MAX_LEAVES} comparisons.", "too_many")
    return condition


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
    return 1 + sum(events.comparisons(where) for where in predicates_of(leaf))


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


def _node(raw: object, path: str, reading: Reading, depth: int) -> Condition:
    if not isinstance(raw, Mapping):
        reading.fault(path, 'A condition is an object, such as {"type": "event", "event": "purchase"}.', "wrong_type")
        return All(path)
    if depth > MAX_DEPTH:
        reading.fault(path, f"Conditions can be nested at most {MAX_DEPTH} levels deep.", "too_deep")
        return All(path)
    match raw.get("type"):
        case "and":
            return Both(path, _children(raw, path, reading, depth))
        case "or":
            return Either(path, _children(raw, path, reading, depth))
        case "not":
            fields = reading.fields(raw, path, ("type", "child"))
            return Neither(path, _node(fields.get("child"), f"{path}/child", reading, depth + 1))
        case str(kind) if kind in _READERS:
            return _READERS[kind](raw, path, reading)
    reading.fault(f"{path}/type", f"A condition is one of: {', '.join(TYPES)}.", "unknown_type")
    return All(path)


def _children(raw: Mapping[str, Any], path: str, reading: Reading, depth: int) -> tuple[Condition, ...]:
    children = reading.fields(raw, path, ("type", "children")).get("children")
    if not isinstance(children, list) or not children:
        reading.fault(f"{path}/children", "A group needs at least one condition.", "required")
        return ()
    return tuple(_node(child, f"{path}/children/{place}", reading, depth + 1) for place, child in enumerate(children))


def _all(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    reading.fields(raw, path, ("type",))
    return All(path)


def _static(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "ids"))
    return StaticList(path, read_ids(fields.get("ids"), f"{path}/ids", reading))


def read_ids(value: object, pointer: str, reading: Reading) -> tuple[int, ...]:
    """Profile numbers, written as numbers or as text."""
    if not isinstance(value, list):
        sentence = "List the numbers of the profiles; an empty list holds nobody."
        reading.fault(pointer, sentence, "required" if value is None else "wrong_type")
        return ()
    if len(value) > MOST_IDS:
        reading.fault(pointer, f"List at most {MOST_IDS:,} profiles.", "too_many")
        return ()
    numbers = [_number(each) for each in value]
    sentence = "A profile's number is a whole number, as the profiles API writes its id."
    wrong = (index for index, number in enumerate(numbers) if number is None)
    for _, index in zip(range(MOST_FAULTS), wrong, strict=False):
        reading.fault(f"{pointer}/{index}", sentence)
    return tuple(number for number in numbers if number is not None)


def _number(value: object) -> int | None:
    """None for what is no number of a profile. True is a number to Python, but to nobody else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    return value if type(value) is int and 0 <= value <= LARGEST_ID else None


def _segment(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "segment"))
    try:
        return InSegment(path, UUID(str(fields.get("segment"))))
    except ValueError:
        reading.fault(f"{path}/segment", "Name the other segment by its id, as the segments API writes it.")
        return All(path)


def _profile(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "op", "value"))
    test = field_test(fields, path, reading)
    return All(path) if test is None else ProfileCondition(path, test)


def _item(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "where"))
    name = field_name(fields.get("field"), f"{path}/field", reading)
    where = reading.where(fields.get("where") or {}, f"{path}/where")
    return ProfileCondition(path, AnyItem(name, where or EVERYBODY))


def _event(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    known = ("type", "event", "where", "window", "measure", "op", "value")
    fields = reading.fields(raw, path, known)
    measure, prop = events.measure(fields.get("measure"), f"{path}/measure", reading)
    op, value = events.comparison(fields, path, reading)
    return Performed(
        path,
        events.names(fields.get("event"), f"{path}/event", reading),
        events.where(fields.get("where"), f"{path}/where", reading),
        parse_window(fields.get("window"), f"{path}/window", reading),
        measure,
        prop,
        op,
        value,
    )


def _first(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "event", "where", "window"))
    window = parse_window(fields.get("window"), f"{path}/window", reading)
    if window is None:
        sentence = 'Say when the first one was, such as {"last": "P30D"}.'
        reading.fault(f"{path}/window", sentence, "required")
        return All(path)
    names = events.names(fields.get("event"), f"{path}/event", reading)
    return FirstPerformed(path, names, events.where(fields.get("where"), f"{path}/where", reading), window)


def _last(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "event", "where", "window", "has"))
    has = events.where(fields.get("has"), f"{path}/has", reading)
    if has is None:
        reading.fault(f"{path}/has", "Say what the last one must have, as a property filter.", "required")
        return All(path)
    return LastPerformed(
        path,
        events.names(fields.get("event"), f"{path}/event", reading),
        events.where(fields.get("where"), f"{path}/where", reading),
        parse_window(fields.get("window"), f"{path}/window", reading),
        has,
    )


def _regular(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    known = ("type", "event", "where", "per", "periods", "at_least", "op", "value")
    fields = reading.fields(raw, path, known)
    periods = reading.whole(fields.get("periods"), f"{path}/periods", 1, 60)
    at_least = reading.whole(fields.get("at_least"), f"{path}/at_least", 1, 60)
    if at_least > periods:
        sentence = f"There are only {periods} periods. Choose at most {periods}."
        reading.fault(f"{path}/at_least", sentence, "out_of_range")
    op, value = events.comparison(fields, path, reading)
    return RegularlyPerformed(
        path,
        events.names(fields.get("event"), f"{path}/event", reading),
        events.where(fields.get("where"), f"{path}/where", reading),
        reading.duration(fields.get("per"), f"{path}/per", LONGEST),
        periods,
        at_least,
        op,
        value,
    )


def _sequence(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "window", "total", "steps", "exclude"))
    steps = _steps(fields.get("steps"), f"{path}/steps", reading)
    total = None if fields.get("total") is None else reading.duration(fields["total"], f"{path}/total", LONGEST)
    window = parse_window(fields.get("window"), f"{path}/window", reading)
    exclusions = _exclusions(fields.get("exclude"), f"{path}/exclude", steps, reading)
    found = Sequence(path, steps, window, total, exclusions)
    if len(step_refs(found)) > MOST_STEP_REFS:
        sentence = f"A sequence can compare with at most {MOST_STEP_REFS} properties of earlier steps."
        reading.fault(f"{path}/steps", sentence, "too_many")
    return found


def _steps(value: object, pointer: str, reading: Reading) -> tuple[Performance, ...]:
    if not isinstance(value, list) or not 2 <= len(value) <= 10:
        reading.fault(pointer, "A sequence has 2 to 10 steps.", "required")
        return ()
    return tuple(_step(one, f"{pointer}/{place}", place, reading) for place, one in enumerate(value))


def _step(value: object, pointer: str, place: int, reading: Reading) -> Performance:
    fields = reading.fields(value, pointer, ("event", "where", "gap"))
    low, high = events.gap(fields.get("gap"), f"{pointer}/gap", reading)
    if place == 0 and fields.get("gap") is not None:
        reading.fault(f"{pointer}/gap", "The first step has no step before it. Leave its gap out.")
    names = events.names(fields.get("event"), f"{pointer}/event", reading)
    where = events.where(fields.get("where"), f"{pointer}/where", reading, steps=place)
    return Performance(names, where, low, high)


def _exclusions(value: object, pointer: str, steps: tuple[Performance, ...], reading: Reading) -> tuple[Exclusion, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        reading.fault(pointer, "List the events that must not happen between two steps.", "wrong_type")
        return ()
    return tuple(_exclusion(one, f"{pointer}/{place}", len(steps), reading) for place, one in enumerate(value))


def _exclusion(value: object, pointer: str, steps: int, reading: Reading) -> Exclusion:
    fields = reading.fields(value, pointer, ("event", "where", "between"))
    between: Any = fields.get("between")
    is_pair = isinstance(between, list) and len(between) == 2 and all(type(one) is int for one in between)
    after, before = between if is_pair else (0, 1)
    if not is_pair or not 0 <= after < before < max(steps, 2):
        sentence = f"Give two steps in their order, from 0 to {max(steps, 2) - 1}, such as [0, 1]."
        reading.fault(f"{pointer}/between", sentence, "out_of_range")
    names = events.names(fields.get("event"), f"{pointer}/event", reading)
    where = events.where(fields.get("where"), f"{pointer}/where", reading, steps=after + 1)
    return Exclusion(names, where, after, before)


def _held(raw: Mapping[str, Any], path: str, reading: Reading) -> Condition:
    fields = reading.fields(raw, path, ("type", "field", "op", "value", "for"))
    test = field_test(fields, path, reading, attributes_only=True)
    op, duration = events.held_for(fields.get("for"), f"{path}/for", reading)
    return All(path) if test is None else Held(path, test, op, duration)


_READERS = {
    "all": _all,
    "static": _static,
    "segment": _segment,
    "profile": _profile,
    "profile_item": _item,
    "event": _event,
    "first_event": _first,
    "last_event": _last,
    "regular": _regular,
    "sequence": _sequence,
    "held": _held,
}
