"""The events that a question is about, on one side of the snapshot, and what is counted of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdp.engine.base import TIMESTAMP, Bytes, Events, Ints, Mask
from cdp.engine.columnar import aggregate_kernels as kernels
from cdp.engine.columnar.aggregate_kernels import Source, address
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.items import Coded, Items, coded, instants, numbers, of_stream
from cdp.engine.columnar.masks import row_mask
from cdp.engine.columnar.picked import AskedSide, Places, names_in
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Side, Stream

# Below this many rows a second thread costs more than it saves.
ROWS_PER_RANGE = 50_000
# Where the magnitudes add up to less, no sum on the way has left 64 bits.
SAFE_SUM = 2.0**62
LEAST, MOST = -(2**63), 2**63 - 1


@dataclass(frozen=True, eq=False)
class Lane:
    """Rows, or items of them, as the kernels read them; keeps alive what the addresses point to."""

    stream: Stream
    profile: NDArray[np.int32]
    ts: Ints
    mask: Bytes | None
    items: Items | None = None

    def source(self, side: Side, start: int, end: int) -> Source:
        profile, ts, mask, skip = map(address, (self.profile, self.ts, self.mask, side.skip))
        size = len(self.profile)
        if self.items is None:
            return profile, ts, mask, skip, size, start, end, 0, 0, 0
        value, status = self.items.value, self.items.status
        return profile, ts, mask, skip, size, start, end, address(value), value.itemsize, address(status)

    def of(self, items: Items) -> "Lane":
        """The lane of the items of these rows."""
        width = np.int64 if items.value.itemsize == 8 else np.int32
        items = Items(items.row, np.ascontiguousarray(items.value, width), items.status)
        if items.row is None:
            return Lane(self.stream, self.profile, self.ts, self.mask, items)
        mask = None if self.mask is None else self.mask[items.row]
        return Lane(self.stream, self.profile[items.row], self.ts[items.row], mask, items)

    def key(self, which: str, chosen: Ints) -> Array:
        """`received` or `seq` of some of the rows or items."""
        rows = chosen if self.items is None or self.items.row is None else self.items.row[chosen]
        return self.stream.gather(lambda view: view.key(which))[rows]

    def usable(self, start: int, end: int) -> Mask:
        usable: Mask = (self.ts >= start) & (self.ts < end)
        if self.mask is not None:
            usable &= self.mask != 0
        if self.items is not None and self.items.status is not None:
            usable &= self.items.status == kernels.COUNTED
        return usable


@dataclass(frozen=True, eq=False)
class Sums:
    """By place. `fits`: whether the total does, in 64 bits."""

    count: Ints
    total: Ints
    skipped: Ints
    fits: Mask


class Selection:
    """What is found is kept, for the other aggregates of the same events."""

    def __init__(self, asked: AskedSide, events: Events, as_of: int, floor: int) -> None:
        self.asked = asked
        self.side = asked.side
        self.start, self.end = max(events.start, floor), min(events.end, as_of + 1)
        found = [self.side.streams(name) for name in names_in(self.side, events.names)]
        self.streams = [stream for stream in found if stream is not None and len(stream.ts)]
        self.lanes = [self.lane(stream, events, as_of) for stream in self.streams]
        self.numbered: dict[str, list[Lane]] = {}
        self.summed: dict[str, Sums] = {}

    def lane(self, stream: Stream, events: Events, as_of: int) -> Lane:
        where = events.where
        mask = None if where is None else stream.gather(lambda view: row_mask(where, view, as_of)).view(np.uint8)
        return Lane(stream, stream.profile, stream.ts, mask)

    def dense(self, fill: int = 0) -> Ints:
        """One element per place."""
        return np.zeros(len(self.side.ids), np.int64) if not fill else np.full(len(self.side.ids), fill, np.int64)

    def run(self, kernel: Callable[..., None], lanes: Sequence[Lane], *arguments: Any) -> None:
        for lane in lanes:
            source = lane.source(self.side, self.start, self.end)

            def work(low: int, high: int, source: Source = source) -> None:
                kernel(source, low, high, *arguments)

            if len(lane.profile):
                spread(work, len(lane.profile), ROWS_PER_RANGE)

    @cached_property
    def events(self) -> Ints:
        """How many, by place."""
        events = self.dense()
        self.run(kernels.count_events, self.lanes, events)
        return events

    @cached_property
    def places(self) -> Places:
        """Of those who have any, by ascending profile."""
        by_id = self.asked.by_id
        return by_id[self.events[by_id] > 0]

    def numbers(self, name: str) -> list[Lane]:
        if name not in self.numbered:
            self.numbered[name] = [lane.of(number_items(lane.stream, name)) for lane in self.lanes]
        return self.numbered[name]

    def coded(self, name: str, is_ranked: bool) -> tuple[list[Lane], Coded]:
        if name == TIMESTAMP:
            found = Coded([instants(stream) for stream in self.streams], "instant", lambda values: values.tolist())
        else:
            found = coded(self.streams, name, is_ranked)
        return [lane.of(items) for lane, items in zip(self.lanes, found.items, strict=True)], found

    def sums(self, name: str) -> Sums:
        if name not in self.summed:
            self.summed[name] = self.add_up(self.numbers(name))
        return self.summed[name]

    def add_up(self, lanes: list[Lane]) -> Sums:
        count, total, skipped = self.dense(), self.dense(), self.dense()
        wide = np.zeros(len(count))
        self.run(kernels.add_up, lanes, count, total, skipped, wide)
        fits = wide < SAFE_SUM
        for place in np.flatnonzero(~fits).tolist():
            exact = sum(self.exact_sum(lane, place) for lane in lanes)
            fits[place] = abs(exact) <= MOST
            total[place] = exact if fits[place] else 0
        return Sums(count, total, skipped, fits)

    def exact_sum(self, lane: Lane, place: int) -> int:
        """In whole numbers of any size."""
        assert lane.items is not None
        low, high = np.searchsorted(lane.profile, (place, place + 1))
        usable = np.flatnonzero(lane.usable(self.start, self.end)[low:high]) + low
        return sum(lane.items.value[usable].tolist())

    def ranges(self, name: str) -> tuple[Ints, Ints, Ints]:
        """By place least (else MOST), most (else LEAST), and how many were skipped."""
        least, most, skipped = self.dense(MOST), self.dense(LEAST), self.dense()
        self.run(kernels.find_range, self.numbers(name), least, most, skipped)
        return least, most, skipped

    def ends(self, lanes: Sequence[Lane], is_last: bool) -> tuple[Places, Ints, Ints]:
        """The places that have a first or last usable row or item, its lane and its number there."""
        founds = []
        for lane in lanes:
            found = self.dense(-1)
            self.run(kernels.find_end, [lane], is_last, found)
            founds.append(found)
        if len(lanes) == 1:
            place = np.flatnonzero(founds[0] >= 0)
            return place.astype(np.int32), np.zeros(len(place), np.int64), founds[0][place]
        return best_ends(lanes, founds, is_last)

    def merged(self, lanes: Sequence[Lane]) -> Lane:
        """One lane of the usable items, in the order of all events."""
        usable = [np.flatnonzero(lane.usable(self.start, self.end)) for lane in lanes]
        pairs = list(zip(lanes, usable, strict=True))
        order = total_order(pairs)
        profile = np.concatenate([lane.profile[rows] for lane, rows in pairs])[order]
        ts = np.concatenate([lane.ts[rows] for lane, rows in pairs])[order]
        values = [lane.items.value[rows].astype(np.int64) for lane, rows in pairs if lane.items is not None]
        items = Items(None, np.concatenate(values)[order], None) if values else None
        return Lane(lanes[0].stream, profile, ts, None, items)


def number_items(stream: Stream, name: str) -> Items:
    return instants(stream) if name == TIMESTAMP else of_stream(stream, lambda view: numbers(view, name))


def total_order(pairs: Sequence[tuple[Lane, Ints]]) -> Ints:
    """Sorts the given rows of all lanes by place, time, received and sequence number; items of one event stay as they
    are."""
    keys = [np.concatenate([lane.key(which, rows) for lane, rows in pairs]) for which in ("seq", "received")]
    ts = np.concatenate([lane.ts[rows] for lane, rows in pairs])
    return np.lexsort((*keys, ts, np.concatenate([lane.profile[rows] for lane, rows in pairs])))


def best_ends(lanes: Sequence[Lane], founds: Sequence[Ints], is_last: bool) -> tuple[Places, Ints, Ints]:
    """Of the first or last ones of each lane, those that are it of all lanes."""
    pairs = [(lane, found[found >= 0]) for lane, found in zip(lanes, founds, strict=True)]
    if not pairs:
        return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64)
    order = total_order(pairs)
    place = np.concatenate([np.flatnonzero(found >= 0) for found in founds])[order]
    number = np.repeat(np.arange(len(pairs)), [len(rows) for _, rows in pairs])[order]
    row = np.concatenate([rows for _, rows in pairs])[order]
    is_other = place[1:] != place[:-1]
    best = np.flatnonzero(np.append(is_other, True) if is_last else np.append(True, is_other)) if len(place) else order
    return place[best].astype(np.int32), number[best], row[best]
