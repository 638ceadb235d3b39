"""The chains that wait for their next step, per step, while the events of an attempt pass by.

In strict mode a chain goes on from one instant to the next only if it took all its events, so nothing waits for longer.
An excluded event empties the queues of the steps between which it is excluded.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chain_times import taints
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, reach_of
from cdp.engine.columnar.memory import NONE

# window, gaps, afters, befores, start, end, as_of
Rules = tuple[int, Array, Array, Array, int, int, int]
# Times and entries (steps, capacity), heads and tails of the queues, and the latest entry at each step (steps,).
Queues = tuple[Array, Array, Array, Array, Array]
# What an instant brings to each step: chains, those of them that are clean, and those that can go on (steps,).
Arrivals = tuple[Array, Array, Array]
# following, groups, candidate: room for the search of times; spare: for the events of one instant.
Room = tuple[Array, Array, Array, Array, Scratch]


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
