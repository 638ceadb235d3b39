"""What there is: event names with their properties, who was active when, and events per day."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import BOOL, FLOAT, JSON, SCALED, TEXT, Column, decode_one
from cdp.engine.columnar.masks import Mask
from cdp.engine.columnar.memory import address
from cdp.engine.columnar.overview_kernels import DAY, WORD, choose, note_activity, note_days
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Side, Snapshot, Stream
from cdp.engine.columnar.table import REST, View
from cdp.engine.overviews import Activity, Catalog, Census, Daily, EventSummary, PropertySummary, marks_of
from cdp.engine.predicates import text_of

SAMPLES = 5
# Sample values come from the first rows only: sorting a million prices would show nothing more.
SAMPLED_ROWS = 20_000
JSON_TYPES = {"[": "list", "{": "object", "n": "null"}
PEOPLE_PER_RANGE = 20_000  # below it a second thread costs more than it saves
DAYS_KEPT = 16  # answers
NOTHING = np.empty(0, np.int64)


@dataclass
class PropertyTally:
    count: int = 0
    types: set[str] = field(default_factory=set)
    values: Counter[tuple[str, Any]] = field(default_factory=Counter)

    def add(self, column: Column, kind: Array, value: Array, chosen: Mask, count: int) -> None:
        """Those values of a part of the column that are `chosen`, of which there are so many."""
        if len(column.kinds) == 1:
            self.add_kind(column, column.kinds[0], value, chosen, count)
            return
        for one in column.kinds:
            of_kind = chosen & (kind == one)
            if some := int(np.count_nonzero(of_kind)):
                self.add_kind(column, one, value, of_kind, some)

    def add_kind(self, column: Column, kind: int, value: Array, chosen: Mask, count: int) -> None:
        found = json_types(column, value[chosen]) if kind == JSON else {type_of_kind(kind): count}
        self.types |= found.keys()
        self.count += sum(found.values())
        distinct, counts = np.unique(value[first_of(chosen, SAMPLED_ROWS)], return_counts=True)
        most = np.argsort(-counts, kind="stable")[: 4 * SAMPLES]
        texts = [decode_one(kind, int(distinct[place]), column.texts) for place in most]
        self.values.update(
            {
                (type(text).__name__, text): int(counts[place])
                for place, text in zip(most, texts, strict=True)
                if is_sample(text)
            }
        )

    def summary(self, name: str) -> PropertySummary:
        ordered = sorted(self.values.items(), key=lambda item: (-item[1], text_of(item[0][1]) or ""))
        samples = tuple(value for (_, value), _ in ordered[:SAMPLES])
        return PropertySummary(name, self.count, tuple(sorted(self.types)), samples)


def is_sample(value: Any) -> bool:
    return text_of(value) not in (None, "")


def type_of_kind(kind: int) -> str:
    return {SCALED: "number", FLOAT: "number", TEXT: "text", BOOL: "bool"}[kind]


def json_types(column: Column, values: Array) -> Counter[str]:
    """How many are of each type; null is none."""
    counts = np.bincount(values)
    places = np.flatnonzero(counts)
    begins = column.first_bytes(places)
    found: Counter[str] = Counter()
    for one in np.unique(begins).tolist():
        found[JSON_TYPES.get(chr(one), "number")] += int(counts[places][begins == one].sum())
    found.pop("null", None)
    return found


def first_of(chosen: Mask, most: int) -> Ints:
    """The first places that are set, up to so many; without looking through all of them where that is not needed."""
    size = 4 * most
    while True:
        places = np.flatnonzero(chosen[:size])
        if len(places) >= most or size >= len(chosen):
            return places[:most]
        size *= 4


@dataclass
class NameTally:
    count: int = 0
    profiles: int = 0
    last_ts: int = 0
    properties: dict[str, PropertyTally] = field(default_factory=dict)

    def add(self, side: Side, stream: Stream, since: int, as_of: int) -> None:
        chosen = np.zeros(len(stream.ts), np.bool_)
        count, people, latest = choose(*addresses(side, stream), since, as_of, chosen)
        if not count:
            return
        self.count += count
        self.profiles += people
        self.last_ts = max(self.last_ts, latest)
        for view, here in pieces_of(stream, chosen):
            self.add_properties(stream.name, view, here)

    def add_properties(self, event: str, view: View, chosen: Mask) -> None:
        table, every = view.table, int(np.count_nonzero(chosen))
        for name, column in table.columns_of_names[table.places[event]]:
            rows, kind, value = column.within(view.start, view.stop)
            is_everywhere = len(rows) == len(view)
            here = chosen if is_everywhere else chosen[rows]
            count = every if is_everywhere else int(np.count_nonzero(here))
            if name != REST and count:
                self.properties.setdefault(name, PropertyTally()).add(column, kind, value, here, count)

    def summary(self, name: str) -> EventSummary:
        properties = [tally.summary(key) for key, tally in self.properties.items()]
        ordered = sorted((one for one in properties if one.count), key=lambda one: (-one.count, one.name))
        return EventSummary(name, self.count, self.profiles, self.last_ts, tuple(ordered))


def addresses(side: Side, stream: Stream) -> tuple[int, int, int]:
    return address(stream.profile), address(stream.ts), address(side.skip)


def pieces_of(stream: Stream, chosen: Mask) -> Iterator[tuple[View, Mask]]:
    """The views behind the stream, each with its rows that are chosen."""
    if stream.order is None:
        yield stream.pieces[0].view, chosen
        return
    unordered = np.zeros(len(chosen), np.bool_)
    unordered[stream.order] = chosen
    low = 0
    for piece in stream.pieces:
        size = len(piece.view) if piece.rows is None else len(piece.rows)
        part = unordered[low : low + size]
        yield piece.view, part if piece.rows is None else flags(len(piece.view), piece.rows[part])
        low += size


def flags(size: int, rows: Ints) -> Mask:
    chosen = np.zeros(size, np.bool_)
    chosen[rows] = True
    return chosen


def catalog(snapshot: Snapshot, since: int, as_of: int) -> Catalog:
    tallies: dict[str, NameTally] = {}
    for side, stream in streams_of(snapshot):
        tallies.setdefault(stream.name, NameTally()).add(side, stream, max(since, snapshot.floor), as_of)
    events = [tally.summary(name) for name, tally in tallies.items() if tally.count]
    return Catalog(tuple(sorted(events, key=lambda event: (-event.count, event.name))))


def streams_of(snapshot: Snapshot) -> Iterator[tuple[Side, Stream]]:
    for side in snapshot.sides:
        for stream in side.all_streams():
            yield side, stream


def activity(snapshot: Snapshot, as_of: int) -> Activity:
    parts = [part for side in snapshot.sides for part in side_activity(side, snapshot.floor, as_of)]
    profile, first, last, events = (np.concatenate([NOTHING, *each]) for each in zip(*parts, strict=True))
    order = np.argsort(profile, kind="stable")  # mostly ascending runs, which are merged
    return Activity(profile[order], first[order], last[order], events[order])


def side_activity(side: Side, floor: int, as_of: int) -> list[tuple[Ints, Ints, Ints, Ints]]:
    """By ranges of places: who did anything, when first and last, and how often."""
    streams = list(side.all_streams())

    def of_range(low: int, high: int) -> tuple[Ints, Ints, Ints, Ints]:
        found = np.zeros((3, high - low), np.int64)
        found[0], found[1] = 2**63 - 1, -(2**63)
        for stream in streams:
            profile, ts, skip = addresses(side, stream)
            note_activity(profile, ts, *rows_of(stream, low, high), skip, low, floor, as_of, found)
        active = np.flatnonzero(found[2])
        return side.ids[low:high][active], *found[:, active]

    return spread(of_range, len(side.ids), PEOPLE_PER_RANGE) or [(NOTHING, NOTHING, NOTHING, NOTHING)]


def rows_of(stream: Stream, low: int, high: int) -> tuple[int, int]:
    """Of the places [low, high)."""
    first, stop = np.searchsorted(stream.profile, np.array((low, high), np.int32))
    return int(first), int(stop)


def daily(snapshot: Snapshot, start: int, end: int, as_of: int, offset: int) -> Daily:
    """Several figures of a page ask the same at the same instant of the same state: that is counted once."""
    kept, asked = snapshot.cached_days, (start, end, as_of, offset)
    found = kept.get(asked)
    if found is None:
        if len(kept) >= DAYS_KEPT:
            kept.clear()
        found = kept[asked] = count_days(snapshot, start, end, as_of, offset)
    return found


def count_days(snapshot: Snapshot, start: int, end: int, as_of: int, offset: int) -> Daily:
    day_zero = (start + offset) // DAY
    days = max(0, -(-(end + offset) // DAY) - day_zero)
    midnight, first, last = day_zero * DAY - offset, max(start, snapshot.floor), min(end - 1, as_of)
    parts = [part for side in snapshot.sides for part in side_daily(side, midnight, days, first, last)]
    events, profiles = sum(parts, np.zeros((2, days), np.int64))
    return Daily(midnight + np.arange(days) * DAY, events, profiles)


def side_daily(side: Side, midnight: int, days: int, first: int, last: int) -> list[Ints]:
    """By ranges of places: per day the events, and the profiles with one."""
    streams = list(side.all_streams())

    def of_range(low: int, high: int) -> Ints:
        found, seen = np.zeros((2, days), np.int64), np.zeros((high - low, -(-days // WORD)), np.int64)
        for stream in streams:
            profile, ts, skip = addresses(side, stream)
            rows = rows_of(stream, low, high)
            note_days(profile, ts, *rows, skip, low, first, last, midnight, seen, found)
        return found

    return spread(of_range, len(side.ids), PEOPLE_PER_RANGE)


def census(snapshot: Snapshot, as_of: int) -> Census:
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for side, stream in streams_of(snapshot):
        for day, events, marks in side_census(side, stream, snapshot.floor, as_of):
            known = counts.get((stream.name, day), (0, 0))
            counts[stream.name, day] = known[0] + events, wrapped(known[1] + marks)
    return Census(counts)


def side_census(side: Side, stream: Stream, floor: int, as_of: int) -> Iterator[tuple[int, int, int]]:
    """By day, how many events and the sum of their marks."""
    chosen = np.zeros(len(stream.ts), np.bool_)
    choose(*addresses(side, stream), floor, as_of, chosen)
    rows = np.flatnonzero(chosen)
    ts = stream.ts[rows]
    seq, received = (stream.gather(keys)[rows].astype(np.int64) for keys in (seqs_of, receptions_of))
    marks = marks_of(seq, side.ids[stream.profile[rows]], ts, received)
    days, place = np.unique(ts // DAY, return_inverse=True)
    sums = np.zeros(len(days), np.int64)
    np.add.at(sums, place, marks)
    yield from zip(days.tolist(), np.bincount(place, minlength=len(days)).tolist(), sums.tolist(), strict=True)


def seqs_of(view: View) -> Array:
    return view.key("seq")


def receptions_of(view: View) -> Array:
    return view.key("received")


def wrapped(number: int) -> int:
    """As 64 bits with a sign hold it."""
    return (number + 2**63) % 2**64 - 2**63
