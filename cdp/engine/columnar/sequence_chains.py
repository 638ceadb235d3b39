"""A chain of steps in one person's events, which are merged and marked.

For each event that can be step k, the latest beginning of a chain that ends with it is all there is to know: a later
beginning is never worse. The events that can precede it are a range whose two ends only move forward, held by the last
excluded event and the longest gap, and by the shortest gap: the latest beginning in it is the head of a falling queue.

An exclusion between steps i and j means: none between any two neighbours of them, and none is a step in between.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import NONE

# (least gap of each step, longest gap, total, exclusions: after, before, start, end)
Rules = tuple[Array, Array, int, Array, Array, int, int]
# By place in the order of events: the latest beginnings for the step before and for this one; and a queue of places.
Room = tuple[Array, Array, Array]


@kernel
def has_chain(ts: Array, bits: Array, count: int, rules: Rules, room: Room) -> bool:
    least, longest, total, afters, befores, _, _ = rules
    before, here, queue = room
    steps = len(least)
    for place in range(count):
        here[place] = ts[place] if bits[place] & 1 else NONE
    for step in range(1, steps):
        before, here = here, before
        between, on_the_way = np.int64(0), np.int64(0)
        for one in range(len(afters)):
            if afters[one] < step <= befores[one]:
                between |= np.int64(1) << (steps + one)
            if afters[one] < step < befores[one]:
                on_the_way |= np.int64(1) << (steps + one)
        head, tail, entering, barrier = 0, 0, 0, -1
        for place in range(count):
            now, mask = ts[place], np.int64(bits[place])
            while entering < place and ts[entering] <= now - least[step]:
                if before[entering] != NONE:
                    while tail > head and before[queue[tail - 1]] <= before[entering]:
                        tail -= 1
                    queue[tail] = entering
                    tail += 1
                entering += 1
            while head < tail and (queue[head] < barrier or ts[queue[head]] < now - longest[step]):
                head += 1
            is_step = (mask >> step) & 1 and not mask & on_the_way
            here[place] = before[queue[head]] if is_step and head < tail else NONE
            if mask & between:
                barrier = place
    found = False
    for place in range(count):
        found |= here[place] != NONE and ts[place] - here[place] <= total
    return found
