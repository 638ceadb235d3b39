"""Attempts of the funnels that `plain` knows, straight from the streams of their steps.

An attempt lasts while entries follow one another within the window, or until it converts; its chains are those of the
plain funnel. Where an entry falls on the instant of a conversion, the order of the events decides, and the person is
left to `people.each_person`.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chains import CHAIN, CURSORS, ENDS, TIMES, follow, has_entry, scratch_row, time_chain
from cdp.engine.columnar.durations import keep_durations
from cdp.engine.columnar.found import Found, empty_found, with_room
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int64, store_int64
from cdp.engine.columnar.step_streams import (
    TS,
    first_from,
    first_of_person,
    is_marked,
    line_of,
    next_marked,
    place_of,
    rows_of_place,
    time_of,
)
from cdp.engine.funnels import NEVER

# What a person's attempts need to know: the addresses of the table and of the rows of the scratch `chains` speaks of,
# steps, start, end, window, as_of.
Asked = tuple[int, int, int, int, int, int, int, int, int]


@kernel
def count_attempts(
    table: int,
    steps: int,
    skip: Array,
    first_row: int,
    stop_row: int,
    start: int,
    end: int,
    edges: Array,
    group: Array,
    window: int,
    as_of: int,
    scratch: Array,
    counts: Array,
    still_open: Array,
    took: Array,
    took_in: Array,
    used: Array,
    tied: Array,
) -> int:
    """How many attempts came how far by buckets of opening, of those whose first row of step 1 is in
    [first_row, stop_row). The places left out are written to `tied`; returns how many. All else as in
    `plain.count_plain`."""
    cursors, ends = scratch_row(scratch, CURSORS), scratch_row(scratch, ENDS)
    chain, times = scratch_row(scratch, CHAIN), scratch_row(scratch, TIMES)
    asked = table, cursors, ends, chain, steps, start, end, window, as_of
    last_bucket, is_timed = len(edges) - 2, took.shape[0] > 0
    before = np.zeros(steps, np.int64)
    left_out = 0
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, row = rows_of_place(table, place, row)
        if skip[place] or time_of(table, row - 1) < start:
            continue
        stop = row if time_of(table, row - 1) < end else first_from(table, first, row, end)
        opening = next_marked(table, first_from(table, first, stop, start), stop, start)
        if is_timed:
            for step in range(steps):
                before[step] = used[step]
        change = 1
        while change:
            at, opened, last, bucket, is_tied = opening, 1, 0, 0, False
            while at < stop and not is_tied:
                now, attempt = time_of(table, at), at
                depth, opened, last, at, is_tied = next_attempt(asked, place, at, last, stop, opened)
                while bucket <= last_bucket and now >= edges[bucket + 1]:
                    bucket += 1
                if now < edges[0] or bucket > last_bucket:
                    continue
                into = np.int64(group[place]) if len(group) else bucket
                counts[into, depth] += change
                if depth < steps:
                    still_open[into] += change * has_entry(table, attempt, last, as_of - window, end)
                if is_timed and depth > 1 and change > 0:
                    time_chain(table, depth, last, end, ends, chain, times)
                    keep_durations(times, depth, steps, into, took, took_in, used)
            # All of them once more, to take them back: with the person's rows sought from the beginning.
            change = -1 if is_tied and change > 0 else 0
            if change:
                for step in range(steps):
                    store_int64(ends, step, 0)
        if is_tied:
            tied[left_out] = place
            left_out += 1
            if is_timed:
                for step in range(steps):
                    used[step] = before[step]
    return left_out


@kernel
def list_attempts(
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
    tied: Array,
) -> tuple[Found, int, int]:
    """Like `count_attempts`, one row per attempt, and how many; then how many places were left out."""
    cursors, ends = scratch_row(scratch, CURSORS), scratch_row(scratch, ENDS)
    chain, times = scratch_row(scratch, CHAIN), scratch_row(scratch, TIMES)
    asked = table, cursors, ends, chain, steps, start, end, window, as_of
    rows, left_out = 0, 0
    found = empty_found(steps, stop_row - first_row + 1)
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, row = rows_of_place(table, place, row)
        if skip[place] or time_of(table, row - 1) < start:
            continue
        stop = row if time_of(table, row - 1) < end else first_from(table, first, row, end)
        at = next_marked(table, first_from(table, first, stop, start), stop, start)
        opened, last, is_tied, rows_before = 1, 0, False, rows
        while at < stop and not is_tied:
            now, attempt = time_of(table, at), at
            depth, opened, last, at, is_tied = next_attempt(asked, place, at, last, stop, opened)
            found = with_room(found, rows)
            found[0][rows], found[1][rows], found[2][rows] = place, depth, now
            found[3][rows] = depth < steps and has_entry(table, attempt, last, as_of - window, end)
            time_chain(table, depth, last, end, ends, chain, times)
            for step in range(steps):
                found[4][rows, step] = load_int64(times, step) if step < depth else NEVER
            rows += 1
        if is_tied:
            tied[left_out] = place
            left_out += 1
            rows = rows_before
    return found, rows, left_out


@inlined
def next_attempt(
    asked: Asked, place: int, at: int, last: int, stop: int, opened: int
) -> tuple[int, int, int, int, bool]:
    """Of the attempt that opens at the row `at` of step 1: its depth; how many streams are open; the end of its rows of
    step 1 (`last`: where the one before it ended); where the next one opens; and whether that is at the very instant at
    which this one converts."""
    table, cursors, ends, chain, steps, start, end, window, as_of = asked
    if last <= at:
        last = attempt_end(table, at, stop, window)
    depth, opened = follow(table, steps, place, at, last, end, window, as_of, opened, cursors, ends, chain)
    if depth < steps:
        return depth, opened, last, next_marked(table, last, stop, start), False
    completion = time_of(line_of(table, steps - 1), load_int64(chain, steps - 1))
    opens = next_marked(table, load_int64(chain, 0) + (steps == 1), stop, completion)
    return depth, opened, last, opens, steps > 1 and opens < stop and time_of(table, opens) == completion


@inlined
def attempt_end(table: int, row: int, stop: int, window: int) -> int:
    """The first row of step 1 behind the entry `row` that is no entry or comes too late for those before it."""
    ts = load_int64(table, TS)
    latest = load_int64(ts, row)
    while row < stop and load_int64(ts, row) <= latest + window:
        if is_marked(table, row):
            latest = load_int64(ts, row)
        row += 1
    return row
