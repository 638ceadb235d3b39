"""Putting the answers of the base and of the recent side together by ascending profile: the one is long, the other
short, and both ascend already."""

from collections.abc import Sequence

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel


class Weaving:
    """Of ascending, distinct profiles of at most two sides."""

    def __init__(self, profiles: Sequence[Ints]) -> None:
        self.is_long_first = len(profiles) < 2 or len(profiles[0]) >= len(profiles[1])
        self.before: Ints | None = None
        if len(profiles) == 2:
            long, short = self.sorted(profiles)
            self.before = np.searchsorted(long, short)
        self.profile: Ints = self.woven(profiles)

    def sorted(self, parts: Sequence[Array]) -> Sequence[Array]:
        return parts if self.is_long_first else parts[::-1]

    def woven(self, parts: Sequence[Array]) -> Array:
        """One array of whole numbers or truth values per side, to one of both."""
        if self.before is None:
            return parts[0] if parts else np.empty(0, np.int64)
        long, short = (np.array(part, np.int64, copy=None) for part in self.sorted(parts))
        found = np.empty(len(long) + len(short), np.int64)
        weave(long, short, self.before, found)
        return found.astype(parts[0].dtype, copy=False)


@kernel
def weave(long: Array, short: Array, before: Array, woven: Array) -> None:
    """before: how many of the long ones come before each of the short ones."""
    at = 0
    for place in range(len(short)):
        while at < before[place]:
            woven[at + place] = long[at]
            at += 1
        woven[at + place] = short[place]
    while at < len(long):
        woven[at + len(short)] = long[at]
        at += 1
