"""What is known of the rows of a state, so that questions leave out what they need not ask: told by every commit.

It may say more than there is (rows leave, and nobody looks what they were), and never less.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cdp.engine.events import BEGINNING, ENDLESS

LONG = 127  # bits of a number without its sign
WIDE_ORDER = "bitShiftLeft(toInt256(ts), 128) + bitShiftLeft(toInt256(received), 64) + seq"
# What came of a property: numbers that count, what is neither number nor list, and lists.
NUMBERS, OTHERS, LISTS = 1, 2, 4
# Numbers, also those written as texts, of which the millionths do not tell everything; values that can be written in
# more than one way.
ROUGH, MANIFOLD = 8, 16
ANYTHING = NUMBERS | OTHERS | LISTS | ROUGH | MANIFOLD


@dataclass(frozen=True)
class OwnColumns:
    """Of one property: which ones they are, and the kinds of values that came, as above."""

    place: int
    kinds: int = 0


Own = Mapping[str, OwnColumns]
# The least and the greatest.
Range = tuple[int, int]
# By these events are ordered.
ORDER = ("ts", "received", "seq")


@dataclass(frozen=True)
class NarrowOrder:
    """The order of all events as a number of 128 bits: its bits from `shift` on are the microseconds since `epoch`."""

    sql: str
    shift: int
    epoch: int


@dataclass(frozen=True)
class Known:
    """Properties with columns of their own, and the ranges of what events are ordered by, where there are events."""

    own: Own = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def to_text(self) -> str:
        own = {name: (one.place, one.kinds) for name, one in self.own.items()}
        return orjson.dumps({"own": own, "ranges": dict(self.ranges)}).decode()

    @classmethod
    def from_text(cls, text: str) -> "Known":
        found: dict[str, Any] = orjson.loads(text)
        ranges = {name: (low, high) for name, (low, high) in found["ranges"].items()}
        return cls({name: OwnColumns(*one) for name, one in found["own"].items()}, ranges)

    def with_rows(self, kinds: Mapping[str, int], ranges: Mapping[str, Range]) -> "Known":
        """kinds: by name, of properties with columns of their own."""
        own = {name: OwnColumns(one.place, one.kinds | kinds.get(name, 0)) for name, one in self.own.items()}
        every = {name: (*self.ranges.get(name, ()), *ranges[name]) for name in ORDER}
        return Known(own, {name: (min(some), max(some)) for name, some in every.items()})

    def during(self, start: int, last: int) -> str:
        """SQL: the event happened in [start, last]."""
        low, high = self.ranges.get("ts", (BEGINNING, ENDLESS))
        bounds = [f"ts >= {start}"] * (low < start) + [f"ts <= {last}"] * (high > last)
        return " AND ".join(bounds) or "1"

    @property
    def in_order(self) -> str:
        """SQL of the order of all events as one number: the fewer bits, the quicker it is compared."""
        narrow = self.narrow_order(LONG)
        return narrow.sql if narrow else WIDE_ORDER

    def narrow_order(self, bits: int) -> NarrowOrder | None:
        """None where it needs as many bits or more."""
        sizes = {name: (high - low).bit_length() for name, (low, high) in self.ranges.items()}
        if not sizes or sum(sizes.values()) >= bits:
            return None
        terms, shift = [], 0
        for name in reversed(ORDER):
            terms.append(f"bitShiftLeft(toInt128({name}) - {self.ranges[name][0]}, {shift})")
            shift += sizes[name]
        return NarrowOrder(" + ".join(terms), shift - sizes["ts"], self.ranges["ts"][0])
