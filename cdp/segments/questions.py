"""What a condition about events asks the engine, at an instant, and which instants it turns at."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from cdp.definitions.conditions import (
    FirstPerformed,
    LastPerformed,
    OfEvents,
    Performed,
    RegularlyPerformed,
    Sequence,
)
from cdp.definitions.windows import Window
from cdp.engine.conditions import (
    Condition,
    EventCondition,
    FirstEvent,
    LastEvent,
    Regular,
    SequenceCondition,
    SequenceStep,
    Without,
)
from cdp.engine.events import BEGINNING, ENDLESS, Events
from cdp.engine.predicate_refs import beside_profiles
from cdp.engine.predicates import OfProfile, Predicate

Range = tuple[int, int]
OfNames = Performed | FirstPerformed | LastPerformed | RegularlyPerformed
ALWAYS = (BEGINNING, ENDLESS)


Known = Mapping[str, OfProfile]  # what profiles are, by field


def question(leaf: OfEvents, as_of: int, zone: ZoneInfo, known: Known) -> Condition:
    """`known`: all fields of profiles that the events are compared with."""
    match leaf:
        case Performed():
            events = _events(leaf, _bounds(leaf.window, as_of, zone), known)
            return EventCondition(events, leaf.measure, leaf.property, leaf.op, leaf.value)
        case FirstPerformed():
            return FirstEvent(_events(leaf, ALWAYS, known), *leaf.window.bounds(as_of, zone))
        case LastPerformed():
            events = _events(leaf, _bounds(leaf.window, as_of, zone), known)
            return LastEvent(events, beside_profiles(leaf.has, known))
        case RegularlyPerformed():
            events = _events(leaf, ALWAYS, known)
            return Regular(events, leaf.period, leaf.periods, leaf.at_least, leaf.op, leaf.value)
        case Sequence():
            return _sequence(leaf, _bounds(leaf.window, as_of, zone), known)


def _events(leaf: OfNames, inside: Range, known: Known) -> Events:
    return Events(leaf.events, _where(leaf.where, known), *inside)


def _where(where: Predicate | None, known: Known) -> Predicate | None:
    return where if where is None else beside_profiles(where, known)


def _bounds(window: Window | None, as_of: int, zone: ZoneInfo) -> Range:
    return ALWAYS if window is None else window.bounds(as_of, zone)


def _sequence(leaf: Sequence, inside: Range, known: Known) -> SequenceCondition:
    steps = tuple(SequenceStep(one.events, _where(one.where, known), one.min_gap, one.max_gap) for one in leaf.steps)
    without = tuple(Without(one.events, _where(one.where, known), one.after, one.before) for one in leaf.exclusions)
    return SequenceCondition(steps, *inside, leaf.total, without)


def crossed(leaf: OfEvents, before: int, now: int, zone: ZoneInfo) -> Iterator[Range]:
    """Where events must lie to count otherwise at `now` than at `before` although nothing came or went: the edges of
    its window have moved over them. The present is an edge of every window, because events of the future wait for it.
    """
    yield from _moved((before + 1,), (now + 1,))
    if isinstance(leaf, RegularlyPerformed):
        edges = [place * leaf.period - 1 for place in range(leaf.periods + 1)]
        yield from _moved([before - edge for edge in edges], [now - edge for edge in edges])
    elif leaf.window is not None:
        yield from _moved(leaf.window.bounds(before, zone), leaf.window.bounds(now, zone))


def _moved(before: list[int] | Range | tuple[int], now: list[int] | Range | tuple[int]) -> Iterator[Range]:
    for start, end in zip(before, now, strict=True):
        if start < end:
            yield start, end
