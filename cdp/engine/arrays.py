"""Arrays of one dimension, and ascending ids among others."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
# Ids that lie at most this many times as far apart as there are of them are marked in one array.
SPREAD = 8


def is_in(universe: Ints, some: Ints) -> Mask:
    """Which of the universe are among some; both ascend. Ids near each other are looked up in one array."""
    if not len(universe) or not len(some):
        return np.zeros(len(universe), np.bool_)
    first, last = int(universe[0]), int(universe[-1])
    if last - first > SPREAD * len(universe):
        found: Mask = some[np.searchsorted(some, universe).clip(max=len(some) - 1)] == universe
        return found
    low, high = np.searchsorted(some, (first, last + 1))
    marks = np.zeros(last - first + 1, np.bool_)
    marks[some[low:high] - first] = True
    return marks[universe - first]
