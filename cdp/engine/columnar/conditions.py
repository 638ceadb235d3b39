"""Who fulfils a condition about events: ascending profiles, or those who do not where doing nothing fulfils it too."""

from collections.abc import Sequence

import numpy as np

from cdp.engine.aggregates import MILLION, AggregateSpec
from cdp.engine.arrays import MOST, Ints, Mask
from cdp.engine.columnar.aggregate import FUNCTIONS, refuse
from cdp.engine.columnar.condition_kernels import count_periods
from cdp.engine.columnar.elsewhere import event_mask
from cdp.engine.columnar.masks import number_bounds
from cdp.engine.columnar.picked import AskedSide, asked_sides, picked
from cdp.engine.columnar.selection import Selection
from cdp.engine.columnar.sequences import refuse as refuse_sequence
from cdp.engine.columnar.sequences import sequence_members
from cdp.engine.columnar.snapshot import Side, Snapshot, Stream
from cdp.engine.conditions import (
    Compare,
    Condition,
    EventCondition,
    FirstEvent,
    LastEvent,
    Members,
    Regular,
    SequenceCondition,
)
from cdp.engine.errors import NotSupported
from cdp.engine.events import TIMESTAMP, Events
from cdp.engine.predicates import Predicate, Test, exact

ZERO_WITHOUT_EVENTS = {"count", "sum", "unique"}
NO_PERIODS = "A regular condition needs periods of some length, and no more of them than there are."
Operand = float | tuple[float, float]


def members(snapshot: Snapshot, condition: Condition, as_of: int, profiles: Ints | None) -> Members:
    refuse_condition(condition)
    found = answer(asked_sides(snapshot, profiles), condition, as_of, snapshot.floor)
    return found if profiles is None else Members(found.among(profiles))


def refuse_condition(condition: Condition) -> None:
    """Raises NotSupported for what makes no sense."""
    match condition:
        case EventCondition(events, fn, name, op, value):
            if name == TIMESTAMP:
                raise NotSupported("The times of events are compared by their first and last event.")
            refuse(AggregateSpec(events, fn, name))
            bounds_of(op, value)
        case Regular(_, period, periods, at_least, op, value):
            if period < 1 or not 1 <= at_least <= periods:
                raise NotSupported(
                    "A regular condition needs periods of some length, and no more of them than there are."
                )
            bounds_of(op, value)
        case SequenceCondition():
            refuse_sequence(condition)


def answer(sides: Sequence[AskedSide], condition: Condition, as_of: int, floor: int) -> Members:
    if isinstance(condition, EventCondition):
        return compared(sides, condition, as_of, floor)
    if isinstance(condition, Regular):
        return regular(sides, condition, as_of, floor)
    if isinstance(condition, SequenceCondition):
        return Members(sequence_members(sides, condition, as_of, floor))
    selections = [Selection(side, condition.events, as_of, floor) for side in sides]
    if isinstance(condition, FirstEvent):
        return Members(ascending([first_within(one, condition) for one in selections]))
    return Members(ascending([last_having(one, condition, as_of) for one in selections]))


def ascending(parts: list[Ints]) -> Ints:
    found: Ints = np.concatenate(parts)
    if (found[1:] < found[:-1]).any():
        found.sort(kind="stable")
    return found


def bounds_of(op: Compare, value: Operand) -> tuple[int, int]:
    """The closed range of millionths that pass ("neq": that do not)."""
    numbers = [exact(one) for one in (value if isinstance(value, tuple) else (value,))]
    is_pair = op == "between"
    if len(numbers) != 1 + is_pair or not all(number is not None and number.is_finite() for number in numbers):
        raise NotSupported(f"The operator {op} needs {'two numbers' if is_pair else 'one number'}.")
    bounds = number_bounds(Test("", "eq" if op == "neq" else op, value))
    assert bounds is not None
    return bounds


def compared(sides: Sequence[AskedSide], condition: EventCondition, as_of: int, floor: int) -> Members:
    spec = AggregateSpec(condition.events, condition.fn, condition.property)
    low, high = passing_range(condition)
    does_nothing_pass = condition.fn in ZERO_WITHOUT_EVENTS and low <= 0 <= high
    found = []
    for side in sides:
        one = Selection(side, condition.events, as_of, floor)
        if condition.fn == "count" and condition.property is None:
            found.append(one.counted((low, high), not does_nothing_pass))
            continue
        part = FUNCTIONS[condition.fn](one, spec)
        found.append(one.passing(part.present, part.value, (low, high), not does_nothing_pass))
    return Members(ascending(found), does_nothing_pass != (condition.op == "neq"))


def passing_range(condition: EventCondition) -> tuple[int, int]:
    """The closed range of what passes ("neq": what does not), as the aggregate tells it."""
    how = whole_range if condition.fn in ("count", "unique") else bounds_of
    return how(condition.op, condition.value)


def whole_range(op: Compare, value: Operand) -> tuple[int, int]:
    """The closed range of whole numbers that pass ("neq": that do not)."""
    low, high = bounds_of(op, value)
    return -(-low // MILLION), high // MILLION


def regular(sides: Sequence[AskedSide], condition: Regular, as_of: int, floor: int) -> Members:
    low, high = whole_range(condition.op, condition.value)
    is_negated = condition.op == "neq"
    does_nothing_fill = (low <= 0 <= high) != is_negated
    found = []
    for side in sides:
        start = max(condition.events.start, as_of - condition.period * condition.periods + 1)
        events = Events(condition.events.names, condition.events.where, start, condition.events.end)
        one = Selection(side, events, as_of, floor)
        filled = one.dense(condition.periods * does_nothing_fill)
        if one.lanes:
            lane = one.lanes[0] if len(one.lanes) == 1 else one.merged(one.lanes)
            rule = (as_of, condition.period, max(low, -MOST), min(high, MOST), is_negated)
            one.run(count_periods, [lane], *rule, filled, is_timed=True)
        everybody = np.ones(len(filled), np.bool_)
        found.append(one.passing(everybody, filled, (condition.at_least, MOST), not does_nothing_fill))
    return Members(ascending(found), does_nothing_fill)


def first_within(one: Selection, condition: FirstEvent) -> Ints:
    slot, lane, row = one.ends(one.lanes, is_last=False)
    ts = np.zeros(len(slot), np.int64)
    for number, found in enumerate(one.lanes):
        ts[lane == number] = found.ts[row[lane == number]]
    return one.side.ids[one.places[slot[(ts >= condition.start) & (ts < condition.end)]]]


def last_having(one: Selection, condition: LastEvent, as_of: int) -> Ints:
    slot, lane, row = one.ends(one.lanes, is_last=True)
    passes = np.zeros(len(slot), np.bool_)
    for number, stream in enumerate(one.streams):
        mine = np.flatnonzero(lane == number)
        passes[mine] = mask_of_rows(one.side, stream, row[mine], condition.has, as_of)
    return one.side.ids[one.places[slot[passes]]]


def mask_of_rows(side: Side, stream: Stream, rows: Ints, where: Predicate, as_of: int) -> Mask:
    """Which of these rows satisfy the predicate."""
    order = np.argsort(rows, kind="stable")
    some = picked(stream, rows[order], stream.profile[rows[order]])
    mask = np.empty(len(rows), np.bool_)
    mask[order] = event_mask(side, some, where, as_of)
    return mask
