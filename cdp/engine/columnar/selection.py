"""The events that a question is about, on one side of the snapshot, and what is counted of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cdp.engine.arrays import LEAST, MOST, Bytes, Ints, Mask
from cdp.engine.columnar import aggregate_kernels as kernels
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.condition_kernels import take_counted, take_ids, take_passing
from cdp.engine.columnar.elsewhere import event_mask
from cdp.engine.columnar.items import Coded, Items, coded, instants, numbers, of_stream
from cdp.engine.columnar.memory import address
from cdp.engine.columnar.picked import AskedSide, Places, names_in
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.runs import Runs, find_runs, item_runs, runs_of
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.columnar.source import COUNTED, Source
from cdp.engine.events import TIMESTAMP, Events

# Below this many rows a second thread costs more than it saves.
ROWS_PER_RANGE = 100_000
RUNS_PER_RANGE = 100_000
MOST_ROWS = 2**31
# Where the magnitudes add up to less, no sum on the way has left 64 bits.
SAFE_SUM = 2.0**62
Window = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Lane:
    """Rows, or items of them, as the kernels read them; keeps alive what the addresses point to. slot: of each run,
    None where these are their own numbers. first: the first item of each run."""

    stream: Stream
    runs: Runs
    slot: Places | None
    first: Places
    ts: Ints
    mask: Bytes | None
    items: Items | None = None

    @property
    def row(self) -> Ints | None:
        return None if self.items is None else self.items.row

    @property
    def is_whole(self) -> bool:
        """Whether every row is one item that is counted."""
        return self.mask is None and self.items is not None and self.items.row is None and self.items.status is None

    @property
    def most_magnitude(self) -> float:
        """What the magnitudes of all values add up to at most."""
        assert self.items is not None
        largest = self.items.largest
        return math.inf if largest is None else float(largest) * len(self.items.value)

    def source(self, skip: Bytes | None, window: Window, is_timed: bool) -> Source:
        start, end = window
        is_inside = start <= self.runs.earliest and self.runs.latest < end
        ts = None if is_inside and not is_timed else self.ts
        keys = map(address, (self.first, self.runs.place, self.slot, skip, ts, self.mask, self.row))
        if self.items is None:
            return *keys, start, end, 0, 0, 0  # type: ignore[return-value]
        value, status = self.items.value, self.items.status
        return *keys, start, end, address(value), value.itemsize, address(status)  # type: ignore[return-value]

    def of(self, items: Items) -> "Lane":
        """The lane of the items of these rows."""
        first = self.runs.first
        if items.row is not None:
            row = np.ascontiguousarray(items.row, np.int64)
            items, first = replace(items, row=row), item_runs(self.runs, row, items.column)
        return replace(self, first=first, items=replace(items, value=np.ascontiguousarray(items.value)))

    def rows(self, chosen: Ints) -> Ints:
        """Of some of the items."""
        return chosen if self.row is None else self.row[chosen]

    def key(self, which: str, chosen: Ints) -> Array:
        """`received` or `seq` of some of the rows or items."""
        return self.stream.gather(lambda view: view.key(which))[self.rows(chosen)]

    def usable(self, window: Window, low: int = 0, high: int | None = None) -> Ints:
        """The rows or items from `low` to `high` that count."""
        high = int(self.first[-1]) if high is None else high
        chosen = np.arange(low, high)
        rows = self.rows(chosen)
        is_usable: Mask = (self.ts[rows] >= window[0]) & (self.ts[rows] < window[1])
        if self.mask is not None:
            is_usable &= self.mask[rows] != 0
        if self.items is not None and self.items.status is not None:
            is_usable &= self.items.status[chosen] == COUNTED
        return chosen[is_usable]


@dataclass(frozen=True, eq=False)
class Sums:
    """By slot. `fits`: whether the total does, in 64 bits."""

    count: Ints
    total: Ints
    skipped: Ints
    fits: Mask


class Selection:
    """What is found is kept, for the other aggregates of the same events. Everybody who has any of their rows has a
    slot, by ascending place."""

    def __init__(self, asked: AskedSide, events: Events, as_of: int, floor: int) -> None:
        self.asked = asked
        self.side = asked.side
        self.window = max(events.start, floor), min(events.end, as_of + 1)
        found = [self.side.streams(name) for name in names_in(self.side, events.names)]
        there = [(one, runs_of(one, len(self.side.ids))) for one in found if one is not None and len(one.ts)]
        there = [(one, some) for one, some in there if some.earliest < self.window[1] and self.window[0] <= some.latest]
        self.streams, runs = [one for one, _ in there], [some for _, some in there]
        self.places, slots = together(runs, len(self.side.ids))
        self.lanes = [
            Lane(stream, some, slot, some.first, stream.ts, mask_of(self.side, stream, events, as_of))
            for stream, some, slot in zip(self.streams, runs, slots, strict=True)
        ]
        self.numbered: dict[str, list[Lane]] = {}
        self.summed: dict[str, Sums] = {}
        self.ranged: dict[str, tuple[Ints, Ints, Ints]] = {}

    def dense(self, fill: int = 0) -> Ints:
        """One element per slot."""
        return np.zeros(len(self.places), np.int64) if not fill else np.full(len(self.places), fill, np.int64)

    @cached_property
    def skip(self) -> Bytes | None:
        return self.side.skip if self.side.skip.any() else None

    def run(self, kernel: Callable[..., None], lanes: Sequence[Lane], *arguments: Any, is_timed: bool = False) -> None:
        for lane in lanes:
            source = lane.source(self.skip, self.window, is_timed)

            def work(low: int, high: int, source: Source = source) -> None:
                kernel(source, low, high, *arguments)

            self.spread(work, lane)

    def spread(self, work: Callable[[int, int], None], lane: Lane) -> None:
        rows = int(lane.runs.first[-1])
        if rows:
            spread(work, len(lane.runs), max(1, ROWS_PER_RANGE * len(lane.runs) // rows))

    @cached_property
    def events(self) -> Ints:
        """How many, by slot."""
        events = self.dense()
        self.run(kernels.count_events, self.lanes, events)
        return events

    @cached_property
    def kept(self) -> Ints | None:
        """The slots of those who have any event, by ascending profile; None when these are all as they are."""
        kept = None if self.events.all() else np.flatnonzero(self.events)
        if self.asked.is_ascending:
            return kept
        profile = self.side.ids[self.places if kept is None else self.places[kept]]
        order = np.argsort(profile, kind="stable")
        return order if kept is None else kept[order]

    def take(self, by_slot: Array) -> Array:
        """Of those who have any event, by ascending profile."""
        return by_slot if self.kept is None else by_slot[self.kept]

    @cached_property
    def profile(self) -> Ints:
        """Of those who have any event, ascending."""
        return self.ids_of(self.take(self.places))

    def counted(self, bounds: tuple[int, int], wanted: bool) -> Ints:
        """The ids of those who have any event, and a number of them within the bounds, or if not `wanted` beyond."""
        if len(self.lanes) != 1:
            return self.passing(np.ones(len(self.places), np.bool_), self.events, bounds, wanted)
        lane, least, most = self.lanes[0], max(bounds[0], 0), min(max(bounds[1], -1), MOST_ROWS)
        source, ids = lane.source(self.skip, self.window, False), address(self.side.ids)

        def work(low: int, high: int) -> Ints:
            taken = np.empty(high - low, np.int64)
            return taken[: take_counted(source, ids, low, high, min(least, MOST_ROWS), most, wanted, taken)]

        return np.concatenate([np.empty(0, np.int64), *spread(work, len(lane.runs), RUNS_PER_RANGE)])

    def passing(self, present: Mask, value: Ints, bounds: tuple[int, int], wanted: bool) -> Ints:
        """The ids of those who have any event and whose value is within the bounds, or if not `wanted` is not."""
        places, (least, most) = np.ascontiguousarray(self.places), bounds
        keys, events = (address(self.side.ids), address(places)), self.events

        def work(low: int, high: int) -> Ints:
            taken = np.empty(high - low, np.int64)
            asked = events, present, value, max(least, LEAST), min(most, MOST), wanted
            return taken[: take_passing(*keys, low, high, *asked, taken)]

        return np.concatenate([np.empty(0, np.int64), *spread(work, len(places), ROWS_PER_RANGE)])

    def ids_of(self, places: Places) -> Ints:
        places, found = np.ascontiguousarray(places), np.empty(len(places), np.int64)
        keys = address(self.side.ids), address(places)
        spread(lambda low, high: take_ids(*keys, low, high, found), len(places), ROWS_PER_RANGE)
        return found

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
        if all(lane.is_whole for lane in lanes) and sum(lane.most_magnitude for lane in lanes) < SAFE_SUM:
            total = self.dense()
            self.run(kernels.add_all, lanes, total)
            return Sums(self.events, total, self.dense(), np.ones(len(total), np.bool_))
        count, total, skipped = self.dense(), self.dense(), self.dense()
        wide = np.zeros(len(count))
        self.run(kernels.add_up, lanes, count, total, skipped, wide)
        fits = wide < SAFE_SUM
        for slot in np.flatnonzero(~fits).tolist():
            exact = sum(self.exact_sum(lane, slot) for lane in lanes)
            fits[slot] = abs(exact) <= MOST
            total[slot] = exact if fits[slot] else 0
        return Sums(count, total, skipped, fits)

    def exact_sum(self, lane: Lane, slot: int) -> int:
        """In whole numbers of any size."""
        assert lane.items is not None
        place = self.places[slot]
        run = int(np.searchsorted(lane.runs.place, place))
        if run == len(lane.runs) or lane.runs.place[run] != place:
            return 0
        usable = lane.usable(self.window, int(lane.first[run]), int(lane.first[run + 1]))
        return sum(lane.items.value[usable].tolist())

    def ranges(self, name: str) -> tuple[Ints, Ints, Ints]:
        """By slot least (else MOST), most (else LEAST), and how many were skipped."""
        if name not in self.ranged:
            least, most, skipped = self.dense(MOST), self.dense(LEAST), self.dense()
            self.run(kernels.find_range, self.numbers(name), least, most, skipped)
            self.ranged[name] = least, most, skipped
        return self.ranged[name]

    def ends(self, lanes: Sequence[Lane], is_last: bool) -> tuple[Ints, Ints, Ints]:
        """The slots that have a first or last usable row or item, its lane and its number there."""
        founds = []
        for lane in lanes:
            found = self.dense(-1)
            self.run(kernels.find_end, [lane], is_last, found)
            founds.append(found)
        if len(lanes) == 1:
            slot = np.flatnonzero(founds[0] >= 0)
            return slot, np.zeros(len(slot), np.int64), founds[0][slot]
        return best_ends(lanes, founds, is_last)

    def end_values(self, lane: Lane, is_last: bool) -> tuple[Mask, Ints, Ints]:
        """Of one lane, by slot: whether there is a first or last item, its value, and when it was."""
        has, value, ts = np.zeros(len(self.places), np.uint8), self.dense(), self.dense()
        source, times = lane.source(self.skip, self.window, False), address(lane.ts)
        self.spread(lambda low, high: kernels.take_end(source, times, low, high, is_last, has, value, ts), lane)
        return has.view(np.bool_), value, ts

    def merged(self, lanes: Sequence[Lane]) -> Lane:
        """One lane of the usable items, in the order of all events."""
        pairs = [(lane, lane.usable(self.window)) for lane in lanes]
        order = total_order(pairs)
        place = np.concatenate([lane.stream.profile[lane.rows(chosen)] for lane, chosen in pairs])[order]
        ts = np.concatenate([lane.ts[lane.rows(chosen)] for lane, chosen in pairs])[order]
        values = [lane.items.value[chosen].astype(np.int64) for lane, chosen in pairs if lane.items is not None]
        items = Items(None, np.concatenate(values)[order], None) if values else None
        runs = find_runs(place, ts)
        return Lane(lanes[0].stream, runs, slots_of(runs, self.places), runs.first, ts, None, items)


def mask_of(side: Side, stream: Stream, events: Events, as_of: int) -> Bytes | None:
    return None if events.where is None else event_mask(side, stream, events.where, as_of)


def together(runs: Sequence[Runs], places: int) -> tuple[Places, list[Places | None]]:
    """The ascending places of all runs, and the slot that each run has there."""
    if len(runs) == 1:
        return runs[0].place, [None]
    marked = np.zeros(places, np.bool_)
    for some in runs:
        marked[some.place] = True
    found = np.flatnonzero(marked).astype(np.int32)
    return found, [slots_of(some, found) for some in runs]


def slots_of(runs: Runs, places: Places) -> Places:
    return np.searchsorted(places, runs.place).astype(np.int32)


def number_items(stream: Stream, name: str) -> Items:
    return instants(stream) if name == TIMESTAMP else of_stream(stream, lambda view: numbers(view, name))


def total_order(pairs: Sequence[tuple[Lane, Ints]]) -> Ints:
    """Sorts the given rows or items of all lanes by place, time, received and sequence number; items of one event stay
    as they are."""
    keys = [np.concatenate([lane.key(which, chosen) for lane, chosen in pairs]) for which in ("seq", "received")]
    ts = np.concatenate([lane.ts[lane.rows(chosen)] for lane, chosen in pairs])
    place = np.concatenate([lane.stream.profile[lane.rows(chosen)] for lane, chosen in pairs])
    return np.lexsort((*keys, ts, place))


def best_ends(lanes: Sequence[Lane], founds: Sequence[Ints], is_last: bool) -> tuple[Ints, Ints, Ints]:
    """Of the first or last ones of each lane, those that are it of all lanes."""
    pairs = [(lane, found[found >= 0]) for lane, found in zip(lanes, founds, strict=True)]
    if not pairs:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
    order = total_order(pairs)
    slot = np.concatenate([np.flatnonzero(found >= 0) for found in founds])[order]
    number = np.repeat(np.arange(len(pairs)), [len(chosen) for _, chosen in pairs])[order]
    item = np.concatenate([chosen for _, chosen in pairs])[order]
    is_other = slot[1:] != slot[:-1]
    best = np.flatnonzero(np.append(is_other, True) if is_last else np.append(True, is_other)) if len(slot) else order
    return slot[best], number[best], item[best]
