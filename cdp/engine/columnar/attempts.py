"""Ordered and strict funnels beyond the plain one: attempts, and exclusions.

An attempt goes through its events once, as `kernels.ordered_funnel` does: for every step a queue of the chains that got
there, falling in entry. In strict mode a chain goes on from one instant to the next only if it took all its events, so
nothing waits in a queue for longer. An excluded event empties the queues of the steps between which it is excluded.
A chain that reaches a step in the instant of an excluded event is judged by `kernels.taints`.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.kernels import Scratch, group_end, reach_of, taints, time_steps
from cdp.engine.columnar.memory import NONE

# window, gaps, afters, befores, start, end, as_of
Rules = tuple[int, Array, Array, Array, int, int, int]
# Times and entries (steps, capacity), heads and tails of the queues, and the latest entry at each step (steps,).
Queues = tuple[Array, Array, Array, Array, Array]
# What an instant brings to each step: chains, those of them that are clean, and those that can go on (steps,).
Arrivals = tuple[Array, Array, Array]
# following, groups, candidate: room for the search of times; spare: for the events of one instant.
Room = tuple[Array, Array, Array, Array, Scratch]
# Per result: place of the person, depth, opening, whether it is open, and the times of the steps.
Found = tuple[Array, Array, Array, Array, Array]


@kernel
def empty_found(steps: int, size: int) -> Found:
    return (
        np.empty(size, np.int32),
        np.empty(size, np.uint8),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.full((size, steps), -1, np.int64),
    )


@kernel
def with_room(found: Found, rows: int) -> Found:
    """The same with place for one more row."""
    if rows < len(found[0]):
        return found
    steps = found[4].shape[1]
    new: Found = empty_found(steps, 2 * rows + 16)
    for row in range(rows):
        new[0][row], new[1][row], new[2][row], new[3][row] = found[0][row], found[1][row], found[2][row], found[3][row]
        for step in range(steps):
            new[4][row, step] = found[4][row, step]
    return new


@kernel
def make_queues(steps: int, capacity: int) -> Queues:
    return (
        np.empty((steps, capacity), np.int64),
        np.empty((steps, capacity), np.int64),
        np.zeros(steps, np.int64),
        np.zeros(steps, np.int64),
        np.empty(steps, np.int64),
    )


@kernel
def make_arrivals(steps: int) -> Arrivals:
    return np.empty(steps, np.int64), np.empty(steps, np.int64), np.empty(steps, np.int64)


@kernel
def empty_queues(queues: Queues) -> None:
    heads, tails, newest = queues[2], queues[3], queues[4]
    for step in range(len(heads)):
        heads[step] = 0
        tails[step] = 0
        newest[step] = NONE


@kernel
def chain_before(step: int, now: int, rules: Rules, queues: Queues) -> int:
    """The latest entry of the chains that can take the step now, or NONE."""
    window, gaps, _, _, start, end, _ = rules
    queue_ts, queue_entry, heads, tails, _ = queues
    if step == 0:
        return now if start <= now < end else NONE
    source = step - 1
    while heads[source] < tails[source] and now - queue_ts[source, heads[source]] > gaps[step]:
        heads[source] += 1
    if heads[source] == tails[source]:
        return NONE
    entry = queue_entry[source, heads[source]]
    return int(entry) if now - entry <= window else NONE


@kernel
def put(step: int, now: int, entry: int, queues: Queues) -> None:
    """Chains at this step that entered no later can never again be better than this one."""
    queue_ts, queue_entry, heads, tails, _ = queues
    tail = tails[step]
    while heads[step] < tail and queue_entry[step, tail - 1] <= entry:
        tail -= 1
    queue_ts[step, tail] = now
    queue_entry[step, tail] = entry
    tails[step] = tail + 1


@kernel
def arrive(
    now: int,
    bits: Array,
    first: int,
    after: int,
    rules: Rules,
    is_strict: bool,
    queues: Queues,
    arrivals: Arrivals,
    scratch: Scratch,
) -> None:
    """Set `arrivals` to the latest entries that the events [first, after) of one instant bring to each step."""
    _, gaps, afters, befores, _, _, _ = rules
    came, clean, going = arrivals
    step_of, event_of, seen, waiting, reached_from = scratch
    steps, size = len(gaps), after - first
    for step in range(steps):
        came[step], clean[step], going[step] = NONE, NONE, NONE
    for step in range(steps):
        chain = chain_before(step, now, rules, queues)
        if chain == NONE:
            continue
        reached = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
        for other in range(step, reached + 1):
            came[other] = max(came[other], chain)
            if taints(bits, first, after, step - 1, other, gaps, afters, befores):
                continue
            clean[other] = max(clean[other], chain)
            if not is_strict or step == 0 or other == step - 1 + size:
                going[other] = max(going[other], chain)


@kernel
def settle(
    now: int, bits: Array, first: int, after: int, rules: Rules, is_strict: bool, queues: Queues, arrivals: Arrivals
) -> bool:
    """Let the chains wait that arrived. False when an excluded event left none."""
    window, gaps, afters, befores, _, _, _ = rules
    _, clean, going = arrivals
    heads, tails, newest = queues[2], queues[3], queues[4]
    was_hit, is_alive = False, False
    for step in range(len(gaps)):
        hit = taints(bits, first, after, step, step, gaps, afters, befores)
        was_hit |= hit
        if hit:
            newest[step] = NONE
        if hit or is_strict:
            heads[step] = tails[step]
        newest[step] = max(newest[step], clean[step])
        if going[step] != NONE:
            put(step, now, going[step], queues)
        is_alive |= newest[step] != NONE and now - newest[step] <= window
    return is_alive or not was_hit


@kernel
def use_fewest(steps: int, bits: Array, first: int, after: int, step: int, spare: Array, scratch: Scratch) -> None:
    """Bring those events of the instant to the front with which steps from `step` to the last are done: rather those
    that do not serve step 1, then those of the lowest bits, so that the next attempt finds the better ones."""
    step_of, event_of, seen, waiting, reached_from = scratch
    size = after - first
    sort_for_next(steps, bits, first, after)
    for place in range(size - 1, -1, -1):
        spare[place] = bits[first + place]
        bits[first + place] = 0
        reached = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
        if reached == steps - 1:
            continue
        bits[first + place] = spare[place]
        spare[place] = 0
    bring_forward(bits, first, after, spare)


@kernel
def bring_forward(bits: Array, first: int, after: int, spare: Array) -> None:
    """Events that were zeroed are put back from `spare` behind the others."""
    front = first
    for place in range(first, after):
        if bits[place]:
            bits[front] = bits[place]
            front += 1
    for place in range(after - first):
        if front < after and spare[place]:
            bits[front] = spare[place]
            front += 1
    while front < after:
        bits[front] = 0
        front += 1


@kernel
def sort_for_next(steps: int, bits: Array, first: int, after: int) -> None:
    for place in range(first + 1, after):
        mask = bits[place]
        before = place
        while before > first and worth(steps, bits[before - 1]) > worth(steps, mask):
            bits[before] = bits[before - 1]
            before -= 1
        bits[before] = mask


@kernel
def worth(steps: int, mask: int) -> int:
    """What an event is worth to an attempt that begins with it."""
    serves = np.int64(mask) & ((np.int64(1) << steps) - 1)
    return int(serves | ((serves & 1) << 40))


@kernel
def has_first(bits: Array, first: int, after: int) -> bool:
    every = 0
    for place in range(first, after):
        every |= bits[place]
    return bool(every & 1)


@kernel
def walk_attempts(
    person: int,
    ts: Array,
    bits: Array,
    count: int,
    rules: Rules,
    is_strict: bool,
    queues: Queues,
    arrivals: Arrivals,
    room: Room,
    found: Found,
    rows: int,
) -> tuple[Found, int]:
    """Add a row for every attempt of the person whose events these are."""
    window, gaps, afters, _, start, end, as_of = rules
    came = arrivals[0]
    steps = len(gaps)
    opened, latest = -1, NONE
    deepest, completion, entry = -1, NONE, NONE
    first = 0
    while first < count:
        now = ts[first]
        after = group_end(ts, first, count)
        if opened >= 0 and now > latest + window:
            found = with_room(found, rows)
            write(person, ts, bits, opened, first, rules, is_strict, deepest, entry, completion, room, found, rows)
            found[3][rows] = 0
            rows += 1
            opened = -1
        while first < after:
            enters = start <= now < end and has_first(bits, first, after)
            if opened < 0:
                if not enters:
                    break
                opened = first
                deepest, completion, entry = -1, NONE, NONE
                empty_queues(queues)
            if after - first == 1 and len(afters) == 0:
                # One event takes one step; from the last step down, so that no chain takes it twice.
                for step in range(min(deepest + 1, steps - 1), -1, -1):
                    chain = chain_before(step, now, rules, queues) if (bits[first] >> step) & 1 else NONE
                    came[step] = chain
                    if is_strict:
                        queues[2][step] = queues[3][step]
                    if chain != NONE:
                        put(step, now, chain, queues)
                        if step > deepest:
                            deepest, completion, entry = step, now, chain
                used = 1
                is_alive = True
            else:
                arrive(now, bits, first, after, rules, is_strict, queues, arrivals, room[4])
                for step in range(steps):
                    if step > deepest and came[step] != NONE:
                        deepest, completion, entry = step, now, came[step]
                used = after - first
                if deepest == steps - 1:
                    used = convert(now, bits, first, after, rules, queues, room)
                    entry = chain_before(steps - used, now, rules, queues)
                is_alive = settle(now, bits, first, after, rules, is_strict, queues, arrivals)
            first += used
            if enters:
                latest = now
            if deepest == steps - 1 or not is_alive:
                found = with_room(found, rows)
                write(person, ts, bits, opened, first, rules, is_strict, deepest, entry, completion, room, found, rows)
                found[3][rows] = 0
                rows += 1
                opened = -1
        first = after
    if opened >= 0:
        found = with_room(found, rows)
        write(person, ts, bits, opened, count, rules, is_strict, deepest, entry, completion, room, found, rows)
        found[3][rows] = latest >= as_of - window
        rows += 1
    return found, rows


@kernel
def convert(now: int, bits: Array, first: int, after: int, rules: Rules, queues: Queues, room: Room) -> int:
    """How few events of this instant complete the attempt; they are brought to the front."""
    steps = len(rules[1])
    step_of, event_of, seen, waiting, reached_from = room[4]
    for step in range(steps - 1, -1, -1):
        if chain_before(step, now, rules, queues) == NONE:
            continue
        size = after - first
        reached = reach_of(step, steps, bits, first, size, step_of, event_of, seen, waiting, reached_from)
        if reached == steps - 1:
            use_fewest(steps, bits, first, after, step, room[3], room[4])
            return steps - step
    return after - first


@kernel
def write(
    person: int,
    ts: Array,
    bits: Array,
    low: int,
    high: int,
    rules: Rules,
    is_strict: bool,
    deepest: int,
    entry: int,
    completion: int,
    room: Room,
    found: Found,
    row: int,
) -> None:
    """The attempt with the events [low, high) and its times."""
    _, groups, candidate, _, scratch = room
    found[0][row], found[1][row], found[2][row] = person, deepest + 1, ts[low]
    out = found[4][row]
    if is_strict:
        time_strict(ts[low:high], bits[low:high], high - low, deepest + 1, rules, True, groups, candidate, out, scratch)
        return
    time_chain(ts[low:high], bits[low:high], high - low, deepest, entry, completion, rules, room, out)


@kernel
def time_chain(
    ts: Array,
    bits: Array,
    count: int,
    deepest: int,
    entry: int,
    completion: int,
    rules: Rules,
    room: Room,
    out: Array,
) -> None:
    """Write the times of the steps up to `deepest`."""
    _, gaps, afters, befores, _, _, _ = rules
    following, groups, _, _, scratch = room
    out[0] = entry
    if deepest > 0:
        out[deepest] = completion
    if deepest > 1:
        time_steps(
            ts, bits, count, deepest, gaps, entry, completion, afters, befores, True, following, groups, out, scratch
        )


@kernel
def list_groups(ts: Array, count: int, groups: Array) -> int:
    """The places at which the instants begin, and behind the last one the end; returns their number."""
    number, first = 0, 0
    while first < count:
        groups[number] = first
        number += 1
        first = group_end(ts, first, count)
    groups[number] = count
    return number


@kernel
def run_strictly(
    group: int,
    taken: int,
    limit: int,
    number: int,
    ts: Array,
    bits: Array,
    rules: Rules,
    groups: Array,
    candidate: Array,
    scratch: Scratch,
) -> int:
    """How many steps (up to `limit`) a chain does that enters in the group and takes `taken` steps there; from there on
    it takes every event, or ends. Writes their times."""
    window, gaps, _, _, _, _, _ = rules
    step_of, event_of, seen, waiting, reached_from = scratch
    entry = ts[groups[group]]
    for step in range(taken):
        candidate[step] = entry
    depth = taken
    while depth < limit and group + 1 < number:
        now, before = ts[groups[group + 1]], ts[groups[group]]
        if now - entry > window or now - before > gaps[depth]:
            break
        group += 1
        size = groups[group + 1] - groups[group]
        reached = reach_of(depth, limit, bits, groups[group], size, step_of, event_of, seen, waiting, reached_from)
        for step in range(depth, reached + 1):
            candidate[step] = now
        if reached + 1 - depth < size:
            return int(max(depth, reached + 1))
        depth = reached + 1
    return depth


@kernel
def time_strict(
    ts: Array,
    bits: Array,
    count: int,
    wanted: int,
    rules: Rules,
    is_lenient: bool,
    groups: Array,
    candidate: Array,
    out: Array,
    scratch: Scratch,
) -> int:
    """The depth of the strict chains (of those with `wanted` steps, if not 0), and in `out` the times of the best one
    that no excluded event taints; the depth is 0 when there is none."""
    _, gaps, _, _, start, end, _ = rules
    step_of, event_of, seen, waiting, reached_from = scratch
    number = list_groups(ts, count, groups)
    depth = wanted
    for is_second in range(1 if wanted else 0, 2):
        has_any = False
        for group in range(number):
            first, now = groups[group], ts[groups[group]]
            if not start <= now < end:
                continue
            size = groups[group + 1] - first
            limit = depth if is_second else len(gaps)
            reached = reach_of(0, limit, bits, first, size, step_of, event_of, seen, waiting, reached_from)
            for taken in range(1, reached + 2):
                came = run_strictly(group, taken, limit, number, ts, bits, rules, groups, candidate, scratch)
                if not is_second:
                    depth = max(depth, came)
                    continue
                is_better = came == depth and (not has_any or is_preferred(candidate, out, depth))
                if is_better and is_clean(candidate, depth, ts, bits, count, rules, is_lenient):
                    has_any = True
                    for step in range(depth):
                        out[step] = candidate[step]
        if depth == 0:
            return 0
    return depth if has_any else 0


@kernel
def is_preferred(times: Array, best: Array, depth: int) -> bool:
    """Earlier completion, else later entry, else earlier middle events."""
    if times[depth - 1] != best[depth - 1]:
        return bool(times[depth - 1] < best[depth - 1])
    if times[0] != best[0]:
        return bool(times[0] > best[0])
    for step in range(1, depth - 1):
        if times[step] != best[step]:
            return bool(times[step] < best[step])
    return False


@kernel
def is_clean(times: Array, depth: int, ts: Array, bits: Array, count: int, rules: Rules, is_lenient: bool) -> bool:
    """Where the later step was not reached, an excluded event taints until the end of the window, or only until the
    last step if `is_lenient`."""
    window, gaps, afters, befores, _, _, _ = rules
    for number in range(len(afters)):
        if afters[number] >= depth:
            continue
        low = times[afters[number]]
        high = times[befores[number]] if befores[number] < depth else times[0] + window + 1
        if is_lenient and befores[number] >= depth:
            high = times[depth - 1]
        for place in range(count):
            if low < ts[place] < high and (bits[place] >> (len(gaps) + number)) & 1:
                return False
    return True


@kernel
def clean_completion(
    first: int,
    depth: int,
    ts: Array,
    bits: Array,
    count: int,
    rules: Rules,
    last: Array,
    arrived: Array,
    scratch: Scratch,
) -> int:
    """When the chains that enter with the group at `first` have done `depth` steps, or NONE: none that an excluded
    event taints. last, arrived: (steps,) scratch."""
    window, gaps, afters, befores, _, _, _ = rules
    step_of, event_of, seen, waiting, reached_from = scratch
    entry, completion = ts[first], NONE
    for step in range(depth):
        last[step] = NONE
    is_entry = True
    while first < count and ts[first] - entry <= window:
        now, after = ts[first], group_end(ts, first, count)
        for step in range(depth):
            arrived[step] = 0
        for step in range(1 if is_entry else depth):
            waits = is_entry or (step > 0 and last[step - 1] != NONE and now - last[step - 1] <= gaps[step])
            if not waits:
                continue
            size = after - first
            reached = reach_of(step, depth, bits, first, size, step_of, event_of, seen, waiting, reached_from)
            for other in range(step, reached + 1):
                if not taints(bits, first, after, step - 1, other, gaps, afters, befores):
                    arrived[other] = 1
        for step in range(depth):
            if taints(bits, first, after, step, step, gaps, afters, befores):
                last[step] = NONE
                if step == depth - 1:
                    completion = NONE
            if arrived[step]:
                last[step] = now
        if arrived[depth - 1] and completion == NONE:
            completion = now
        is_entry = False
        first = after
    return completion


@kernel
def time_clean(
    ts: Array, bits: Array, count: int, depth: int, rules: Rules, arrivals: Arrivals, room: Room, out: Array
) -> bool:
    """Write the times of the best ordered chain of `depth` steps that no excluded event taints; False without one."""
    _, gaps, afters, befores, start, end, _ = rules
    following, groups, _, _, scratch = room
    completion, entry, first = NONE, NONE, 0
    while first < count:
        after = group_end(ts, first, count)
        if start <= ts[first] < end and has_first(bits, first, after):
            done = clean_completion(first, depth, ts, bits, count, rules, arrivals[0], arrivals[1], scratch)
            if done != NONE and (completion == NONE or done <= completion):
                completion, entry = done, ts[first]
        first = after
    if completion == NONE:
        return False
    out[0] = entry
    if depth > 1:
        out[depth - 1] = completion
    if depth > 2:
        time_steps(
            ts,
            bits,
            count,
            depth - 1,
            gaps,
            entry,
            completion,
            afters,
            befores,
            False,
            following,
            groups,
            out,
            scratch,
        )
    return True
