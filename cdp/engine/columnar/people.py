"""The funnels that need a person's events together, one person after the other."""

import numpy as np

from cdp.engine.columnar.any_order import make_matching, most_steps, walk_any_order
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.attempts import time_chain, walk_attempts
from cdp.engine.columnar.clean_any_order import most_clean_steps
from cdp.engine.columnar.clean_chains import time_clean
from cdp.engine.columnar.found import Found, empty_found, with_room
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import make_scratch
from cdp.engine.columnar.memory import NONE
from cdp.engine.columnar.merging import PROFILE, ROWS, merge_events
from cdp.engine.columnar.ordered import walk
from cdp.engine.columnar.plain_attempts import has_gaps, is_plain, walk_plain_attempts
from cdp.engine.columnar.queues import Rules, make_arrivals, make_queues
from cdp.engine.columnar.rows import seek
from cdp.engine.columnar.strict import time_strict

ORDERED, STRICT, ANY_ORDER = 0, 1, 2


@kernel
def latest_in_range(ts: Array, bits: Array, count: int, firsts: int, start: int, end: int) -> int:
    for place in range(count - 1, -1, -1):
        if bits[place] & firsts and start <= ts[place] < end:
            return int(ts[place])
    return NONE


@kernel
def each_person(people: Array, streams: Array, mode: int, is_totals: bool, rules: Rules) -> tuple[Found, int]:
    """Rows for `people`, ascending places of profiles that have an entry: one at most for each, or one per attempt."""
    window, gaps, _, _, start, end, as_of = rules
    steps = len(gaps)
    found, rows = empty_found(steps, len(people)), 0
    positions, ends = np.zeros(len(streams), np.int64), np.zeros(len(streams), np.int64)
    next_ts = np.empty(len(streams), np.int64)
    ts, bits = np.empty(64, np.int64), np.empty(64, np.uint32)
    arrivals, matching = make_arrivals(steps), make_matching(steps)
    best, arrived = np.empty(steps, np.int64), np.empty(steps, np.int64)
    last = min(end - 1 + window, as_of)
    step_bits = (np.int64(1) << steps) - 1
    firsts = step_bits if mode == ANY_ORDER else np.int64(1)
    gapped = has_gaps(gaps)
    capacity = 0
    for index in range(len(people)):
        person = people[index]
        for stream in range(len(streams)):
            size, address = streams[stream, ROWS], streams[stream, PROFILE]
            positions[stream] = seek(address, ends[stream], size, person)
            ends[stream] = seek(address, positions[stream], size, person + 1)
        count, every, ts, bits = merge_events(streams, positions, ends, next_ts, start, last, mode == STRICT, ts, bits)
        if capacity < len(ts):
            capacity = len(ts)
            queues = make_queues(steps, capacity + 1)
            following, groups = np.empty((capacity, steps), np.int64), np.empty(capacity + 1, np.int64)
            spare = np.empty(capacity, np.uint32)
            scratch = make_scratch(capacity, steps)
            room = (following, groups, np.empty(steps, np.int64), spare, scratch)
        if is_totals:
            if mode == ORDERED and not gapped and is_plain(ts, count, every, steps):
                found, rows = walk_plain_attempts(person, ts, bits, count, rules, best, found, rows)
            elif mode == ANY_ORDER:
                found, rows = walk_any_order(person, ts, bits, count, rules, best, spare, matching, found, rows)
            else:
                found, rows = walk_attempts(
                    person, ts, bits, count, rules, mode == STRICT, queues, arrivals, room, found, rows
                )
            continue
        found = with_room(found, rows)
        out = found[4][rows]
        if mode == ANY_ORDER:
            if every >> steps == 0:
                depth = most_steps(ts, bits, 0, count, rules, matching, out)
            else:
                depth = most_clean_steps(ts, bits, count, rules, out)
        elif mode == STRICT:
            depth = time_strict(ts, bits, count, 0, rules, False, groups, room[2], out, scratch)
        else:
            deepest, completion, entry, _ = walk(
                ts,
                bits,
                count,
                steps,
                window,
                gaps,
                start,
                end,
                best,
                queues[0],
                queues[1],
                queues[2],
                queues[3],
                arrived,
                scratch,
            )
            depth = deepest + 1
            if every >> steps == 0:
                time_chain(ts, bits, count, deepest, entry, completion, rules, room, out)
            elif not time_clean(ts, bits, count, depth, rules, arrivals, room, out):
                depth = 0
        if depth == 0:
            continue
        found[0][rows], found[1][rows], found[2][rows] = person, depth, out[0]
        latest = latest_in_range(ts, bits, count, firsts, start, end)
        found[3][rows] = depth < steps and latest >= as_of - window
        rows += 1
    return found, rows
