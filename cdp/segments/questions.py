"""What a condition about events asks the engine, at an instant, and which instants it turns at."""

from collections.abc import Iterator
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
from cdp.engine import base
from cdp.engine.base import BEGINNING, ENDLESS, EventName
from cdp.engine.predicates import Predicate

Range = tuple[int, int]


def question(leaf: OfEvents, as_of: int, zone: ZoneInfo) -> base.Condition:
    match leaf:
        case Performed():
            events = _events(leaf.events, leaf.where, leaf.window, as_of, zone)
            return base.EventCondition(events, leaf.measure, leaf.property, leaf.op, leaf.value)
        case FirstPerformed():
            return base.FirstEvent(base.Events(leaf.events, leaf.where), *leaf.window.bounds(as_of, zone))
        case LastPerformed():
            return base.LastEvent(_events(leaf.events, leaf.where, leaf.window, as_of, zone), leaf.has)
        case RegularlyPerformed():
            events = base.Events(leaf.events, leaf.where)
            return base.Regular(events, leaf.period, leaf.periods, leaf.at_least, leaf.op, leaf.value)
        case Sequence():
            return _sequence(leaf, as_of, zone)


def _events(
    names: tuple[EventName, ...], where: Predicate | None, window: Window | None, as_of: int, zone: ZoneInfo
) -> base.Events:
    return base.Events(names, where, *_bounds(window, as_of, zone))


def _bounds(window: Window | None, as_of: int, zone: ZoneInfo) -> Range:
    return (BEGINNING, ENDLESS) if window is None else window.bounds(as_of, zone)


def _sequence(leaf: Sequence, as_of: int, zone: ZoneInfo) -> base.SequenceCondition:
    steps = tuple(base.SequenceStep(one.events, one.where, one.min_gap, one.max_gap) for one in leaf.steps)
    without = tuple(base.Without(one.events, one.where, one.after, one.before) for one in leaf.exclusions)
    return base.SequenceCondition(steps, *_bounds(leaf.window, as_of, zone), leaf.total, without)


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
