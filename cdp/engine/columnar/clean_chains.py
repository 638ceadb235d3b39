"""The best ordered chain that no excluded event taints."""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chain_times import taints, time_steps
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, reach_of
from cdp.engine.columnar.memory import NONE
from cdp.engine.columnar.merging import group_end, has_first
from cdp.engine.columnar.queues import Arrivals, Room, Rules


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
