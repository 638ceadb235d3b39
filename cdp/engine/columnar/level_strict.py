"""Strict order where every step has an event of its own: chains are followed from neighbour to neighbour.

From an entry on, the next event of anybody's choice must be the next step, so most chains end at a look at one stream.
All other events come as one more stream behind those of the steps. Where an event falls on the instant of a chain's
next step, their order decides, and the person is left to `strict`.
"""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chains import CURSORS, ENDS, TIMES, has_entry, scratch_row
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import FOREVER, NONE, load_int64, store_int64
from cdp.engine.columnar.step_streams import (
    first_from,
    first_of_person,
    is_marked,
    line_of,
    place_of,
    rows_of_place,
    time_of,
)
from cdp.engine.funnels import NEVER

UNOPENED, TIED = -1, -1


@kernel
def list_strict(
    table: int,
    steps: int,
    skip: Array,
    first_row: int,
    stop_row: int,
    start: int,
    end: int,
    window: int,
    as_of: int,
    scratch: Array,
    places: Array,
    depths: Array,
    still_open: Array,
    times: Array,
    tied: Array,
) -> tuple[int, int]:
    """Like `plain.list_plain`; then how many places are left out, which are written to `tied`. The table has a line
    more than there are steps, and the scratch an element."""
    cursors, ends, chain = scratch_row(scratch, CURSORS), scratch_row(scratch, ENDS), scratch_row(scratch, TIMES)
    people, left_out = 0, 0
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, row = rows_of_place(table, place, row)
        if skip[place] or time_of(table, row - 1) < start:
            continue
        first = first_from(table, first, row, start)
        store_int64(cursors, 0, first)
        store_int64(ends, 0, row)
        for stream in range(1, steps + 1):
            store_int64(ends, stream, UNOPENED)
        at, entry, depth, came = first, NONE, 0, 0
        while at < row and depth < steps and time_of(table, at) < end:
            # Of entries of one instant the first speaks for all.
            if is_marked(table, at) and time_of(table, at) > entry:
                entry = time_of(table, at)
                came = follow_strictly(table, steps, place, entry, window, as_of, cursors, ends, chain)
                if came == TIED:
                    break
                if came > depth:
                    depth = came
                    for step in range(depth):
                        times[people, step] = load_int64(chain, step)
            at += 1
        if came == TIED:
            tied[left_out] = place
            left_out += 1
        elif depth:
            places[people], depths[people] = place, depth
            for step in range(depth, steps):
                times[people, step] = NEVER
            still_open[people] = depth < steps and has_entry(table, first, row, as_of - window, end)
            people += 1
    return people, left_out


@inlined
def follow_strictly(
    table: int, steps: int, place: int, entry: int, window: int, as_of: int, cursors: int, ends: int, chain: int
) -> int:
    """The depth of the chain that enters at this instant, and in `chain` its times; or TIED."""
    limit = min(entry + window, as_of)
    now, step = entry, 1
    store_int64(chain, 0, now)
    while step < steps:
        line = line_of(table, step)
        coming = next_time(table, step, place, now, cursors, ends)
        if coming > limit:
            break
        at = load_int64(cursors, step)
        is_tied = coming == now or (at + 1 < load_int64(ends, step) and time_of(line, at + 1) == coming)
        is_cut, other = False, 0
        while other <= steps and not is_cut:
            if other != step:
                ahead = next_time(table, other, place, now + 1, cursors, ends)
                is_cut = ahead < coming
                is_tied |= ahead == coming
            other += 1
        if is_cut:
            break
        if is_tied:
            return TIED
        if not is_marked(line, at):
            break
        store_int64(chain, step, coming)
        now = coming
        step += 1
    return step


@inlined
def next_time(table: int, stream: int, place: int, earliest: int, cursors: int, ends: int) -> int:
    """When the person's next event of the stream is, not before `earliest`; none is before the last one asked for."""
    line = line_of(table, stream)
    if load_int64(ends, stream) == UNOPENED:
        first, end = rows_of_place(line, place, 0)
        store_int64(ends, stream, end)
        at = first_from(line, first, end, earliest)
    else:
        at, end = load_int64(cursors, stream), load_int64(ends, stream)
    while at < end and time_of(line, at) < earliest:
        at += 1
    store_int64(cursors, stream, at)
    return int(time_of(line, at)) if at < end else FOREVER
