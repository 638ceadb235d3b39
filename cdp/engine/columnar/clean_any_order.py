"""Funnels in any order with exclusions: the best chain that no excluded event taints.

An exclusion speaks of the first, second, … step done, so a chain is known by the set of its steps. Per entry, a table
keeps for every set (a mask) the earliest times, compared one after the other, at which it can be done cleanly.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.chain_times import taints
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import NONE
from cdp.engine.columnar.merging import group_end
from cdp.engine.columnar.queues import Rules
from cdp.engine.columnar.strict import is_preferred

# The table has a row for every set of steps.
MOST_STEPS = 10


@kernel
def size_of(mask: int) -> int:
    size = 0
    while mask:
        size += mask & 1
        mask >>= 1
    return size


@kernel
def keep_earlier(table: Array, mask: int, times: Array, size: int) -> None:
    """Put the first `size` times into the row of the mask if it is empty or later."""
    place = 0
    if table[mask, 0] != NONE:
        while place < size and times[place] == table[mask, place]:
            place += 1
        if place == size or times[place] > table[mask, place]:
            return
    while place < size:
        table[mask, place] = times[place]
        place += 1


@kernel
def extend(now: int, bits: Array, first: int, after: int, steps: int, table: Array, times: Array) -> None:
    """Add to the table what the events of one instant make of its rows; from large sets to small ones, so that no
    chain takes an event twice."""
    for event in range(first, after):
        for mask in range((1 << steps) - 2, -1, -1):
            if table[mask, 0] == NONE:
                continue
            size = size_of(mask)
            for place in range(size):
                times[place] = table[mask, place]
            times[size] = now
            for step in range(steps):
                if (bits[event] >> step) & 1 and not (mask >> step) & 1:
                    keep_earlier(table, mask | (1 << step), times, size + 1)


@kernel
def arrive_clean(
    now: int, bits: Array, first: int, after: int, rules: Rules, is_entry: bool, tables: Array, times: Array
) -> None:
    """Set the arrivals of this instant: by the size of the chain before it, which decides about taint."""
    _, gaps, afters, befores, _, _, _ = rules
    waiting, arrived, grown = tables[0], tables[1], tables[2]
    steps = len(gaps)
    for mask in range(1 << steps):
        arrived[mask, 0] = NONE
    for source in range(0 if is_entry else 1, 1 if is_entry else steps):
        for mask in range(1 << steps):
            grown[mask, 0] = NONE
            if size_of(mask) == source:
                for place in range(max(source, 1)):
                    grown[mask, place] = 0 if is_entry else waiting[mask, place]
        extend(now, bits, first, after, steps, grown, times)
        for mask in range(1 << steps):
            size = size_of(mask)
            if size <= source or grown[mask, 0] == NONE:
                continue
            if not taints(bits, first, after, source - 1, size - 1, gaps, afters, befores):
                keep_earlier(arrived, mask, grown[mask], size)


@kernel
def last_excluded(ts: Array, bits: Array, count: int, until: int, size: int, rules: Rules) -> int:
    """When chains of this size are last tainted."""
    _, gaps, afters, befores, _, _, _ = rules
    for place in range(count - 1, -1, -1):
        if ts[place] <= until and taints(bits, place, place + 1, size - 1, size - 1, gaps, afters, befores):
            return int(ts[place])
    return NONE


@kernel
def most_clean_steps(ts: Array, bits: Array, count: int, rules: Rules, out: Array) -> int:
    """Like `any_order.most_steps`; 0 when every chain is tainted."""
    window, gaps, afters, befores, start, end, _ = rules
    steps = len(gaps)
    tables, times = np.empty((3, 1 << steps, steps), np.int64), np.empty(steps, np.int64)
    last = np.empty(steps + 1, np.int64)
    best, entry_at = 0, 0
    while entry_at < count:
        first, entry = entry_at, ts[entry_at]
        entry_at = group_end(ts, first, count)
        if not start <= entry < end:
            continue
        for size in range(1, steps + 1):
            last[size] = last_excluded(ts, bits, count, entry + window, size, rules)
        for mask in range(1 << steps):
            tables[0, mask, 0] = NONE
        is_entry = True
        while first < count and ts[first] - entry <= window:
            now, after = ts[first], group_end(ts, first, count)
            arrive_clean(now, bits, first, after, rules, is_entry, tables, times)
            for mask in range(1, 1 << steps):
                size = size_of(mask)
                if taints(bits, first, after, size - 1, size - 1, gaps, afters, befores):
                    tables[0, mask, 0] = NONE
                if tables[1, mask, 0] == NONE:
                    continue
                keep_earlier(tables[0], mask, tables[1, mask], size)
                is_better = size > best or (size == best and is_preferred(tables[1, mask], out, size))
                if last[size] <= now and is_better:
                    best = size
                    for place in range(size):
                        out[place] = tables[1, mask, place]
            is_entry = False
            first = after
    return best
