"""Which of some ids are among others. Both ascend, and none comes twice.

Blocks of ids are marked in an array that stays near the processor, so that every id is one look: merging the two would
have each look wait for the one before it.
"""

import numpy as np

from cdp.engine.arrays import Bytes, Ints, Mask
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.memory import address, load_int64

BLOCK = 8_192


def is_in(universe: Ints, some: Ints) -> Mask:
    """Which of the universe are among some."""
    universe, some = (np.ascontiguousarray(one, np.int64) for one in (universe, some))
    found: Bytes = np.empty(len(universe), np.uint8)
    mark_all(address(universe), len(universe), address(some), len(some), found)
    return found.view(np.bool_)


def chosen(universe: Ints, some: Ints, wanted: bool) -> Ints:
    """Those of the universe that are among some, or if not `wanted` those that are not."""
    universe, some = (np.ascontiguousarray(one, np.int64) for one in (universe, some))
    taken = np.empty(len(universe), np.int64)
    return taken[: take_all(address(universe), len(universe), address(some), len(some), wanted, taken)]


@inlined
def mark_block(some: int, others: int, other: int, begin: int, marks: Array) -> tuple[int, int]:
    """Mark those of `some` in the block that begins with the id `begin`, sought from the place `other` on; returns the
    places [first, after) where they are."""
    while other < others and load_int64(some, other) < begin:
        other += 1
    after = other
    while after < others and load_int64(some, after) < begin + BLOCK:
        marks[np.uint64(load_int64(some, after) - begin)] = 1
        after += 1
    return other, after


@inlined
def clear_block(some: int, first: int, after: int, begin: int, marks: Array) -> None:
    for other in range(first, after):
        marks[np.uint64(load_int64(some, other) - begin)] = 0


@kernel
def mark_all(universe: int, size: int, some: int, others: int, found: Array) -> None:
    """universe, some: addresses of int64, so many of them."""
    marks = np.zeros(BLOCK, np.uint8)
    place, other = 0, 0
    while place < size:
        begin = load_int64(universe, place)
        first, other = mark_block(some, others, other, begin, marks)
        while place < size and load_int64(universe, place) < begin + BLOCK:
            found[place] = marks[np.uint64(load_int64(universe, place) - begin)]
            place += 1
        clear_block(some, first, other, begin, marks)


@kernel
def take_all(universe: int, size: int, some: int, others: int, wanted: bool, taken: Array) -> int:
    """Like `mark_all`; writes the ids themselves, and returns how many."""
    marks = np.zeros(BLOCK, np.uint8)
    place, other, count = 0, 0, 0
    while place < size:
        begin = load_int64(universe, place)
        first, other = mark_block(some, others, other, begin, marks)
        while place < size and load_int64(universe, place) < begin + BLOCK:
            one = load_int64(universe, place)
            taken[np.uint64(count)] = one
            count += (marks[np.uint64(one - begin)] != 0) == wanted
            place += 1
        clear_block(some, first, other, begin, marks)
    return count
