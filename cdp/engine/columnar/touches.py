"""Which of a profile's events gives a breakdown its value. Values are looked at only where one is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cdp.engine.base import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import JSON, TEXT, Column
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.labels import MISSING, Codes, Labels, event_codes, only_column, value_codes
from cdp.engine.columnar.masks import verdicts
from cdp.engine.columnar.memory import NONE, load_int8, load_int16, load_int32, load_int64, load_uint8, store_int64
from cdp.engine.columnar.pool import spread
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
from cdp.engine.columnar.walk import PEOPLE_PER_RANGE, NamedTrack, begins_of
from cdp.engine.predicates import is_missing

# Columns of the table behind those of `step_streams`: addresses of received and sequence number (int64) per row; the
# row of the column that is the stream's first; addresses of the column's rows (int64; 0: all), kinds (uint8; 0: values
# are codes), values and of the texts that are missing as TEXT and as JSON (bool; 0: none); bytes per value, and rows
# in the column.
RECEIVED, SEQ, FIRST, COLUMN_ROWS, KIND, VALUE, NO_TEXT, NO_JSON, VALUE_BYTES, COLUMN_SIZE = range(WIDTH, WIDTH + 10)
TOUCH_WIDTH = COLUMN_SIZE + 1


class Source(Protocol):
    """Where the rows of a stream have the property; keeps alive what `line` points to."""

    def line(self) -> list[int]: ...

    def codes(self, rows: Ints, labels: Labels) -> Codes: ...


@dataclass(frozen=True, eq=False)
class CodedRows:
    """A code for every row."""

    by_row: Codes

    def line(self) -> list[int]:
        return [0, 0, 0, self.by_row.ctypes.data, 0, 0, self.by_row.itemsize, len(self.by_row)]

    def codes(self, rows: Ints, _: Labels) -> Codes:
        return self.by_row[rows]


@dataclass(frozen=True, eq=False)
class ColumnRows:
    """The column of a table whose row `first` is the stream's first. no_text, no_json: whether a text is missing."""

    column: Column
    first: int
    is_dense: bool
    no_text: NDArray[np.bool_]
    no_json: NDArray[np.bool_]

    def line(self) -> list[int]:
        column = self.column
        rows = 0 if self.is_dense else column.rows.ctypes.data
        absent = [one.ctypes.data if one.any() else 0 for one in (self.no_text, self.no_json)]
        addresses = [rows, column.kind.ctypes.data, column.value.ctypes.data, *absent]
        return [self.first, *addresses, column.value.itemsize, len(column)]

    def codes(self, rows: Ints, labels: Labels) -> Codes:
        """Of rows that have a value."""
        place = rows + self.first
        if not self.is_dense:
            place = np.searchsorted(self.column.rows, place)
        return value_codes(self.column, self.column.kind[place], self.column.value[place], labels, lambda value: value)


@dataclass(frozen=True, eq=False)
class Touchable:
    """The rows of a stream that serve the steps asked for, and their values."""

    served: StepStream
    received: Ints
    seq: Ints
    source: Source

    def line(self) -> list[int]:
        return [*self.served.line(), self.received.ctypes.data, self.seq.ctypes.data, *self.source.line()]


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
    return ColumnRows(column, view.start, len(column) == len(view.table), no_text, no_json)


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
    stream, row = np.empty(len(people), np.int32), np.empty(len(people), np.int64)

    def work(low: int, high: int) -> None:
        scratch, part = np.zeros((2, len(streams)), np.int64), slice(low, high)
        mark_touches(table.ctypes.data, len(streams), people[part], *bounds, is_last, scratch, stream[part], row[part])

    spread(work, len(people), PEOPLE_PER_RANGE)
    return codes_of(streams, stream, row, labels)


def values_at(streams: Sequence[Touchable], place: NDArray[np.int32], ts: Ints, labels: Labels) -> Codes:
    """The code of the first event, for each place at its time."""
    stream, row = np.full(len(place), MISSING, np.int32), np.empty(len(place), np.int64)
    table = table_of(streams)
    mark_values(table.ctypes.data, len(streams), place, ts, stream, row)
    return codes_of(streams, stream, row, labels)


def codes_of(streams: Sequence[Touchable], stream: NDArray[np.int32], row: Ints, labels: Labels) -> Codes:
    codes = np.full(len(stream), MISSING, np.int32)
    for number, one in enumerate(streams):
        where = np.flatnonzero(stream == number)
        codes[where] = one.source.codes(row[where], labels)
    return codes


@kernel
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
    scratch: Array,
    found_stream: Array,
    found_row: Array,
) -> None:
    """Set the stream and row of each person's touch, MISSING where there is none.

    scratch: (2, streams), for the end of the rows looked at, and the place in the column that is not behind them."""
    ends = np.int64(scratch.ctypes.data)
    cursors = ends + streams * BYTES
    for index in range(len(people)):
        place = np.int64(people[index])
        best, best_row, best_ts = MISSING, -1, NONE
        for stream in range(streams):
            line = touch_line(table, stream)
            first, stop = rows_of_place(line, place, load_int64(ends, stream))
            store_int64(ends, stream, stop)
            if first == stop or (best >= 0 and is_out_of_question(line, first, stop, best_ts, is_last)):
                continue
            at = touch_in(line, first, stop, low, high, is_last, cursors + stream * BYTES)
            if at < 0:
                continue
            if best < 0 or is_before(line, at, touch_line(table, best), best_row) != is_last:
                best, best_row, best_ts = stream, at, time_of(line, at)
        found_stream[index], found_row[index] = best, best_row


@kernel
def is_out_of_question(line: int, first: int, stop: int, best_ts: int, is_last: bool) -> bool:
    """Whether all rows are later, or earlier, than what was found."""
    if is_last:
        return bool(time_of(line, stop - 1) < best_ts)
    return bool(time_of(line, first) > best_ts)


@kernel
def touch_in(line: int, first: int, stop: int, low: int, high: int, is_last: bool, cursor: int) -> int:
    """The first or last of a person's rows in the stream that is a touch, or -1. cursor: address of the place in the
    column that is not behind these rows."""
    offset, rows, ts = load_int64(line, FIRST), load_int64(line, COLUMN_ROWS), load_int64(line, TS)
    begin, end = first + offset, stop + offset
    if rows:
        begin = seek_row(rows, load_int64(cursor, 0), load_int64(line, COLUMN_SIZE), begin)
        end = seek_row(rows, begin, load_int64(line, COLUMN_SIZE), end)
        store_int64(cursor, 0, end)
    at, ahead = (end - 1, -1) if is_last else (begin, 1)
    while begin <= at < end:
        row = (load_int64(rows, at) if rows else at) - offset
        if low <= load_int64(ts, row) <= high and is_marked(line, row) and has_value(line, at):
            return int(row)
        at += ahead
    return -1


@kernel
def seek_row(rows: int, low: int, high: int, wanted: int) -> int:
    """First place in [low, high) whose row is not below the wanted one; near ones are found first."""
    stride = 1
    while low + stride < high and load_int64(rows, low + stride) < wanted:
        low += stride
        stride *= 2
    high = min(high, low + stride)
    while low < high:
        middle = (low + high) >> 1
        if load_int64(rows, middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def has_value(line: int, at: int) -> bool:
    """Whether the value at this place of the column is not missing."""
    if not load_int64(line, KIND):
        return bool(load_int32(load_int64(line, VALUE), at) >= 0)
    kind = load_uint8(load_int64(line, KIND), at)
    if kind == TEXT:
        absent = load_int64(line, NO_TEXT)
    elif kind == JSON:
        absent = load_int64(line, NO_JSON)
    else:
        return True
    if not absent:
        return True
    return bool(load_uint8(absent, text_at(load_int64(line, VALUE), load_int64(line, VALUE_BYTES), at)) == 0)


@kernel
def text_at(values: int, size: int, at: int) -> int:
    if size == 1:
        return int(load_int8(values, at))
    if size == 2:
        return int(load_int16(values, at))
    if size == 4:
        return int(load_int32(values, at))
    return int(load_int64(values, at))


@kernel
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
def mark_values(table: int, streams: int, places: Array, ts: Array, found_stream: Array, found_row: Array) -> None:
    """Set the stream and row of the first event of each place at its time, of those that have any."""
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
