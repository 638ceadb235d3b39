"""What customers have ordered until an instant, and the parts in which that is kept once the orders expire. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.sets import is_in
from cdp.segments.roster import PART_BITS, PLACE_MASK

RECORD = np.dtype([("place", "<u2"), ("recency", "<u2"), ("orders", "<u4"), ("spend", "<i8")])


@dataclass(frozen=True, eq=False)
class Orders:
    """By ascending profile: whole days from the last order to the instant, orders, and spend in millionths."""

    profile: Ints
    recency: Ints
    orders: Ints
    spend: Ints


FIELDS = ("profile", "recency", "orders", "spend")
NO_ORDERS = Orders(*(np.zeros(0, np.int64) for _ in FIELDS))


def together(one: Orders, other: Orders) -> Orders:
    """Of both, which have no order in common."""
    parts = (np.concatenate([getattr(one, name), getattr(other, name)]) for name in FIELDS)
    return by_owner(*parts)


def by_owner(owner: Ints, recency: Ints, orders: Ints, spend: Ints) -> Orders:
    """Several of one owner together, in whatever order they are."""
    order = np.argsort(owner, kind="stable")
    begin = np.flatnonzero(np.diff(owner[order], prepend=-1))
    if not len(begin):
        return NO_ORDERS
    return Orders(
        owner[order][begin],
        np.minimum.reduceat(recency[order], begin),
        np.add.reduceat(orders[order], begin),
        np.add.reduceat(spend[order], begin),
    )


def without(told: Orders, gone: Ints) -> Orders:
    """All but these profiles, ascending."""
    stays = ~is_in(told.profile, gone)
    return Orders(*(getattr(told, name)[stays] for name in FIELDS))


def packed(told: Orders) -> Iterator[tuple[int, bytes]]:
    """Each part of 65,536 profile numbers with what is known of it."""
    records = np.empty(len(told.profile), RECORD)
    records["place"] = told.profile & PLACE_MASK
    for name in FIELDS[1:]:
        records[name] = getattr(told, name)
    part, begin = np.unique(told.profile >> PART_BITS, return_index=True)
    for number, piece in zip(part.tolist(), np.split(records, begin[1:]), strict=False):
        yield number, piece.tobytes()


def unpacked(part: Ints, lengths: Ints, records: bytes) -> Orders:
    """Of parts one after the other, `lengths` in bytes."""
    found = np.frombuffer(records, RECORD)
    profile: Ints = np.repeat(part << PART_BITS, lengths // RECORD.itemsize)
    profile += found["place"]
    return Orders(profile, *(found[name].astype(np.int64) for name in FIELDS[1:]))
