"""How many events each profile has, and what their values come to: sums, ranges, and ends.

A call answers the runs [low, high) of a source. What it writes has one element per slot, and begins with zeros unless
said otherwise.
"""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import load_int32, load_int64
from cdp.engine.columnar.source import (
    COUNTED,
    FIRST,
    MASK,
    SKIPPED,
    Source,
    asked,
    count_marked,
    is_in,
    row_of,
    slot_of,
    status_of,
    usable,
    value_at,
)

# Below it a double holds every whole number, and the floor of a quotient is the true one.
EXACT = 2**51
# So many runs are added up at a time that their sums stay near the processor.
STRETCH = 1_024


@kernel
def count_events(source: Source, low: int, high: int, events: Array) -> None:
    for run in range(low, high):
        if source[MASK]:
            count = count_marked(source, run)
        else:
            first, after = asked(source, run)
            count = after - first
        events[slot_of(source, run)] += count


@kernel
def count_usable(source: Source, low: int, high: int, counted: Array) -> None:
    for run in range(low, high):
        first, after = asked(source, run)
        count = 0
        for one in range(first, after):
            count += usable(source, one)
        counted[slot_of(source, run)] += count


@kernel
def add_all(source: Source, low: int, high: int, total: Array) -> None:
    """Where every item counts and no sum can leave 64 bits.

    How many items a run has cannot be foreseen, so they are added up without looking where runs end, and each run gets
    the difference of what had come before its items and after them.
    """
    before = np.empty(4 * STRETCH, np.int64)
    for begin in range(low, high, STRETCH):
        stop = min(begin + STRETCH, high)
        base = int(load_int32(source[FIRST], begin))
        size = int(load_int32(source[FIRST], stop)) - base
        if size >= len(before):
            before = np.empty(2 * size, np.int64)
        added = np.int64(0)
        for one in range(size):
            before[one] = added
            added += value_at(source, base + one)
        before[size] = added
        for run in range(begin, stop):
            first, after = asked(source, run)
            total[slot_of(source, run)] += before[np.uint64(after - base)] - before[np.uint64(first - base)]


@kernel
def add_up(source: Source, low: int, high: int, count: Array, total: Array, skipped: Array, wide: Array) -> None:
    """`wide`: the total of the magnitudes as a double, by which an overflow is noticed."""
    for run in range(low, high):
        first, after = asked(source, run)
        found, added, magnitude, passed = 0, np.int64(0), 0.0, 0
        for one in range(first, after):
            if not is_in(source, one):
                continue
            status = status_of(source, one)
            if status == COUNTED:
                value = value_at(source, one)
                found += 1
                added += value
                magnitude += abs(float(value))
            else:
                passed += status == SKIPPED
        slot = slot_of(source, run)
        count[slot] += found
        total[slot] += added
        skipped[slot] += passed
        wide[slot] += magnitude


@kernel
def divide(total: Array, count: Array, low: int, high: int, quotient: Array) -> None:
    """Half-even; where nothing is counted the total is 0, and so is this. In doubles, and once more in whole numbers
    where these are not exact: two loops without a branch in the first."""
    largest = np.int64(0)
    for slot in range(low, high):
        size = max(count[slot], np.int64(1))
        whole = np.int64(np.floor(total[slot] / size))
        rest = 2 * (total[slot] - whole * size)
        quotient[slot] = whole + np.int64((rest > size) | ((rest == size) & (whole & 1 == 1)))
        largest = max(largest, abs(total[slot]))
    if largest < EXACT:
        return
    for slot in range(low, high):
        size = count[slot]
        if size and abs(total[slot]) >= EXACT:
            whole = total[slot] // size
            rest = 2 * (total[slot] - whole * size)
            quotient[slot] = whole + (rest > size or (rest == size and whole & 1 == 1))


@kernel
def find_range(source: Source, low: int, high: int, least: Array, most: Array, skipped: Array) -> None:
    """`least` begins above all values, `most` below."""
    for run in range(low, high):
        first, after = asked(source, run)
        slot = slot_of(source, run)
        smallest, largest, passed = least[slot], most[slot], 0
        for one in range(first, after):
            if not is_in(source, one):
                continue
            status = status_of(source, one)
            if status == COUNTED:
                value = value_at(source, one)
                smallest, largest = min(smallest, value), max(largest, value)
            else:
                passed += status == SKIPPED
        least[slot], most[slot] = smallest, largest
        skipped[slot] += passed


@inlined
def end_of(source: Source, run: int, is_last: bool) -> int:
    """The first or the last usable item of the run, -1 if there is none."""
    first, after = asked(source, run)
    for step in range(after - first):
        one = after - 1 - step if is_last else first + step
        if usable(source, one):
            return int(one)
    return -1


@kernel
def find_end(source: Source, low: int, high: int, is_last: bool, found: Array) -> None:
    """`found` begins with -1."""
    for run in range(low, high):
        found[slot_of(source, run)] = end_of(source, run, is_last)


@kernel
def take_end(
    source: Source, times: int, low: int, high: int, is_last: bool, has: Array, value: Array, ts: Array
) -> None:
    """times: the address of the times of the rows, which `source` has only if there is a window."""
    for run in range(low, high):
        one = end_of(source, run, is_last)
        if one >= 0:
            slot = slot_of(source, run)
            has[slot], value[slot], ts[slot] = 1, value_at(source, one), load_int64(times, row_of(source, one))
