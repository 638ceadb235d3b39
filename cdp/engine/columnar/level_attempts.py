"""Attempts of the funnels that `plain` knows, straight from the streams of their steps.

An attempt lasts while entries follow one another within the window, or until it converts; its chains are those of the
plain funnel. Where an entry falls on the instant of a conversion, the order of the events decides, and the person is
left to `people.each_person`.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.attempts import Found, empty_found, with_room
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import load_int32, load_int64
from cdp.engine.columnar.plain import first_of_person, follow, has_entry, time_plain
from cdp.engine.columnar.step_streams import PROFILE, TS, first_from, is_marked, next_marked, rows_of_place


@kernel
def level_attempts(
    streams: Array,
    skip: Array,
    first_row: int,
    stop_row: int,
    start: int,
    end: int,
    window: int,
    as_of: int,
    tied: Array,
) -> tuple[Found, int, int]:
    """One row per attempt of those whose first row of step 1 is in [first_row, stop_row), and how many; the places left
    out are written to `tied`, and how many is returned too."""
    steps, rows, left_out = len(streams), 0, 0
    found = empty_found(steps, stop_row - first_row + 1)
    cursors, chain = np.zeros((2, steps), np.int64), np.empty(steps, np.int64)
    row = first_of_person(streams, first_row)
    while row < stop_row:
        place = np.int64(load_int32(streams[0, PROFILE], row))
        first, row = rows_of_place(streams, 0, place, row)
        if skip[place] or load_int64(streams[0, TS], row - 1) < start:
            continue
        rows_before, opened, last = rows, 1, 0
        stop = first_from(streams, 0, first, row, end)
        at = next_marked(streams, 0, first_from(streams, 0, first, stop, start), stop, start)
        while at < stop:
            if last <= at:
                last = attempt_end(streams, at, stop, window)
            depth, opened = follow(streams, place, at, last, end, window, as_of, opened, cursors, chain)
            found = with_room(found, rows)
            found[0][rows], found[1][rows], found[2][rows] = place, depth, load_int64(streams[0, TS], at)
            found[3][rows] = depth < steps and has_entry(streams, at, last, as_of - window, end)
            time_plain(streams, chain, depth, last, end, cursors, found[4][rows])
            for step in range(depth, steps):
                found[4][rows, step] = -1
            rows += 1
            if depth < steps:
                at = next_marked(streams, 0, last, stop, start)
                continue
            completion = load_int64(streams[steps - 1, TS], chain[steps - 1])
            at = next_marked(streams, 0, chain[0] + (steps == 1), stop, completion)
            if steps > 1 and at < stop and load_int64(streams[0, TS], at) == completion:
                tied[left_out] = place
                left_out += 1
                rows = rows_before
                break
    return found, rows, left_out


@kernel
def attempt_end(streams: Array, row: int, stop: int, window: int) -> int:
    """The first row of step 1 behind the entry `row` that is no entry or comes too late for those before it."""
    latest = load_int64(streams[0, TS], row)
    while row < stop and load_int64(streams[0, TS], row) <= latest + window:
        if is_marked(streams, 0, row):
            latest = load_int64(streams[0, TS], row)
        row += 1
    return row
