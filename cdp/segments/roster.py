"""Who is in a segment, packed: of each part of 65,536 profile numbers the places of those who are, two bytes each."""

from collections.abc import Iterator

import numpy as np

from cdp.engine.arrays import Ints

PART_BITS = 16
PLACE = np.dtype(">u2")
PLACE_MASK = (1 << PART_BITS) - 1


def parts(members: Ints) -> Ints:
    """Which parts they are in, ascending."""
    return np.unique(members >> PART_BITS)


def packed(members: Ints) -> Iterator[tuple[int, bytes]]:
    """Each part of the ascending members with its places."""
    part, begin = np.unique(members >> PART_BITS, return_index=True)
    places = (members & PLACE_MASK).astype(PLACE)
    for number, piece in zip(part.tolist(), np.split(places, begin[1:]), strict=False):
        yield number, piece.tobytes()


def unpacked(part: Ints, lengths: Ints, places: bytes) -> Ints:
    """The members, ascending: the places of the ascending parts one after the other, `lengths` in bytes."""
    members: Ints = np.repeat(part << PART_BITS, lengths // PLACE.itemsize)
    members += np.frombuffer(places, PLACE)
    return members
