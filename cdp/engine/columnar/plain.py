"""The plain funnel: unique users, steps in order, each by an event of its own, without gaps and exclusions.

`chains` says how a person's chains are found; here is what becomes of them.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chains import CHAIN, CURSORS, ENDS, TIMES, follow, has_entry, scratch_row, time_chain
from cdp.engine.columnar.durations import keep_durations
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.step_streams import BYTES, first_from, first_of_person, place_of, rows_of_place, time_of
from cdp.engine.funnels import NEVER


@kernel
def count_plain(
    table: int,
    steps: int,
    skip: Array,
    first_row: int,
    stop_row: int,
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
) -> None:
    """How many came how far by buckets of entry, between `edges`, of those whose first row of step 1 is in
    [first_row, stop_row). With a `group` per place it stands for the bucket, and there are two edges.

    counts: (buckets, steps + 1) by depth. still_open: (buckets,). Of times see `durations`.
    """
    cursors, ends = scratch_row(scratch, CURSORS), scratch_row(scratch, ENDS)
    chain, times = scratch_row(scratch, CHAIN), scratch_row(scratch, TIMES)
    last_bucket, is_timed = len(edges) - 2, took.shape[0] > 0
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, stop = rows_of_place(table, place, row)
        row = stop
        if skip[place] or time_of(table, stop - 1) < edges[0]:
            continue
        at = first_from(table, first, stop, edges[0])
        bucket, opened = 0, 1
        while at < stop:
            now = time_of(table, at)
            if now >= edges[last_bucket + 1]:
                break
            while now >= edges[bucket + 1]:
                bucket += 1
            until = edges[bucket + 1]
            depth, opened = follow(
                table, steps, place, at, stop, until, window, as_of, opened, cursors, ends, chain
            )  # fmt: skip
            into = np.int64(group[place]) if len(group) else bucket
            if depth:
                counts[into, depth] += 1
            if 0 < depth < steps:
                still_open[into] += has_entry(table, at, stop, as_of - window, until)
            if is_timed and depth > 1:
                time_chain(table, depth, stop, until, ends, chain, times)
                keep_durations(times, depth, steps, into, took, took_in, used)
            at = stop if bucket == last_bucket else first_from(table, at, stop, until)


@kernel
def list_plain(
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
) -> int:
    """Like `count_plain` for one bucket, person by person; returns how many. times: (people, steps)."""
    cursors, ends, chain = scratch_row(scratch, CURSORS), scratch_row(scratch, ENDS), scratch_row(scratch, CHAIN)
    people, out = 0, np.int64(times.ctypes.data)
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, stop = rows_of_place(table, place, row)
        row = stop
        if skip[place] or time_of(table, stop - 1) < start:
            continue
        at = first_from(table, first, stop, start)
        depth, _ = follow(table, steps, place, at, stop, end, window, as_of, 1, cursors, ends, chain)
        if not depth:
            continue
        time_chain(table, depth, stop, end, ends, chain, out + people * steps * BYTES)
        places[people], depths[people] = place, depth
        for step in range(depth, steps):
            times[people, step] = NEVER
        still_open[people] = depth < steps and has_entry(table, at, stop, as_of - window, end)
        people += 1
    return people


@kernel
def list_entrants(table: int, skip: Array, first_row: int, stop_row: int, start: int, end: int, places: Array) -> int:
    """Write those of `count_plain` who enter in [start, end); returns how many."""
    people = 0
    row = first_of_person(table, first_row)
    while row < stop_row:
        place = place_of(table, row)
        first, row = rows_of_place(table, place, row)
        if not skip[place] and has_entry(table, first, row, start, end):
            places[people] = place
            people += 1
    return people
