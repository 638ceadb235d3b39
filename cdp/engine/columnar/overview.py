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
from cdp.engine.columnar.snapshot import Side, Snapshot, Stream
from cdp.engine.columnar.table import REST, View
from cdp.engine.overviews import Activity, Catalog, Census, Daily, EventSummary, PropertySummary, marks_of
from cdp.engine.predicates import text_of

DAY = 86_400_000_000
SAMPLES = 5
# Sample values come from the first rows only: sorting a million prices would show nothing more.
SAMPLED_ROWS = 20_000
JSON_TYPES = {"[": "list", "{": "object", "n": "null"}


@dataclass
class PropertyTally:
    count: int = 0
    types: set[str] = field(default_factory=set)
    values: Counter[tuple[str, Any]] = field(default_factory=Counter)

    def add(self, column: Column, kind: Array, value: Array) -> None:
        for one in np.unique(kind).tolist():
            values = value[kind == one]
            distinct, counts = np.unique(values[:SAMPLED_ROWS], return_counts=True)
            most = np.argsort(-counts, kind="stable")[: 4 * SAMPLES]
            texts = [decode_one(one, int(distinct[place]), column.texts) for place in most]
            types = json_types(column, values) if one == JSON else {type_of_kind(one)}
            self.types |= types
            self.count += len(values) if types != {"null"} else 0
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
        return PropertySummary(name, self.count, tuple(sorted(self.types - {"null"})), samples)


def is_sample(value: Any) -> bool:
    return text_of(value) not in (None, "")


def type_of_kind(kind: int) -> str:
    return {SCALED: "number", FLOAT: "number", TEXT: "text", BOOL: "bool"}[kind]


def json_types(column: Column, values: Array) -> set[str]:
    return {JSON_TYPES.get(column.texts[place].as_py()[0], "number") for place in np.unique(values).tolist()}


@dataclass
class NameTally:
    count: int = 0
    profiles: int = 0
    last_ts: int = 0
    properties: dict[str, PropertyTally] = field(default_factory=dict)

    def add(self, side: Side, stream: Stream, since: int, as_of: int) -> None:
        rows = counted(side, stream, since, as_of)
        if not len(rows):
            return
        self.count += len(rows)
        self.profiles += int(np.count_nonzero(np.diff(stream.profile[rows]))) + 1
        self.last_ts = max(self.last_ts, int(stream.ts[rows].max()))
        for view, chosen in pieces_of(stream, rows):
            self.add_properties(stream.name, view, chosen)

    def add_properties(self, event: str, view: View, chosen: Mask) -> None:
        table = view.table
        for name, column in table.columns_of_names[table.places[event]]:
            rows, kind, value = column.within(view.start, view.stop)
            here = chosen[rows]
            if name != REST and here.any():
                self.properties.setdefault(name, PropertyTally()).add(column, kind[here], value[here])

    def summary(self, name: str) -> EventSummary:
        properties = [tally.summary(key) for key, tally in self.properties.items()]
        ordered = sorted((one for one in properties if one.count), key=lambda one: (-one.count, one.name))
        return EventSummary(name, self.count, self.profiles, self.last_ts, tuple(ordered))


def counted(side: Side, stream: Stream, first: int, last: int) -> Ints:
    """The rows of the stream in [first, last] that this side answers."""
    return np.flatnonzero((side.skip[stream.profile] == 0) & (stream.ts >= first) & (stream.ts <= last))


def pieces_of(stream: Stream, rows: Ints) -> Iterator[tuple[View, Mask]]:
    """The views behind the stream, each with the rows that are among the given ones."""
    if stream.order is None:
        yield stream.pieces[0].view, flags(len(stream.ts), rows)
        return
    chosen = flags(len(stream.ts), stream.order[rows])
    low = 0
    for piece in stream.pieces:
        size = len(piece.view) if piece.rows is None else len(piece.rows)
        part = chosen[low : low + size]
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
    sides = [side_activity(side, snapshot.floor, as_of) for side in snapshot.sides]
    profile, first, last, events = (np.concatenate(parts) for parts in zip(*sides, strict=True))
    order = np.argsort(profile)
    return Activity(profile[order], first[order], last[order], events[order])


def side_activity(side: Side, floor: int, as_of: int) -> tuple[Ints, Ints, Ints, Ints]:
    size = len(side.ids)
    first, last = np.full(size, 2**63 - 1), np.full(size, -(2**63))
    events = np.zeros(size, np.int64)
    for stream in side.all_streams():
        rows = counted(side, stream, floor, as_of)
        if not len(rows):
            continue
        profile, ts = stream.profile[rows], stream.ts[rows]
        starts = np.concatenate([[0], np.flatnonzero(np.diff(profile)) + 1])
        ends = np.append(starts[1:], len(rows)) - 1
        who = profile[starts]
        first[who] = np.minimum(first[who], ts[starts])
        last[who] = np.maximum(last[who], ts[ends])
        events[who] += ends - starts + 1
    active = np.flatnonzero(events)
    return side.ids[active], first[active], last[active], events[active]


def _without_repeats(keys: Ints) -> Ints:
    """Of ascending ones, as rows by profile and time give them, without sorting them again."""
    return keys[np.flatnonzero(np.diff(keys, prepend=-1))]


def daily(snapshot: Snapshot, start: int, end: int, as_of: int, offset: int) -> Daily:
    day_zero = (start + offset) // DAY
    days = max(0, -(-(end + offset) // DAY) - day_zero)
    events, profiles = np.zeros(days, np.int64), np.zeros(days, np.int64)
    for side in snapshot.sides:
        seen = [np.empty(0, np.int64)]
        for stream in side.all_streams():
            rows = counted(side, stream, max(start, snapshot.floor), min(end - 1, as_of))
            day = (stream.ts[rows] + offset) // DAY - day_zero
            events += np.bincount(day, minlength=days)
            seen.append(_without_repeats(stream.profile[rows].astype(np.int64) * days + day))
        profiles += np.bincount(np.unique(np.concatenate(seen)) % max(days, 1), minlength=days)[:days]
    return Daily((day_zero + np.arange(days)) * DAY - offset, events, profiles)


def census(snapshot: Snapshot, as_of: int) -> Census:
    counts: dict[tuple[str, int], tuple[int, int]] = {}
    for side, stream in streams_of(snapshot):
        for day, events, marks in side_census(side, stream, snapshot.floor, as_of):
            known = counts.get((stream.name, day), (0, 0))
            counts[stream.name, day] = known[0] + events, wrapped(known[1] + marks)
    return Census(counts)


def side_census(side: Side, stream: Stream, floor: int, as_of: int) -> Iterator[tuple[int, int, int]]:
    """By day, how many events and the sum of their marks."""
    rows = counted(side, stream, floor, as_of)
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
