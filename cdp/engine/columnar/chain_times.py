"""The times of the best chain, once it is known when it enters and completes; and what taints a chain."""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, reach_of
from cdp.engine.columnar.merging import group_end


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
