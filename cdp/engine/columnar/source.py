"""Rows (or items of them) as the kernels of the questions about each profile read them.

They are sorted by (profile, time), and come in runs, one for each profile. Arrays that are read come as addresses, so
that one compilation serves every width and origin of them; address 0 stands for an array that is not there.
"""

from typing import Any

from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int8, load_int16, load_int32, load_int64, load_uint8
from cdp.engine.columnar.rows import not_before

# Addresses of first row and place of each run, its slot (0: its own number), whether to skip each place; of time and
# mask of each row (no time: all rows are in the window), and the row of each item (0: items are rows); start and end
# of the window; address of the values of the items, bytes of one value, and address of their status.
# int32, int32, int32, uint8; int64, uint8, int64; integers of any width; uint8.
Source = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
FIRST, PLACE, SLOT, SKIP, TS, MASK, ROW, START, END, VALUE, WIDTH, STATUS = range(12)

COUNTED, SKIPPED = 1, 2


@inlined
def value_at(source: Source, item: int) -> Any:
    address, width = source[VALUE], source[WIDTH]
    if width == 1:
        return int(load_int8(address, item))
    if width == 8:
        return int(load_int64(address, item))
    if width == 4:
        return int(load_int32(address, item))
    return int(load_int16(address, item))


@inlined
def row_of(source: Source, item: int) -> int:
    return int(load_int64(source[ROW], item)) if source[ROW] else item


@inlined
def time_of(source: Source, item: int) -> int:
    return int(load_int64(source[TS], row_of(source, item)))


@inlined
def is_in(source: Source, item: int) -> bool:
    return source[MASK] == 0 or load_uint8(source[MASK], row_of(source, item)) != 0


@inlined
def status_of(source: Source, item: int) -> int:
    return int(load_uint8(source[STATUS], item)) if source[STATUS] else COUNTED


@inlined
def usable(source: Source, item: int) -> bool:
    return bool(is_in(source, item) and status_of(source, item) == COUNTED)


@inlined
def slot_of(source: Source, run: int) -> int:
    return int(load_int32(source[SLOT], run)) if source[SLOT] else run


@kernel
def item_not_before(source: Source, low: int, high: int, instant: int) -> int:
    """Like `not_before`, of items."""
    while low < high:
        middle = (low + high) >> 1
        if time_of(source, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return low


@inlined
def asked(source: Source, run: int) -> tuple[int, int]:
    """The items of the run in [start, end); none of those to be skipped."""
    first, after = int(load_int32(source[FIRST], run)), int(load_int32(source[FIRST], run + 1))
    if source[SKIP] and load_uint8(source[SKIP], load_int32(source[PLACE], run)):
        return first, first
    ts, start, end = source[TS], source[START], source[END]
    if ts == 0 or first == after:
        return first, after
    if source[ROW]:
        first = item_not_before(source, first, after, start)
        return first, item_not_before(source, first, after, end)
    if load_int64(ts, after - 1) < start:
        return after, after
    if load_int64(ts, after - 1) >= end:
        after = not_before(ts, first, after, end)
    if first < after and load_int64(ts, first) < start:
        first = not_before(ts, first, after, start)
    return first, after


@inlined
def count_marked(source: Source, run: int) -> int:
    """How many of the rows of the run that are asked about have the mask."""
    first, after = asked(source, run)
    count = 0
    for row in range(first, after):
        count += load_uint8(source[MASK], row) != 0
    return count
