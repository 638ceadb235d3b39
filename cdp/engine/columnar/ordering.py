"""Sorting rows by (place, time) when most of them are sorted already, and the few values of one run inside kernels."""

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel

SORTABLE_BITS = 62


def order_by(place: Array, ts: Ints) -> Ints:
    """Stable. One key of both is sorted where they fit into 64 bits: the sort then finds and merges the sorted runs
    of which the rows consist, in nearly linear time; a sort by two keys would begin with the unsorted times."""
    key = joint_key(place, ts)
    return np.lexsort((ts, place)) if key is None else np.argsort(key, kind="stable")


def joint_key(place: Array, ts: Ints) -> Ints | None:
    """place is not negative."""
    if not len(ts):
        return ts
    first = int(ts.min())
    bits = (int(ts.max()) - first).bit_length()
    if bits + int(place.max()).bit_length() > SORTABLE_BITS:
        return None
    key: Ints = (place.astype(np.int64) << bits) | (ts - first)
    return key


def has_ties(order: Ints, *keys: Array) -> bool:
    """Whether neighbours in this order are equal in all keys."""
    tied: NDArray[np.bool_] = np.ones(max(len(order) - 1, 0), np.bool_)
    for key in keys:
        ordered = key[order]
        tied &= ordered[1:] == ordered[:-1]
    return bool(tied.any())


@kernel
def sort(values: Array, low: int, high: int) -> None:
    """The values [low, high), in Shell's way: they are few."""
    gap = 1
    while gap < (high - low) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(low + gap, high):
            value, hole = values[place], place
            while hole >= low + gap and values[hole - gap] > value:
                values[hole] = values[hole - gap]
                hole -= gap
            values[hole] = value
        gap //= 3
