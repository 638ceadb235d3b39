"""How many profiles are in which of several sets."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cdp.engine.base import Ints, NotSupported

MOST_SETS = 16
# Ids that lie at most this many times as far apart as there are of them are marked in one array.
SPREAD = 8


def region_sizes(sets: Sequence[Ints]) -> Ints:
    """For each combination of the sets (bit i: set i) the number of profiles in exactly these; 2 ** sets of them, the
    first one, nobody, 0. Each set is ascending and distinct."""
    if len(sets) > MOST_SETS:
        raise NotSupported(f"At most {MOST_SETS} sets can be compared.")
    sizes = np.bincount(combinations(sets), minlength=1 << len(sets))
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


def combinations(sets: Sequence[Ints]) -> NDArray[np.uint16]:
    """For each profile that is in any set the sets that it is in, as bits; zeros may be among them."""
    used = [one for one in sets if len(one)]
    if not used:
        return np.empty(0, np.uint16)
    first, last = min(int(one[0]) for one in used), max(int(one[-1]) for one in used)
    if last - first > SPREAD * sum(map(len, used)):
        everybody = np.unique(np.concatenate(used))
        marks = np.zeros(len(everybody), np.uint16)
        for bit, one in enumerate(sets):
            marks[np.searchsorted(everybody, one)] |= np.uint16(1 << bit)
        return marks
    marks = np.zeros(last - first + 1, np.uint16)
    for bit, one in enumerate(sets):
        marks[one - first] |= np.uint16(1 << bit)
    return marks
