"""Who fulfils a condition, by how many events a profile has or by what was found for it.

A call answers the slots or the runs [low, high), and writes ids one after the other. `ids` is the address of the id of
each place (int64), `places` that of the place of each slot (int32).
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int32, load_int64, load_uint8
from cdp.engine.columnar.rows import not_before
from cdp.engine.columnar.source import (
    END,
    FIRST,
    MASK,
    PLACE,
    SKIP,
    START,
    TS,
    Source,
    asked,
    count_marked,
    slot_of,
)


@kernel
def take_ids(ids: int, places: int, low: int, high: int, taken: Array) -> None:
    """Those of all slots."""
    for slot in range(low, high):
        taken[slot] = load_int64(ids, load_int32(places, slot))


@kernel
def take_passing(
    ids: int,
    places: int,
    low: int,
    high: int,
    events: Array,
    present: Array,
    value: Array,
    least: int,
    most: int,
    wanted: bool,
    taken: Array,
) -> int:
    """The ids of those with events for whom it is as `wanted` whether their value is from `least` to `most`; returns
    how many."""
    count = 0
    for slot in range(low, high):
        taken[count] = load_int64(ids, load_int32(places, slot))
        passes = present[slot] and least <= value[slot] <= most
        count += passes == wanted and events[slot] > 0
    return count


@inlined
def has_rows(ts: int, first: int, after: int, start: int, number: int) -> bool:
    """Whether so many of the rows [first, after) are not before `start`: only one of them has to be looked at."""
    if number <= 0:
        return True
    return bool(after - first >= number and (ts == 0 or load_int64(ts, after - number) >= start))


@kernel
def take_counted(
    source: Source, ids: int, low: int, high: int, least: int, most: int, wanted: bool, taken: Array
) -> int:
    """The ids of those with any row for whom it is as `wanted` whether these are from `least` to `most`; returns how
    many. Slots are the runs."""
    ts, mask, start, end = source[TS], source[MASK], source[START], source[END]
    count = 0
    for run in range(low, high):
        place = load_int32(source[PLACE], run)
        if source[SKIP] and load_uint8(source[SKIP], place):
            continue
        if mask:
            rows = count_marked(source, run)
            has_any, fits = rows > 0, least <= rows <= most
        else:
            first, after = int(load_int32(source[FIRST], run)), int(load_int32(source[FIRST], run + 1))
            if ts and load_int64(ts, after - 1) >= end:
                after = not_before(ts, first, after, end)
            has_any = has_rows(ts, first, after, start, 1)
            fits = has_rows(ts, first, after, start, least) and not has_rows(ts, first, after, start, most + 1)
        taken[np.uint64(count)] = load_int64(ids, place)
        count += has_any and fits == wanted
    return count


@kernel
def count_periods(
    source: Source,
    low: int,
    high: int,
    as_of: int,
    period: int,
    least: int,
    most: int,
    is_negated: bool,
    filled: Array,
) -> None:
    """In how many periods, counted back from `as_of`, there are from `least` to `most` rows, or if negated are not.
    `filled` begins with the number of periods if no row at all will do, else with 0."""
    ts, mask = source[TS], source[MASK]
    does_nothing_fill = (least <= 0 <= most) != is_negated
    for run in range(low, high):
        first, after = asked(source, run)
        one, change = after - 1, 0
        while one >= first:
            index, count = (as_of - load_int64(ts, one)) // period, 0
            while one >= first and (as_of - load_int64(ts, one)) // period == index:
                count += mask == 0 or load_uint8(mask, one) != 0
                one -= 1
            if count:
                change += int((least <= count <= most) != is_negated) - int(does_nothing_fill)
        filled[slot_of(source, run)] += change
