"""The plain funnel: unique users, steps in order, each by an event of its own, without gaps and exclusions.

From every entry the earliest event of each next step is taken. Later entries never come to a step earlier, so every
stream is read forward once; and where a chain fails, the next entry tried is the first one whose window reaches the
event that came too late. Events of one instant are of different steps and may come in either order.
"""

import numpy as np

from cdp.engine.base import NEVER
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import FOREVER, load_int32, load_int64
from cdp.engine.columnar.step_streams import PROFILE, TS, first_from, is_marked, last_marked, next_marked, rows_of_place


@kernel
def count_plain(
    streams: Array,
    skip: Array,
    first_row: int,
    stop_row: int,
    edges: Array,
    group: Array,
    window: int,
    as_of: int,
    is_timed: bool,
    counts: Array,
    still_open: Array,
    took: Array,
    took_in: Array,
    used: Array,
) -> None:
    """How many came how far by buckets of entry, between `edges`, of those whose first row of step 1 is in
    [first_row, stop_row). With a `group` per place it stands for the bucket, and there are two edges.

    counts: (buckets, steps + 1) by depth. still_open: (buckets,). If `is_timed`, took[k, :used[k]] are the durations of
    step k of all who did it, took[0] those from entry to completion, and took_in the buckets of the same.
    """
    steps, last_bucket = len(streams), len(edges) - 2
    cursors, chain, times = np.zeros((2, steps), np.int64), np.empty(steps, np.int64), np.empty(steps, np.int64)
    row = first_of_person(streams, first_row)
    while row < stop_row:
        place = np.int64(load_int32(streams[0, PROFILE], row))
        first, stop = rows_of_place(streams, 0, place, row)
        row = stop
        if skip[place] or load_int64(streams[0, TS], stop - 1) < edges[0]:
            continue
        at = first_from(streams, 0, first, stop, edges[0])
        bucket, opened = 0, 1
        while at < stop:
            now = load_int64(streams[0, TS], at)
            if now >= edges[last_bucket + 1]:
                break
            while now >= edges[bucket + 1]:
                bucket += 1
            until = edges[bucket + 1]
            depth, opened = follow(streams, place, at, stop, until, window, as_of, opened, cursors, chain)
            into = np.int64(group[place]) if len(group) else bucket
            if depth:
                counts[into, depth] += 1
            if 0 < depth < steps:
                still_open[into] += has_entry(streams, at, stop, as_of - window, until)
            if is_timed and depth > 1:
                time_plain(streams, chain, depth, stop, until, cursors, times)
                for step in range(1, depth):
                    took[step, used[step]] = times[step] - times[step - 1]
                    took_in[step, used[step]] = into
                    used[step] += 1
                if depth == steps:
                    took[0, used[0]] = times[steps - 1] - times[0]
                    took_in[0, used[0]] = into
                    used[0] += 1
            at = stop if bucket == last_bucket else first_from(streams, 0, at, stop, until)


@kernel
def list_plain(
    streams: Array,
    skip: Array,
    first_row: int,
    stop_row: int,
    start: int,
    end: int,
    window: int,
    as_of: int,
    places: Array,
    depths: Array,
    still_open: Array,
    times: Array,
) -> int:
    """Like `count_plain` for one bucket, person by person; returns how many. times: (people, steps)."""
    steps, people = len(streams), 0
    cursors, chain = np.zeros((2, steps), np.int64), np.empty(steps, np.int64)
    row = first_of_person(streams, first_row)
    while row < stop_row:
        place = np.int64(load_int32(streams[0, PROFILE], row))
        first, stop = rows_of_place(streams, 0, place, row)
        row = stop
        if skip[place]:
            continue
        at = first_from(streams, 0, first, stop, start)
        depth, _ = follow(streams, place, at, stop, end, window, as_of, 1, cursors, chain)
        if not depth:
            continue
        time_plain(streams, chain, depth, stop, end, cursors, times[people])
        places[people], depths[people] = place, depth
        for step in range(depth, steps):
            times[people, step] = NEVER
        still_open[people] = depth < steps and has_entry(streams, at, stop, as_of - window, end)
        people += 1
    return people


@kernel
def list_entrants(
    streams: Array, skip: Array, first_row: int, stop_row: int, start: int, end: int, places: Array
) -> int:
    """Write those of `count_plain` who enter in [start, end); returns how many."""
    people = 0
    row = first_of_person(streams, first_row)
    while row < stop_row:
        place = np.int64(load_int32(streams[0, PROFILE], row))
        first, row = rows_of_place(streams, 0, place, row)
        if not skip[place] and has_entry(streams, first, row, start, end):
            places[people] = place
            people += 1
    return people


@kernel
def first_of_person(streams: Array, row: int) -> int:
    """The row, or the end of the rows of a person who began before it."""
    if row == 0:
        return 0
    before = np.int64(load_int32(streams[0, PROFILE], row - 1))
    return int(rows_of_place(streams, 0, before, row - 1)[1])


@kernel
def follow(
    streams: Array,
    place: int,
    row: int,
    stop: int,
    until: int,
    window: int,
    as_of: int,
    opened: int,
    cursors: Array,
    chain: Array,
) -> tuple[int, int]:
    """The depth of the person's chains that enter in the rows [row, stop) of step 1 before `until`, 0 for no entry, and
    the rows of the first that came so far.

    cursors: next row and end of each stream, of this person for the first `opened` ones, which are returned too.
    """
    steps, depth = len(streams), 0
    while row < stop:
        now = load_int64(streams[0, TS], row)
        if now >= until:
            break
        if not is_marked(streams, 0, row):
            row += 1
            continue
        limit = min(now + window, as_of)
        step, late = 1, FOREVER
        while step < steps:
            if step == opened:
                first, cursors[1, step] = rows_of_place(streams, step, place, cursors[1, step])
                cursors[0, step] = first_from(streams, step, first, cursors[1, step], now)
                opened += 1
            at = next_marked(streams, step, cursors[0, step], cursors[1, step], now)
            cursors[0, step] = at
            late = load_int64(streams[step, TS], at) if at < cursors[1, step] else FOREVER
            if late > limit:
                break
            now = late
            step += 1
        if step > depth:
            depth = step
            chain[0] = row
            for other in range(1, step):
                chain[other] = cursors[0, other]
        if step == steps or late > as_of:
            break
        row += 1
        while row < stop and load_int64(streams[0, TS], row) + window < late:
            row += 1
    return depth, opened


@kernel
def has_entry(streams: Array, row: int, stop: int, low: int, until: int) -> bool:
    """Whether one of the rows of step 1 is in [low, until)."""
    if until <= low or load_int64(streams[0, TS], stop - 1) < low:
        return False
    at = next_marked(streams, 0, first_from(streams, 0, row, stop, low), stop, low)
    return bool(at < stop and load_int64(streams[0, TS], at) < until)


@kernel
def time_plain(streams: Array, chain: Array, depth: int, stop: int, until: int, cursors: Array, times: Array) -> None:
    """The times of the chain with the latest entry for this completion, and then the earliest middle events.

    chain: rows of the first chain of this depth, which completes earliest.
    """
    completion = load_int64(streams[depth - 1, TS], chain[depth - 1])
    now = completion
    for step in range(depth - 2, 0, -1):
        now = load_int64(streams[step, TS], last_marked(streams, step, chain[step], cursors[1, step], now))
    if depth > 1:
        now = load_int64(streams[0, TS], last_marked(streams, 0, chain[0], stop, min(now, until - 1)))
    times[0] = now
    for step in range(1, depth - 1):
        now = load_int64(streams[step, TS], next_marked(streams, step, chain[step], cursors[1, step], now))
        times[step] = now
    times[depth - 1] = completion
