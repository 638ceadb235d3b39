"""What happens between the steps of a strict funnel: the events of all other names as one stream."""

from collections.abc import Sequence

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import load_int32, load_int64
from cdp.engine.columnar.ordering import sort
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.rows import seek
from cdp.engine.columnar.step_streams import PROFILE, ROWS, TS, StepStream, table_of

PLACES_PER_RANGE = 20_000


def interleaved(streams: Sequence[StepStream], places: int) -> StepStream:
    """Their rows by (place, time), of which only time and the beginnings of places are told."""
    table = table_of(streams)
    begins, ts = np.zeros(places + 1, np.int32), np.empty(sum(len(one.ts) for one in streams), np.int64)
    spread(lambda low, high: interleave(table, low, high, begins, ts), places, PLACES_PER_RANGE)
    return StepStream(np.empty(0, np.int32), ts, None, begins)


@kernel
def interleave(streams: Array, low: int, high: int, begins: Array, ts: Array) -> None:
    """Of the places [low, high): the times of their rows, and in begins[place + 1], which are 0, where each one ends.
    Rows are counted, then put where they belong, then sorted, place by place."""
    before = 0
    for stream in range(len(streams)):
        profile, rows = streams[stream, PROFILE], streams[stream, ROWS]
        row = seek(profile, 0, rows, low)
        before += row
        while row < rows and load_int32(profile, row) < high:
            begins[load_int32(profile, row) + 1] += 1
            row += 1
    first = before
    for place in range(low, high):
        size = begins[place + 1]
        begins[place + 1] = before
        before += size
    for stream in range(len(streams)):
        profile, times, rows = streams[stream, PROFILE], streams[stream, TS], streams[stream, ROWS]
        row = seek(profile, 0, rows, low)
        while row < rows and load_int32(profile, row) < high:
            after = load_int32(profile, row) + 1
            ts[begins[after]] = load_int64(times, row)
            begins[after] += 1
            row += 1
    for place in range(low, high):
        sort(ts, first, begins[place + 1])
        first = begins[place + 1]
