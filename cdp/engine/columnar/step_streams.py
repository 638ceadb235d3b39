"""Streams that serve one step each, as the kernels see them: a table of addresses, so that one compilation serves any
number of steps.

A stream is sorted by (place of the profile, time). Times are int64 microseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from cdp.engine.base import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import load_int32, load_int64, loader, seek

# Columns of the table: addresses of profile (int32), time (int64), mask (uint8; 0: every row serves the step) and of
# the rows at which each profile begins (int32; 0: to be searched for), and the number of rows.
PROFILE, TS, MASK, BEGINS, ROWS, WIDTH = 0, 1, 2, 3, 4, 5
# With fewer rows than a profile in so many has, their beginnings are not worth the memory.
PROFILES_PER_ROW = 8

load_uint8 = loader(8, types.uint8)


@dataclass(frozen=True, eq=False)
class StepStream:
    """mask: (rows,) 1 where the row serves the step, None where all do. begins: (places + 1,) first row of each."""

    profile: NDArray[np.int32]
    ts: Ints
    mask: NDArray[np.uint8] | None
    begins: NDArray[np.int32] | None

    def line(self) -> list[int]:
        arrays = (self.profile, self.ts, self.mask, self.begins)
        return [*(0 if array is None else array.ctypes.data for array in arrays), len(self.ts)]


def table_of(streams: Sequence[StepStream]) -> Ints:
    """The caller keeps alive what the addresses point to."""
    return np.array([one.line() for one in streams], np.int64)


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


@kernel
def is_marked(streams: Array, step: int, row: int) -> bool:
    return not streams[step, MASK] or load_uint8(streams[step, MASK], row) != 0


@kernel
def rows_of_place(streams: Array, step: int, place: int, after: int) -> tuple[int, int]:
    """The rows [first, end) of the place, which are not before the row `after`."""
    begins = streams[step, BEGINS]
    if begins:
        return int(load_int32(begins, place)), int(load_int32(begins, place + 1))
    profile, rows = streams[step, PROFILE], streams[step, ROWS]
    first = seek(profile, after, rows, place)
    return first, seek(profile, first, rows, place + 1)


@kernel
def first_from(streams: Array, step: int, low: int, high: int, earliest: int) -> int:
    """First row in [low, high), all of one profile, that is not before `earliest`."""
    while low < high:
        middle = (low + high) >> 1
        if load_int64(streams[step, TS], middle) < earliest:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def next_marked(streams: Array, step: int, row: int, end: int, earliest: int) -> int:
    """The first row from `row` on that serves the step and is not before `earliest`."""
    while row < end and (load_int64(streams[step, TS], row) < earliest or not is_marked(streams, step, row)):
        row += 1
    return row


@kernel
def last_marked(streams: Array, step: int, row: int, end: int, latest: int) -> int:
    """The last row from `row` on that serves the step and is not after `latest`; `row` itself does and is not."""
    ahead = row + 1
    while ahead < end and load_int64(streams[step, TS], ahead) <= latest:
        if is_marked(streams, step, ahead):
            row = ahead
        ahead += 1
    return row
