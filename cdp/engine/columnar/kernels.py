"""The ordered funnel, profile by profile, exactly.

Where every step has an event of its own and no gap, `plain` is faster. Here a profile's events that serve any step are
merged into (time, step bits). Events of one instant form a group. For every step `k` a queue keeps (time of step k,
entry) of the chains that got there: later entries are always better, so the queue falls in entry and its head, once
chains beyond the next step's gap are dropped, is the best chain to go on from. A group may advance a chain over several
steps, if these can be matched to distinct events of the group.

Streams come as addresses, so that one compilation serves any number of them. Times are int64 microseconds.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import FOREVER, NONE, load_int32, load_int64, load_uint32

Scratch = tuple[Array, Array, Array, Array, Array]

# Columns of the table of streams: addresses of profile (int32), time (int64) and bits (uint32), rows, and whether
# there are bits per row (else one for all).
PROFILE, TS, BITS, ROWS, PER_ROW, STREAM_WIDTH = 0, 1, 2, 3, 4, 5


@kernel
def seek(address: int, low: int, high: int, wanted: int) -> int:
    """First row in [low, high) whose profile is not below the wanted one; near rows are found first."""
    stride = 1
    while low < high and load_int32(address, low) < wanted:
        ahead = min(low + stride, high - 1)
        if load_int32(address, ahead) < wanted:
            low = ahead + 1
            stride *= 2
        else:
            high = ahead
            low += 1
            while low < high:
                middle = (low + high) >> 1
                if load_int32(address, middle) < wanted:
                    low = middle + 1
                else:
                    high = middle
    return low


@kernel
def mark_entrants(streams: Array, firsts: int, start: int, end: int, entered: Array) -> None:
    """Set `entered` of every profile that has an event of the steps `firsts` (bits) in [start, end)."""
    for stream in range(len(streams)):
        profile, ts, bits = streams[stream, PROFILE], streams[stream, TS], streams[stream, BITS]
        per_row = streams[stream, PER_ROW]
        if not streams[stream, ROWS] or (not per_row and not load_uint32(bits, 0) & firsts):
            continue
        for row in range(streams[stream, ROWS]):
            if start <= load_int64(ts, row) < end and (not per_row or load_uint32(bits, row) & firsts):
                entered[load_int32(profile, row)] = 1


@kernel
def grown(old: Array, used: int) -> Array:
    new = np.empty(2 * len(old), old.dtype)
    for place in range(used):
        new[place] = old[place]
    return new


@kernel
def merge_events(
    streams: Array,
    positions: Array,
    ends: Array,
    heads: Array,
    start: int,
    last: int,
    keep_all: bool,
    ts: Array,
    bits: Array,
) -> tuple[int, int, Array, Array]:
    """The profile's events with a step (or all) in [start, last], by time. Returns their number, all their bits, and
    the (grown) buffers. heads: (streams,) scratch, the next time of each stream."""
    count = 0
    every = 0
    for stream in range(len(positions)):
        row, end = positions[stream], ends[stream]
        while row < end and load_int64(streams[stream, TS], row) < start:
            row += 1
        positions[stream] = row
        heads[stream] = load_int64(streams[stream, TS], row) if row < end else FOREVER
    while True:
        best = 0
        now = FOREVER
        for stream in range(len(positions)):
            if heads[stream] < now:
                best = stream
                now = heads[stream]
        if now > last:
            break
        row = positions[best]
        positions[best] = row + 1
        heads[best] = load_int64(streams[best, TS], row + 1) if row + 1 < ends[best] else FOREVER
        mask = load_uint32(streams[best, BITS], row if streams[best, PER_ROW] else 0)
        if mask == 0 and not keep_all:
            continue
        if count == len(ts):
            ts = grown(ts, count)
            bits = grown(bits, count)
        ts[count] = now
        bits[count] = mask
        every |= mask
        count += 1
    return count, every, ts, bits


@kernel
def augment(
    step: int,
    bits: Array,
    first: int,
    size: int,
    step_of: Array,
    event_of: Array,
    seen: Array,
    waiting: Array,
    reached_from: Array,
) -> bool:
    """Match one more step to an event of the group [first, first + size), moving others if need be."""
    for event in range(size):
        seen[event] = 0
    waiting[0] = step
    head, tail = 0, 1
    while head < tail:
        current = waiting[head]
        head += 1
        for event in range(size):
            if seen[event] or not (bits[first + event] >> current) & 1:
                continue
            seen[event] = 1
            reached_from[event] = current
            if step_of[event] >= 0:
                waiting[tail] = step_of[event]
                tail += 1
                continue
            while event >= 0:
                taker = reached_from[event]
                step_of[event] = taker
                event, event_of[taker] = event_of[taker], event
            return True
    return False


@kernel
def reach_of(
    step: int,
    steps: int,
    bits: Array,
    first: int,
    size: int,
    step_of: Array,
    event_of: Array,
    seen: Array,
    waiting: Array,
    reached_from: Array,
) -> int:
    """The last step up to which all steps from `step` on can be matched to distinct events of one instant, or -1."""
    if size == 1:
        return step if (bits[first] >> step) & 1 else -1
    for event in range(size):
        step_of[event] = -1
    for other in range(steps):
        event_of[other] = -1
    reached = -1
    while step < steps and augment(step, bits, first, size, step_of, event_of, seen, waiting, reached_from):
        reached = step
        step += 1
    return reached


@kernel
def group_end(ts: Array, first: int, count: int) -> int:
    end = first + 1
    while end < count and ts[end] == ts[first]:
        end += 1
    return end


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


@kernel
def time_steps(
    ts: Array,
    bits: Array,
    count: int,
    deepest: int,
    gaps: Array,
    entry: int,
    completion: int,
    afters: Array,
    befores: Array,
    is_lenient: bool,
    following: Array,
    groups: Array,
    out: Array,
    scratch: Scratch,
) -> None:
    """Write the times of the chain from `entry` to step `deepest` at `completion` with the earliest middle events.

    afters, befores: steps of the exclusions that must not taint it; excluded events at its very completion do not if
    `is_lenient`. following: (≥ count, steps), the next group from which a step can still be completed.
    groups: (≥ count + 1,).
    """
    steps = deepest + 1
    first = 0
    while ts[first] < entry:
        first += 1
    number = 0
    while first < count and ts[first] <= completion:
        groups[number] = first
        number += 1
        first = group_end(ts, first, count)
    groups[number] = first
    feasible = np.full(steps, -1, np.int64)
    for group in range(number - 1, -1, -1):
        for step in range(steps):
            following[group, step] = feasible[step]
        for step in range(steps):
            rules = (gaps, afters, befores, is_lenient)
            if advance(step, steps, group, number - 1, ts, bits, groups, rules, following, scratch) >= 0:
                feasible[step] = group
    step, group = 0, 0
    while step < steps:
        rules = (gaps, afters, befores, is_lenient)
        reached = advance(step, steps, group, number - 1, ts, bits, groups, rules, following, scratch)
        for other in range(step, reached + 1):
            out[other] = ts[groups[group]]
        step = reached + 1
        if step < steps:
            group = following[group, step]


@kernel
def advance(
    step: int,
    steps: int,
    group: int,
    last: int,
    ts: Array,
    bits: Array,
    groups: Array,
    rules: tuple[Array, Array, Array, bool],
    following: Array,
    scratch: Scratch,
) -> int:
    """The last step that a chain at `step` takes in this group if it is to be completed in the last one and early; -1
    if it cannot."""
    gaps, afters, befores, is_lenient = rules
    step_of, event_of, seen, waiting, reached_from = scratch
    first = groups[group]
    size = groups[group + 1] - first
    reached: int = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
    while reached >= step:
        if reached == steps - 1:
            is_clean = is_lenient or not taints(bits, first, first + size, step - 1, reached, gaps, afters, befores)
            if group == last and is_clean:
                return reached
        elif not taints(bits, first, first + size, step - 1, reached, gaps, afters, befores):
            ahead = following[group, reached + 1]
            if ahead >= 0 and ts[groups[ahead]] - ts[first] <= gaps[reached + 1]:
                between = groups[group + 1]
                if not taints(bits, between, groups[ahead], reached, reached, gaps, afters, befores):
                    return reached
        reached -= 1
    return -1


@kernel
def taints(
    bits: Array, low: int, high: int, source: int, reached: int, gaps: Array, afters: Array, befores: Array
) -> bool:
    """Whether one of the events [low, high) is excluded for a chain that did step `source` before them and no step
    beyond `reached` until after them. Bit len(gaps) + k of an event: it is excluded by exclusion k."""
    for number in range(len(afters)):
        if afters[number] <= source and reached < befores[number]:
            for event in range(low, high):
                if (bits[event] >> (len(gaps) + number)) & 1:
                    return True
    return False


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
def make_scratch(capacity: int, steps: int) -> Scratch:
    """For matching: step of an event, event of a step, seen events, steps waiting, the step that reached an event."""
    return (
        np.empty(capacity, np.int64),
        np.empty(steps, np.int64),
        np.empty(capacity, np.uint8),
        np.empty(capacity + steps, np.int64),
        np.empty(capacity, np.int64),
    )
