"""Which of a profile's events gives a breakdown its value. Values are looked at only where one is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import JSON, TEXT, Column
from cdp.engine.columnar.jit import inlined, kernel
from cdp.engine.columnar.labels import MISSING, Codes, Labels, event_codes, only_column, value_codes
from cdp.engine.columnar.masks import verdicts
from cdp.engine.columnar.memory import (
    NONE,
    address,
    load_int8,
    load_int16,
    load_int32,
    load_int64,
    load_uint8,
    store_int64,
)
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.presence import Presence, place_of_row, presence
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.columnar.step_streams import (
    BYTES,
    PROFILE,
    ROWS,
    TS,
    WIDTH,
    StepStream,
    is_marked,
    rows_of_place,
    time_of,
)
from cdp.engine.columnar.table import Table
from cdp.engine.columnar.walk import PEOPLE_PER_RANGE, NamedTrack, begins_of
from cdp.engine.predicates import is_missing

# Columns of the table behind those of `step_streams`: addresses of received and sequence number (int64) per row; the
# row of the table that is the stream's first; addresses of the words and counts of the property's `Presence` (0: every
# row has it), of the column's kinds (uint8; 0: values are codes), of its values, and of the texts that are missing as
# TEXT and as JSON (bool; 0: none); and bytes per value.
RECEIVED, SEQ, FIRST, WORDS, BEFORE, KIND, VALUE, NO_TEXT, NO_JSON, VALUE_BYTES = range(WIDTH, WIDTH + 10)
TOUCH_WIDTH = VALUE_BYTES + 1

Places = NDArray[np.int32]


class Source(Protocol):
    """Where the rows of a stream have the property; keeps alive what `line` points to."""

    def line(self) -> list[int]: ...

    def codes(self, places: Places, labels: Labels) -> Codes:
        """Of places in the column."""


@dataclass(frozen=True, eq=False)
class CodedRows:
    """A code for every row."""

    by_row: Codes

    def line(self) -> list[int]:
        return [0, 0, 0, 0, address(self.by_row), 0, 0, self.by_row.itemsize]

    def codes(self, places: Places, _: Labels) -> Codes:
        return self.by_row[places]


@dataclass(frozen=True, eq=False)
class ColumnRows:
    """The column of a table whose row `first` is the stream's first. `presence` is None where every row has a value.
    no_text, no_json: whether a text is missing."""

    column: Column
    first: int
    presence: Presence | None
    no_text: NDArray[np.bool_]
    no_json: NDArray[np.bool_]

    def line(self) -> list[int]:
        column, there = self.column, self.presence
        rows = (address(there.words), address(there.before)) if there else (0, 0)
        absent = [address(one if one.any() else None) for one in (self.no_text, self.no_json)]
        return [self.first, *rows, address(column.kind), address(column.value), *absent, column.value.itemsize]

    def codes(self, places: Places, labels: Labels) -> Codes:
        column = self.column
        return value_codes(column, column.kind[places], column.value[places], labels, lambda value: value)


@dataclass(frozen=True, eq=False)
class Touchable:
    """The rows of a stream that serve the steps asked for, and their values."""

    served: StepStream
    received: Ints
    seq: Ints
    source: Source

    def line(self) -> list[int]:
        return [*self.served.line(), address(self.received), address(self.seq), *self.source.line()]


def touchable(side: Side, track: NamedTrack, steps: int, name: str, labels: Labels) -> Touchable:
    """steps: the bits of those asked for."""
    stream, bits = track.stream, track.bits
    mask = ((bits & np.uint32(steps)) != 0).view(np.uint8) if len(bits) == len(stream.ts) else None
    return Touchable(
        StepStream(stream.profile, stream.ts, mask, begins_of(side, track)),
        np.ascontiguousarray(stream.gather(lambda view: view.key("received")), np.int64),
        np.ascontiguousarray(stream.gather(lambda view: view.key("seq")), np.int64),
        source_of(stream, name, labels),
    )


def source_of(stream: Stream, name: str, labels: Labels) -> Source:
    view = stream.pieces[0].view
    column = only_column(view, name) if stream.order is None else None
    if column is None:
        return CodedRows(np.ascontiguousarray(event_codes(stream, name, labels), np.int32))
    no_text, no_json = (verdicts(column, kind, is_missing, "is missing") for kind in (TEXT, JSON))
    return ColumnRows(column, view.start, presence_of(view.table, name, column), no_text, no_json)


def presence_of(table: Table, name: str, column: Column) -> Presence | None:
    if len(column) == len(table):
        return None
    if name not in table.presences:
        table.presences[name] = presence(column.rows, len(table))
    return table.presences[name]


def touchables(side: Side, tracks: Sequence[NamedTrack], steps: int, name: str, labels: Labels) -> list[Touchable]:
    serving = [one for one in tracks if any(steps >> step & 1 for step in one.serves)]
    return [touchable(side, one, steps, name, labels) for one in serving]


def table_of(streams: Sequence[Touchable]) -> Ints:
    return np.array([one.line() for one in streams], np.int64).reshape(-1, TOUCH_WIDTH)


def touched(
    streams: Sequence[Touchable], people: NDArray[np.int32], bounds: tuple[int, int], is_last: bool, labels: Labels
) -> Codes:
    """Per person (ascending places) the code of the first or last event in [bounds] that has a value."""
    table = table_of(streams)
    stream, place = np.empty(len(people), np.int8), np.empty(len(people), np.int32)

    def work(low: int, high: int) -> None:
        ends, part = np.zeros(len(streams), np.int64), slice(low, high)
        mark_touches(
            address(table), len(streams), people[part], *bounds, is_last, address(ends), stream[part], place[part]
        )

    spread(work, len(people), PEOPLE_PER_RANGE)
    return codes_of(streams, stream, place, labels)


def values_at(streams: Sequence[Touchable], place: NDArray[np.int32], ts: Ints, labels: Labels) -> Codes:
    """The code of the first event, for each place at its time."""
    stream, row = np.full(len(place), MISSING, np.int8), np.empty(len(place), np.int32)
    table = table_of(streams)
    mark_values(address(table), len(streams), place, ts, stream, row)
    return codes_of(streams, stream, row, labels)


def codes_of(streams: Sequence[Touchable], stream: NDArray[np.int8], place: NDArray[np.int32], labels: Labels) -> Codes:
    codes = np.full(len(stream), MISSING, np.int32)
    for number, one in enumerate(streams):
        where = np.flatnonzero(stream == number)
        codes[where] = one.source.codes(place[where], labels)
    return codes


@inlined
def touch_line(table: int, stream: int) -> int:
    """The address of a stream's line in the table at this address."""
    return table + stream * TOUCH_WIDTH * BYTES


@kernel
def mark_touches(
    table: int,
    streams: int,
    people: Array,
    low: int,
    high: int,
    is_last: bool,
    ends: int,
    found_stream: Array,
    found_place: Array,
) -> None:
    """Set the stream of each person's touch, MISSING where there is none, and its place in the column.

    ends: address of as many int64 as there are streams, 0 at first."""
    for index in range(len(people)):
        person = np.int64(people[index])
        best, best_row, best_ts, best_place = MISSING, -1, NONE, -1
        for stream in range(streams):
            line = touch_line(table, stream)
            first, stop = rows_of_place(line, person, load_int64(ends, stream))
            store_int64(ends, stream, stop)
            if first == stop or (best >= 0 and is_out_of_question(line, first, stop, best_ts, is_last)):
                continue
            row, place = touch_in(line, first, stop, low, high, is_last)
            if row < 0:
                continue
            if best < 0 or is_before(line, row, touch_line(table, best), best_row) != is_last:
                best, best_row, best_ts, best_place = stream, row, time_of(line, row), place
        found_stream[index], found_place[index] = best, best_place


@inlined
def is_out_of_question(line: int, first: int, stop: int, best_ts: int, is_last: bool) -> bool:
    """Whether all rows are later, or earlier, than what was found."""
    if is_last:
        return bool(time_of(line, stop - 1) < best_ts)
    return bool(time_of(line, first) > best_ts)


@inlined
def touch_in(line: int, first: int, stop: int, low: int, high: int, is_last: bool) -> tuple[int, int]:
    """The first or last of a person's rows in the stream that is a touch, and its place in the column; or -1."""
    row, ahead = (stop - 1, -1) if is_last else (first, 1)
    while first <= row < stop:
        if low <= time_of(line, row) <= high and is_marked(line, row):
            place = place_in(line, row)
            if place >= 0 and has_value(line, place):
                return row, place
        row += ahead
    return -1, -1


@inlined
def place_in(line: int, row: int) -> int:
    """The place of the row in the column of the property, or NOWHERE."""
    row += load_int64(line, FIRST)
    words = load_int64(line, WORDS)
    return int(place_of_row(words, load_int64(line, BEFORE), row) if words else row)


@inlined
def has_value(line: int, place: int) -> bool:
    """Whether the value at this place of the column is not missing."""
    if not load_int64(line, KIND):
        return bool(load_int32(load_int64(line, VALUE), place) >= 0)
    if not load_int64(line, NO_TEXT) and not load_int64(line, NO_JSON):
        return True
    return not is_absent(line, place)


@kernel
def is_absent(line: int, place: int) -> bool:
    kind = load_uint8(load_int64(line, KIND), place)
    if kind != TEXT and kind != JSON:
        return False
    absent = load_int64(line, NO_TEXT if kind == TEXT else NO_JSON)
    if not absent:
        return False
    return bool(load_uint8(absent, text_at(load_int64(line, VALUE), load_int64(line, VALUE_BYTES), place)) != 0)


@kernel
def text_at(values: int, size: int, at: int) -> int:
    if size == 1:
        return int(load_int8(values, at))
    if size == 2:
        return int(load_int16(values, at))
    if size == 4:
        return int(load_int32(values, at))
    return int(load_int64(values, at))


@inlined
def is_before(line: int, row: int, other: int, other_row: int) -> bool:
    """By time, then reception, then sequence number."""
    ours, theirs = time_of(line, row), time_of(other, other_row)
    if ours == theirs:
        ours, theirs = load_int64(load_int64(line, RECEIVED), row), load_int64(load_int64(other, RECEIVED), other_row)
    if ours == theirs:
        ours, theirs = load_int64(load_int64(line, SEQ), row), load_int64(load_int64(other, SEQ), other_row)
    return bool(ours < theirs)


@kernel
def find_row(profile_at: int, ts_at: int, rows: int, place: int, ts: int) -> int:
    """The first row of the place that is not before the time."""
    low, high = 0, rows
    while low < high:
        middle = (low + high) >> 1
        other = load_int32(profile_at, middle)
        if other < place or (other == place and load_int64(ts_at, middle) < ts):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def mark_values(table: int, streams: int, places: Array, ts: Array, found_stream: Array, found_place: Array) -> None:
    """Set the stream of the first event of each place at its time, and its place in the column; MISSING where it has no
    value."""
    found_row = np.empty(len(places), np.int64)
    for stream in range(streams):
        line = touch_line(table, stream)
        profile, times, rows = load_int64(line, PROFILE), load_int64(line, TS), load_int64(line, ROWS)
        for index in range(len(places)):
            row = find_row(profile, times, rows, places[index], ts[index])
            while row < rows and load_int32(profile, row) == places[index] and load_int64(times, row) == ts[index]:
                if is_marked(line, row):
                    best = found_stream[index]
                    if best < 0 or is_before(line, row, touch_line(table, best), found_row[index]):
                        found_stream[index], found_row[index] = stream, row
                    break
                row += 1
    for index in range(len(places)):
        if found_stream[index] >= 0:
            place = place_in(touch_line(table, found_stream[index]), found_row[index])
            found_place[index] = place
            if place < 0:
                found_stream[index] = MISSING
