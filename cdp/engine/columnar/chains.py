"""The chains of one person in a plain funnel: every step by an event of its own, in order, within the window.

From every entry the earliest event of each next step is taken. Later entries never come to a step earlier, so every
stream is read forward once; and where a chain fails, the next entry tried is the first one whose window reaches the
event that came too late. Events of one instant are of different steps and may come in either order.

Streams come as the address of their table, scratch as addresses of one int64 per step: `cursors` and `ends`, the next
row and the end of a stream's rows of this person, and `chain`, the rows of a chain.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined
from cdp.engine.columnar.memory import FOREVER, load_int64, store_int64
from cdp.engine.columnar.step_streams import (
    BYTES,
    MASK,
    TS,
    first_from,
    is_marked,
    last_marked,
    line_of,
    next_marked,
    rows_of_place,
    time_of,
)

# Rows of the scratch.
CURSORS, ENDS, CHAIN, TIMES, WIDTH = range(5)


@inlined
def scratch_row(scratch: Array, which: int) -> int:
    """Its address. scratch: (WIDTH, steps) int64, which whoever calls the kernel keeps alive."""
    return int(np.int64(scratch.ctypes.data) + which * scratch.shape[1] * BYTES)


@inlined
def follow(
    table: int,
    steps: int,
    place: int,
    row: int,
    stop: int,
    until: int,
    window: int,
    as_of: int,
    opened: int,
    cursors: int,
    ends: int,
    chain: int,
) -> tuple[int, int]:
    """The depth of the person's chains that enter in the rows [row, stop) of step 1 before `until`, 0 for no entry, and
    in `chain` the rows of the first that came so far. cursors, ends: known of the first `opened` streams, whose number
    is returned too."""
    depth = 0
    entries, is_masked = load_int64(table, TS), load_int64(table, MASK) != 0
    while row < stop:
        now = load_int64(entries, row)
        if now >= until:
            break
        if is_masked and not is_marked(table, row):
            row += 1
            continue
        limit = min(now + window, as_of)
        step, late = 1, FOREVER
        while step < steps:
            line = line_of(table, step)
            if step == opened:
                first, end = rows_of_place(line, place, load_int64(ends, step))
                store_int64(ends, step, end)
                at = first_from(line, first, end, now)
                opened += 1
            else:
                at, end = load_int64(cursors, step), load_int64(ends, step)
            at = next_marked(line, at, end, now)
            store_int64(cursors, step, at)
            late = time_of(line, at) if at < end else FOREVER
            if late > limit:
                break
            now = late
            step += 1
        if step > depth:
            depth = step
            store_int64(chain, 0, row)
            for other in range(1, step):
                store_int64(chain, other, load_int64(cursors, other))
        if step == steps or late > as_of:
            break
        row += 1
        while row < stop and load_int64(entries, row) + window < late:
            row += 1
    return depth, opened


@inlined
def has_entry(table: int, row: int, stop: int, low: int, until: int) -> bool:
    """Whether one of the rows of step 1 is in [low, until)."""
    if until <= low or time_of(table, stop - 1) < low:
        return False
    at = next_marked(table, first_from(table, row, stop, low), stop, low)
    return bool(at < stop and time_of(table, at) < until)


@inlined
def time_chain(table: int, depth: int, stop: int, until: int, ends: int, chain: int, times: int) -> None:
    """The times of the chain with the latest entry for this completion, and then the earliest middle events.

    chain: rows of the first chain of this depth, which completes earliest. stop: end of the rows of step 1.
    """
    completion = time_of(line_of(table, depth - 1), load_int64(chain, depth - 1))
    now = completion
    for step in range(depth - 2, 0, -1):
        line = line_of(table, step)
        now = time_of(line, last_marked(line, load_int64(chain, step), load_int64(ends, step), now))
    if depth > 1:
        now = time_of(table, last_marked(table, load_int64(chain, 0), stop, min(now, until - 1)))
    store_int64(times, 0, now)
    for step in range(1, depth - 1):
        line = line_of(table, step)
        now = time_of(line, next_marked(line, load_int64(chain, step), load_int64(ends, step), now))
        store_int64(times, step, now)
    store_int64(times, depth - 1, completion)
