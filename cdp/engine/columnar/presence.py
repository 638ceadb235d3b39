"""Which rows of a table have a property, and where its column keeps theirs: a bit per row, and a count per 64 rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.jit import inlined
from cdp.engine.columnar.memory import load_int32, load_int64

BITS = 64
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Presence:
    """words: bit k of word w is set where row 64 w + k has the property. before: how many have it before each word."""

    words: Ints
    before: NDArray[np.int32]


def presence(rows: Ints, size: int) -> Presence:
    """Of ascending `rows` of a table of this size."""
    words = -(-size // BITS)
    has = np.zeros(words * BITS, np.bool_)
    has[rows] = True
    before = np.searchsorted(rows, np.arange(0, words * BITS, BITS)).astype(np.int32)
    return Presence(np.packbits(has, bitorder="little").view(np.int64), before)


@inlined
def place_of_row(words: int, before: int, row: int) -> int:
    """The place of the row in the column, or NOWHERE; the arrays come as addresses."""
    word, bit = load_int64(words, row >> 6), row & 63
    if not (word >> bit) & 1:
        return NOWHERE
    return int(load_int32(before, row >> 6) + ones_in(word & ((np.int64(1) << bit) - 1)))


@inlined
def ones_in(word: int) -> int:
    """How many bits of a number below 2⁶³ are set: added up in pairs, fours, and bytes, and these by a product."""
    word -= (word >> 1) & 0x5555555555555555
    word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (word * 0x0101010101010101) >> 56
