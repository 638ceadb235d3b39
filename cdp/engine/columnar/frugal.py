"""Which events of an instant a conversion uses up: as few as will do, and rather those the next attempt needs least."""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.matching import Scratch, reach_of


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
