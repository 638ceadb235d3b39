"""Strict funnels: every event between the first and the last step is a step of the chain."""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, reach_of
from cdp.engine.columnar.merging import group_end
from cdp.engine.columnar.queues import Rules


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
