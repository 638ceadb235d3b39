"""How many profiles are in which of several sets."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import address, load_int64
from cdp.engine.columnar.pool import spread
from cdp.engine.errors import NotSupported

MOST_SETS = 16
BLOCK = 16_384
# Ids that lie at most this many times as far apart as there are of them are marked in one array.
SPREAD = 8
IDS_PER_RANGE = 100_000


def region_sizes(sets: Sequence[Ints]) -> Ints:
    """For each combination of the sets (bit i: set i) the number of profiles in exactly these; 2 ** sets of them, the
    first one, nobody, 0. Each set is ascending and distinct."""
    if len(sets) > MOST_SETS:
        raise NotSupported(f"At most {MOST_SETS} sets can be compared.")
    used = [one for one in sets if len(one)]
    if not used:
        return np.zeros(1 << len(sets), np.int64)
    first, last = min(int(one[0]) for one in used), max(int(one[-1]) for one in used)
    if last - first > SPREAD * sum(map(len, used)):
        return counted(np.bincount(scattered(sets), minlength=1 << len(sets)))
    held = [np.ascontiguousarray(one, np.int64) for one in sets]
    table = np.array([part for one in held for part in (address(one), len(one))], np.int64)

    def work(low: int, high: int) -> Ints:
        sizes = np.zeros(1 << len(sets), np.int64)
        count_regions(table, first + low, first + high, sizes)
        return sizes

    return counted(np.sum(spread(work, last - first + 1, IDS_PER_RANGE), axis=0))


def counted(sizes: Ints) -> Ints:
    sizes[0] = 0
    return sizes


def region(sets: Sequence[Ints], inside: int) -> Ints:
    """The ascending profiles in exactly the sets that are bits of `inside`, at least one."""
    members = [one for bit, one in enumerate(sets) if inside >> bit & 1]
    others = [one for bit, one in enumerate(sets) if not inside >> bit & 1]
    found = members[0]
    for one in members[1:]:
        found = np.intersect1d(found, one, assume_unique=True)
    for one in others:
        found = np.setdiff1d(found, one, assume_unique=True)
    return found


def scattered(sets: Sequence[Ints]) -> NDArray[np.uint16]:
    """For each profile that is in any set the sets that it is in, as bits."""
    everybody = np.unique(np.concatenate(sets))
    marks = np.zeros(len(everybody), np.uint16)
    for bit, one in enumerate(sets):
        marks[np.searchsorted(everybody, one)] |= np.uint16(1 << bit)
    return marks


@kernel
def first_not_below(ids: int, low: int, high: int, wanted: int) -> int:
    while low < high:
        middle = (low + high) >> 1
        if load_int64(ids, middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def count_regions(table: Array, low: int, high: int, sizes: Array) -> None:
    """Add to `sizes` the profiles from `low` to `high` by the sets they are in. table: address and length of each set.
    So few profiles at a time that their marks stay near the processor."""
    sets = len(table) // 2
    marks, cursors = np.zeros(BLOCK, np.uint16), np.empty(sets, np.int64)
    for one in range(sets):
        cursors[one] = first_not_below(table[2 * one], 0, table[2 * one + 1], low)
    for begin in range(low, high, BLOCK):
        end = min(begin + BLOCK, high)
        for one in range(sets):
            ids, bit, row = table[2 * one], np.uint16(1 << one), cursors[one]
            # Distinct ids: no more of them than there are in the block.
            stop = first_not_below(ids, row, min(row + end - begin, table[2 * one + 1]), end)
            cursors[one] = stop
            for member in range(row, stop):
                marks[np.uint64(load_int64(ids, member) - begin)] |= bit
        for place in range(end - begin):
            if marks[np.uint64(place)]:
                sizes[marks[np.uint64(place)]] += 1
                marks[np.uint64(place)] = 0
