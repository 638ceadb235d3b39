"""Streams that serve one step each, as the kernels see them: a table of addresses, so that one compilation serves any
number of steps.

A stream is sorted by (place of the profile, time). Times are int64 microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import address, load_int32, load_int64, load_uint8
from cdp.engine.columnar.rows import seek

# Columns of the table: addresses of profile (int32), time (int64), mask (uint8; 0: every row serves the step) and of
# the rows at which each profile begins (int32; 0: to be searched for), and the number of rows.
PROFILE, TS, MASK, BEGINS, ROWS, WIDTH = range(6)
BYTES = 8
# With fewer rows than a profile in so many has, their beginnings are not worth the memory.
PROFILES_PER_ROW = 8
# So many rows are sooner looked at one after the other than halved.
FEW_ROWS = 8


@dataclass(frozen=True, eq=False)
class StepStream:
    """mask: (rows,) 1 where the row serves the step, None where all do. begins: (places + 1,) first row of each."""

    profile: NDArray[np.int32]
    ts: Ints
    mask: NDArray[np.uint8] | None
    begins: NDArray[np.int32] | None

    def line(self) -> list[int]:
        return [*map(address, (self.profile, self.ts, self.mask, self.begins)), len(self.ts)]


def table_of(streams: Sequence[StepStream]) -> Ints:
    """The caller keeps alive what the addresses point to."""
    return np.array([one.line() for one in streams], np.int64).reshape(-1, WIDTH)


def first_rows(profile: NDArray[np.int32], places: int) -> NDArray[np.int32] | None:
    """The row at which each place begins, and at the end the number of rows; None where they are few."""
    if len(profile) * PROFILES_PER_ROW < places:
        return None
    begins = np.empty(places + 1, np.int32)
    mark_first_rows(profile.ctypes.data, len(profile), begins)
    return begins


@kernel
def mark_first_rows(profile: int, rows: int, begins: Array) -> None:
    place = 0
    for row in range(rows):
        while place <= load_int32(profile, row):
            begins[place] = row
            place += 1
    while place < len(begins):
        begins[place] = rows
        place += 1


@inlined
def line_of(table: int, step: int) -> int:
    """The address of a stream's line in the table at this address."""
    return table + step * WIDTH * BYTES


@inlined
def time_of(line: int, row: int) -> int:
    return int(load_int64(load_int64(line, TS), row))


@inlined
def is_marked(line: int, row: int) -> bool:
    mask = load_int64(line, MASK)
    return bool(mask == 0 or load_uint8(mask, row) != 0)


@inlined
def rows_of_place(line: int, place: int, after: int) -> tuple[int, int]:
    """The rows [first, end) of the place, which are not before the row `after`."""
    begins = load_int64(line, BEGINS)
    if begins:
        return int(load_int32(begins, place)), int(load_int32(begins, place + 1))
    profile, rows = load_int64(line, PROFILE), load_int64(line, ROWS)
    first = seek(profile, after, rows, place)
    return first, seek(profile, first, rows, place + 1)


@inlined
def place_of(line: int, row: int) -> int:
    return int(load_int32(load_int64(line, PROFILE), row))


@inlined
def first_of_person(line: int, row: int) -> int:
    """The row, or the end of the rows of a person who began before it."""
    return int(rows_of_place(line, place_of(line, row - 1), row - 1)[1]) if row else 0


@inlined
def first_from(line: int, low: int, high: int, earliest: int) -> int:
    """First row in [low, high), all of one profile, that is not before `earliest`. The last few rows are all looked at,
    because where to stop cannot be foreseen; near the end of the stream one after the other."""
    ts = load_int64(line, TS)
    while high - low > FEW_ROWS:
        middle = (low + high) >> 1
        if load_int64(ts, middle) < earliest:
            low = middle + 1
        else:
            high = middle
    if low + FEW_ROWS <= load_int64(line, ROWS):
        before = 0
        for ahead in range(FEW_ROWS):
            before += (ahead < high - low) & (load_int64(ts, low + ahead) < earliest)
        return int(low + before)
    while low < high and load_int64(ts, low) < earliest:
        low += 1
    return low


@inlined
def next_marked(line: int, row: int, end: int, earliest: int) -> int:
    """The first row from `row` on that serves the step and is not before `earliest`."""
    ts, mask = load_int64(line, TS), load_int64(line, MASK)
    while row < end and (load_int64(ts, row) < earliest or (mask and not load_uint8(mask, row))):
        row += 1
    return row


@inlined
def last_marked(line: int, row: int, end: int, latest: int) -> int:
    """The last row from `row` on that serves the step and is not after `latest`; `row` itself does and is not."""
    ahead = row + 1
    while ahead < end and time_of(line, ahead) <= latest:
        if is_marked(line, ahead):
            row = ahead
        ahead += 1
    return row
