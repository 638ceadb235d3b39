"""Attempts straight from the streams, where stream k serves step k only and no step has a gap.

A stream is looked at only once its step can be reached. Where two streams have an event at one instant, their order
decides, and the person is left to `people.each_person`.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.attempts import Found, Rules, empty_found, with_room
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import (
    BITS,
    FOREVER,
    NONE,
    PER_ROW,
    PROFILE,
    ROWS,
    TS,
    load_int64,
    load_uint32,
    seek,
)


@kernel
def next_row(stream: Array, row: int, end: int, earliest: int) -> int:
    """The first row from `row` on that serves the step and is not before `earliest`."""
    while row < end and (
        load_int64(stream[TS], row) < earliest or (stream[PER_ROW] and not load_uint32(stream[BITS], row))
    ):
        row += 1
    return row


@kernel
def level_attempts(people: Array, streams: Array, rules: Rules, tied: Array) -> tuple[Found, int]:
    """Like `each_person` for totals; sets `tied` for the people it leaves out."""
    window, gaps, _, _, start, end, as_of = rules
    steps = len(gaps)
    found, rows = empty_found(steps, 2 * len(people) + 1), 0
    firsts, positions, ends = np.zeros(steps, np.int64), np.zeros(steps, np.int64), np.zeros(steps, np.int64)
    heads, best = np.empty(steps, np.int64), np.empty(steps, np.int64)
    last = min(end - 1 + window, as_of)
    for index in range(len(people)):
        person = people[index]
        rows_before = rows
        active = 0
        is_open = False
        opened, latest = NONE, NONE
        deepest, completion, entry = -1, NONE, NONE
        now = start
        while True:
            while active < min(steps, max(2, deepest + 2)):
                size, address = streams[active, ROWS], streams[active, PROFILE]
                firsts[active] = seek(address, ends[active], size, person)
                ends[active] = seek(address, firsts[active], size, person + 1)
                row = next_row(streams[active], firsts[active], ends[active], now)
                positions[active] = row
                heads[active] = load_int64(streams[active, TS], row) if row < ends[active] else FOREVER
                active += 1
            step, now, is_tie = 0, heads[0], False
            for other in range(1, active):
                if heads[other] < now:
                    step, now, is_tie = other, heads[other], False
                elif heads[other] == now:
                    is_tie = True
            if now > last:
                break
            if is_tie:
                tied[index] = 1
                rows = rows_before
                is_open = False
                break
            row = next_row(streams[step], positions[step] + 1, ends[step], start)
            positions[step] = row
            heads[step] = load_int64(streams[step, TS], row) if row < ends[step] else FOREVER
            if is_open and now > latest + window:
                found = with_room(found, rows)
                write_level(person, streams, firsts, ends, opened, deepest, entry, completion, found, rows)
                rows += 1
                is_open = False
            if step == 0:
                if not start <= now < end:
                    continue
                if not is_open:
                    is_open, opened = True, now
                    deepest, completion, entry = 0, now, now
                best[0] = now
                latest = now
            elif is_open and step <= deepest + 1 and now - best[step - 1] <= window:
                best[step] = best[step - 1]
                if step > deepest:
                    deepest, completion, entry = step, now, best[step]
            if is_open and deepest == steps - 1:
                found = with_room(found, rows)
                write_level(person, streams, firsts, ends, opened, deepest, entry, completion, found, rows)
                rows += 1
                is_open = False
        if is_open:
            found = with_room(found, rows)
            write_level(person, streams, firsts, ends, opened, deepest, entry, completion, found, rows)
            found[3][rows] = latest >= as_of - window
            rows += 1
    return found, rows


@kernel
def write_level(
    person: int,
    streams: Array,
    firsts: Array,
    ends: Array,
    opened: int,
    deepest: int,
    entry: int,
    completion: int,
    found: Found,
    row: int,
) -> None:
    """Every middle step is done by the first event that can. The row may have been written before, for one left out."""
    found[0][row], found[1][row], found[2][row], found[3][row] = person, deepest + 1, opened, 0
    times = found[4]
    times[row, 0] = entry
    now = entry
    for step in range(1, deepest):
        place = next_row(streams[step], firsts[step], ends[step], now)
        now = load_int64(streams[step, TS], place)
        times[row, step] = now
        # Later attempts need no earlier event.
        firsts[step] = place
    if deepest > 0:
        times[row, deepest] = completion
    for step in range(deepest + 1, times.shape[1]):
        times[row, step] = -1
