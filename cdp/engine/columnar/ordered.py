"""The ordered funnel, profile by profile, exactly.

Where every step has an event of its own and no gap, `plain` is faster. Here a profile's events that serve any step are
merged into (time, step bits). Events of one instant form a group. For every step `k` a queue keeps (time of step k,
entry) of the chains that got there: later entries are always better, so the queue falls in entry and its head, once
chains beyond the next step's gap are dropped, is the best chain to go on from. A group may advance a chain over several
steps, if these can be matched to distinct events of the group.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chain_times import time_steps
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, make_scratch, reach_of
from cdp.engine.columnar.memory import FOREVER, NONE
from cdp.engine.columnar.merging import PROFILE, ROWS, group_end, merge_events
from cdp.engine.columnar.rows import seek


@kernel
def ordered_funnel(
    people: Array,
    streams: Array,
    gaps: Array,
    window: int,
    start: int,
    end: int,
    as_of: int,
    depth: Array,
    times: Array,
    still_open: Array,
) -> None:
    """Answer for `people`, ascending places of profiles that have an entry.

    streams: (streams, STREAM_WIDTH) int64. gaps: (steps,), FOREVER for none. depth: (people,) uint8 steps reached.
    times: (people, steps), prefilled. still_open: (people,) uint8.
    """
    steps = len(gaps)
    positions, ends = np.zeros(len(streams), np.int64), np.zeros(len(streams), np.int64)
    next_ts = np.empty(len(streams), np.int64)
    capacity = 0
    ts, bits = np.empty(64, np.int64), np.empty(64, np.uint32)
    best, arrived = np.empty(steps, np.int64), np.empty(steps, np.int64)
    heads, tails = np.empty(steps, np.int64), np.empty(steps, np.int64)
    nothing = np.empty(0, np.int64)
    last = min(end - 1 + window, as_of)
    for index in range(len(people)):
        person = people[index]
        for stream in range(len(streams)):
            rows, address = streams[stream, ROWS], streams[stream, PROFILE]
            positions[stream] = seek(address, ends[stream], rows, person)
            ends[stream] = seek(address, positions[stream], rows, person + 1)
        count, every, ts, bits = merge_events(streams, positions, ends, next_ts, start, last, False, ts, bits)
        if capacity < len(ts):
            capacity = len(ts)
            queue_ts, queue_entry = np.empty((steps, capacity), np.int64), np.empty((steps, capacity), np.int64)
            following, groups = np.empty((capacity, steps), np.int64), np.empty(capacity + 1, np.int64)
            scratch = make_scratch(capacity, steps)
        # Steps beyond one that never happened need not be looked for.
        reachable = 0
        while reachable < steps and (every >> reachable) & 1:
            reachable += 1
        deepest, completion, entry, last_entry = walk(
            ts,
            bits,
            count,
            reachable,
            window,
            gaps,
            start,
            end,
            best,
            queue_ts,
            queue_entry,
            heads,
            tails,
            arrived,
            scratch,
        )
        depth[index] = deepest + 1
        times[index, 0] = entry
        if deepest > 0:
            times[index, deepest] = completion
        if deepest > 1:
            time_steps(
                ts,
                bits,
                count,
                deepest,
                gaps,
                entry,
                completion,
                nothing,
                nothing,
                True,
                following,
                groups,
                times[index],
                scratch,
            )
        still_open[index] = deepest < steps - 1 and last_entry >= as_of - window


@kernel
def walk(
    ts: Array,
    bits: Array,
    count: int,
    steps: int,
    window: int,
    gaps: Array,
    start: int,
    end: int,
    best: Array,
    queue_ts: Array,
    queue_entry: Array,
    heads: Array,
    tails: Array,
    arrived: Array,
    scratch: Scratch,
) -> tuple[int, int, int, int]:
    """Deepest step (-1: no entry), its earliest completion, the latest entry for that, and the latest entry of all.

    Where the next step has no gap, `best` alone is the queue. best, heads, tails, arrived: (steps,).
    queue_ts, queue_entry: (steps, ≥ count).
    """
    deepest, completion, entry = -1, NONE, NONE
    for step in range(steps):
        best[step] = NONE
        heads[step] = 0
        tails[step] = 0
    first = 0
    while first < count and deepest < steps - 1:
        now = ts[first]
        if first + 1 < count and ts[first + 1] == now:
            after = group_end(ts, first, count)
            arrive_together(
                now,
                bits,
                first,
                after - first,
                steps,
                window,
                gaps,
                start,
                end,
                best,
                queue_ts,
                queue_entry,
                heads,
                tails,
                arrived,
                scratch,
            )
            first = after
            for step in range(steps):
                chain = arrived[step]
                if chain == NONE:
                    continue
                if step > deepest:
                    deepest, completion, entry = step, now, chain
                if step + 1 == steps or gaps[step + 1] == FOREVER:
                    best[step] = max(best[step], chain)
                else:
                    tails[step] = push(now, chain, queue_ts[step], queue_entry[step], heads[step], tails[step])
            continue
        mask = bits[first]
        first += 1
        # From the last step down, so that no chain takes the event twice.
        for step in range(min(deepest + 1, steps - 1), 0, -1):
            if not (mask >> step) & 1:
                continue
            if gaps[step] == FOREVER:
                chain = best[step - 1]
            else:
                chain = NONE
                while heads[step - 1] < tails[step - 1] and now - queue_ts[step - 1, heads[step - 1]] > gaps[step]:
                    heads[step - 1] += 1
                if heads[step - 1] < tails[step - 1]:
                    chain = queue_entry[step - 1, heads[step - 1]]
            if chain == NONE or now - chain > window:
                continue
            if step > deepest:
                deepest, completion, entry = step, now, chain
            if step + 1 == steps or gaps[step + 1] == FOREVER:
                best[step] = max(best[step], chain)
            else:
                tails[step] = push(now, chain, queue_ts[step], queue_entry[step], heads[step], tails[step])
        if mask & 1 and start <= now < end:
            if deepest < 0:
                deepest, completion, entry = 0, now, now
            if steps == 1 or gaps[1] == FOREVER:
                best[0] = now
            else:
                tails[0] = push(now, now, queue_ts[0], queue_entry[0], heads[0], tails[0])
    return deepest, completion, entry, latest_entry(ts, bits, count, start, end)


@kernel
def latest_entry(ts: Array, bits: Array, count: int, start: int, end: int) -> int:
    for place in range(count - 1, -1, -1):
        if bits[place] & 1 and start <= ts[place] < end:
            return int(ts[place])
    return NONE


@kernel
def arrive_together(
    now: int,
    bits: Array,
    first: int,
    size: int,
    steps: int,
    window: int,
    gaps: Array,
    start: int,
    end: int,
    best: Array,
    queue_ts: Array,
    queue_entry: Array,
    heads: Array,
    tails: Array,
    arrived: Array,
    scratch: Scratch,
) -> None:
    """Set `arrived`: per step the latest entry of the chains that the group of this instant brings there, or NONE."""
    step_of, event_of, seen, waiting, reached_from = scratch
    for step in range(steps):
        arrived[step] = NONE
    for step in range(steps):
        chain = NONE
        if step == 0:
            if start <= now < end:
                chain = now
        elif gaps[step] == FOREVER:
            chain = best[step - 1]
        else:
            while heads[step - 1] < tails[step - 1] and now - queue_ts[step - 1, heads[step - 1]] > gaps[step]:
                heads[step - 1] += 1
            if heads[step - 1] < tails[step - 1]:
                chain = queue_entry[step - 1, heads[step - 1]]
        if chain == NONE or now - chain > window:
            continue
        reached = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
        for other in range(step, reached + 1):
            arrived[other] = max(arrived[other], chain)


@kernel
def push(now: int, chain: int, queue_ts: Array, queue_entry: Array, head: int, tail: int) -> int:
    """Append to a queue and return its new tail: chains of no later entry can never again be better than this one."""
    while head < tail and queue_entry[tail - 1] <= chain:
        tail -= 1
    queue_ts[tail] = now
    queue_entry[tail] = chain
    return tail + 1
