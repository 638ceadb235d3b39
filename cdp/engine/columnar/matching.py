"""Events of one instant, matched to steps as in bipartite matching: each does one step at most."""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel

# For matching: step of an event, event of a step, seen events, steps waiting, the step that reached an event.
Scratch = tuple[Array, Array, Array, Array, Array]


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
