"""What the events of each profile come to: what is asked, and what is answered. Instants are whole microseconds."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cdp.engine.arrays import Ints, Mask
from cdp.engine.events import Events

Fn = Literal["count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_list"]
Tie = Literal["alphabetical", "most_recent"]
Unit = Literal["count", "scaled", "instant", "label", "list"]
MILLION = 1_000_000


@dataclass(frozen=True)
class AggregateSpec:
    """What the `events` of each profile come to.

    Without a `property`, "count" counts events; every other `fn` needs one, and takes its value, or each item of it
    where it is a list. TIMESTAMP (for count, min, max, first and last) stands for the event's own time. Missing values
    (null, "", [], {}) are passed over.

    sum, avg, min and max take JSON numbers and numeric texts below 9 * 10**12, half-even to 6 places, and skip anything
    else. mode is the most frequent value if it comes `min_count` times, on a `tie` the first one by its text or the one
    that came last. first and last go by (time, received, sequence number). For mode, unique and unique_list 1 and 1.0
    are one value and "1" another.
    """

    events: Events
    fn: Fn
    property: str | None = None
    tie: Tie = "alphabetical"
    min_count: int = 1


@dataclass(frozen=True, eq=False)
class Aggregate:
    """Everybody with at least one of the events, by ascending `profile`; all others have nothing counted. For each:

    `present`: whether there is a value. A sum beyond 64 bits, and its average, are none. `value`: its meaning depends
    on `unit`; 0 where not present.

    - "count" (count, unique): a whole number.
    - "scaled" (sum, avg, min, max; others where all values are such numbers): millionths; an avg is rounded half-even.
    - "instant" (property TIMESTAMP): microseconds.
    - "label" (mode, first, last): a place in `labels`, JSON values (one may be there twice).
    - "list" (unique_list): how many values; they are the next ones in `items`, places in `labels`, by their text.

    `events`: how many events there are. `skipped`: values that are no numbers where numbers are needed. `ts`: for first
    and last the time of the event that gave the value (0 where not present), else None.
    """

    profile: Ints
    present: Mask
    value: Ints
    unit: Unit
    events: Ints
    skipped: Ints
    labels: tuple[Any, ...] = ()
    items: Ints | None = None
    ts: Ints | None = None

    def decoded(self) -> list[Any]:
        """The value of each profile as JSON, None where there is none; instants in microseconds."""
        if self.unit == "list":
            values = self.lists()
        elif self.unit == "label":
            values = [self.labels[place] for place in self.value.tolist()] if self.labels else [None] * len(self.value)
        elif self.unit == "scaled":
            values = scaled_to_json(self.value)
        else:
            values = list(self.value.tolist())
        for place in np.flatnonzero(~self.present).tolist():
            values[place] = None
        return values

    def lists(self) -> list[Any]:
        assert self.items is not None
        ends = np.cumsum(self.value).tolist()
        named = [self.labels[place] for place in self.items.tolist()]
        return [named[end - size : end] for size, end in zip(self.value.tolist(), ends, strict=True)]


def scaled_to_json(value: Ints) -> list[Any]:
    """Whole numbers where they are whole, else the nearest double."""
    whole: list[Any] = (value // MILLION).tolist()
    for place in np.flatnonzero(value % MILLION).tolist():
        whole[place] = value[place].item() / MILLION
    return whole
