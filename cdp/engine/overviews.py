"""What is there at all: event names and their properties, activity by profile and by day, what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cdp.engine.arrays import Ints

# Odd and without a pattern, so that products of different numbers differ everywhere.
FACTORS = 11400714819323198485, 14029467366897019727, 1609587929392839161, 9650029242287828579


@dataclass(frozen=True)
class PropertySummary:
    """`types` are of number, text, bool, list, object; `samples` the most frequent values."""

    name: str
    count: int
    types: tuple[str, ...]
    samples: tuple[Any, ...]


@dataclass(frozen=True)
class EventSummary:
    name: str
    count: int
    profiles: int
    last_ts: int
    properties: tuple[PropertySummary, ...]


@dataclass(frozen=True)
class Catalog:
    """Event names by falling count, each with its properties by falling count."""

    events: tuple[EventSummary, ...]


@dataclass(frozen=True, eq=False)
class Activity:
    """Everybody who did anything, by ascending profile."""

    profile: Ints
    first_ts: Ints
    last_ts: Ints
    events: Ints


@dataclass(frozen=True, eq=False)
class Daily:
    """One entry for every day of the range, empty days too; `day` is the instant at which it begins."""

    day: Ints
    events: Ints
    profiles: Ints


@dataclass(frozen=True)
class Census:
    """What two engines that hold the same events agree on: by (event name, day since 1970 UTC) how many events count
    and the sum of their marks."""

    counts: Mapping[tuple[str, int], tuple[int, int]]


def marks_of(seq: Ints, profile: Ints, ts: Ints, received: Ints) -> Ints:
    """A number for each event that changes when any of these does (`profile` is whose it is now), so that a sum of
    them tells whether two heaps are the same. Whole numbers of 64 bits that wrap around, like their sums."""
    parts = zip((seq, profile, ts, received), FACTORS, strict=True)
    mixed = np.bitwise_xor.reduce([part.astype(np.uint64) * np.uint64(factor) for part, factor in parts])
    marks: Ints = ((mixed ^ (mixed >> np.uint64(32))) * np.uint64(FACTORS[0])).view(np.int64)
    return marks


@dataclass(frozen=True)
class Stored:
    """How much the engine holds: events that count, files, and bytes on disk."""

    events: int
    files: int
    bytes: int
    pending: int = field(default=0)
