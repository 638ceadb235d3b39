"""A table of events: rows by name, inside a name by (profile, time, received, sequence number)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.batches import EventBatch
from cdp.engine.columnar.arrow import Array, ArrayFile, write_arrays
from cdp.engine.columnar.columns import Column, Rows, encode, join, to_arrays
from cdp.engine.columnar.ordering import has_ties, order_by
from cdp.engine.columnar.presence import Presence
from cdp.engine.timeline import TimelineEvent

# Beyond this many properties in one table the rarer ones share the column REST, as one JSON object per row.
MAX_COLUMNS = 400
REST = ""

KEYS = ("profile", "origin", "ts", "received", "seq", "kind")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of name i are [starts[i], starts[i+1]). `profile` is the owner by whom the rows are sorted, `origin` the
    profile at ingestion: dense numbers (int32) in the base, ids (int64) in runs."""

    names: tuple[str, ...]
    starts: NDArray[np.int64]
    profile: Array
    origin: Array
    ts: NDArray[np.int64]
    received: NDArray[np.int64]
    seq: NDArray[np.int64]
    kind: NDArray[np.uint8]
    columns: "Columns"

    def __len__(self) -> int:
        return len(self.ts)

    @cached_property
    def places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def view(self, name: str) -> "View | None":
        place = self.places.get(name)
        return None if place is None else View(self, int(self.starts[place]), int(self.starts[place + 1]))

    @cached_property
    def name_codes(self) -> NDArray[np.int32]:
        """Per row the place of its name."""
        return np.repeat(np.arange(len(self.names), dtype=np.int32), np.diff(self.starts))

    @cached_property
    def begins(self) -> dict[str, NDArray[np.int32] | None]:
        """Per name the row at which each profile begins (`step_streams.first_rows`), kept for the next question."""
        return {}

    @cached_property
    def runs(self) -> dict[str, Any]:
        """Per name its `runs.Runs`, kept for the next question."""
        return {}

    @cached_property
    def presences(self) -> dict[str, Presence]:
        """Per property the rows that have it, kept for the next question."""
        return {}

    @cached_property
    def columns_of_names(self) -> list[list[tuple[str, Column]]]:
        """Per name the columns in which its rows have values. One pass per column: names × columns may be millions."""
        if len(self.names) == 1:
            return [list(self.columns.items())]
        found: list[list[tuple[str, Column]]] = [[] for _ in self.names]
        for column_name, column in self.columns.items():
            for place in np.unique(self.name_codes[column.rows]).tolist():
                found[place].append((column_name, column))
        return found

    def properties(self, row: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, column in self.columns.items():
            has, value = column.at(row)
            if has:
                found[name] = value
        rest: dict[str, Any] = found.pop(REST, {})
        return found | rest

    def event(self, row: int, profile: int) -> TimelineEvent:
        name = self.names[int(np.searchsorted(self.starts, row, side="right")) - 1]
        return TimelineEvent(
            seq=int(self.seq[row]),
            profile=profile,
            ts=int(self.ts[row]),
            received=int(self.received[row]),
            name=name,
            kind=int(self.kind[row]),
            properties=self.properties(row),
        )


@dataclass(frozen=True, eq=False)
class View:
    """The rows of one name inside a table."""

    table: Table
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def key(self, which: str) -> Array:
        array: Array = getattr(self.table, which)
        return array[self.start : self.stop]


class Columns:
    """The property columns of a table by name; those of a file are opened when first asked for."""

    def __init__(self, opened: dict[str, Column], file: ArrayFile | None = None, table_rows: int = 0) -> None:
        self.opened = opened
        self.file = file
        self.rows = table_rows
        self.stored: dict[str, dict[str, Any]] = file.about["columns"] if file else {}

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored or self.opened)

    def __len__(self) -> int:
        return len(self.stored or self.opened)

    def get(self, name: str) -> Column | None:
        column = self.opened.get(name)
        if column is None and self.file is not None and name in self.stored:
            column = self.opened[name] = self.open(self.file, self.stored[name])
        return column

    def items(self) -> Iterator[tuple[str, Column]]:
        for name in self:
            column = self.get(name)
            if column is not None:
                yield name, column

    @cached_property
    def every_row(self) -> Rows:
        """Shared by all columns that every row has."""
        return np.arange(self.rows)

    def open(self, file: ArrayFile, about: dict[str, Any]) -> Column:
        prefix = about["prefix"]
        value = file.numbers(f"{prefix}.value")
        dense = about["dense"]
        rows = self.every_row if dense else file.numbers(f"{prefix}.rows").astype(np.int64)
        same = about["kind"]
        kind = file.numbers(f"{prefix}.kind") if same is None else np.full(len(value), same, np.uint8)
        texts = f"{prefix}.texts"
        return Column(rows, kind, value, file.texts(texts)) if texts in file else Column(rows, kind, value)


@dataclass(frozen=True, eq=False)
class Part:
    """Rows to be joined: of `table` those where `keep`, belonging to the owners and origins given per row."""

    table: Table
    keep: NDArray[np.bool_]
    profile: Array
    origin: Array


EMPTY = Table(
    names=(),
    starts=np.zeros(1, np.int64),
    profile=np.empty(0, np.int64),
    origin=np.empty(0, np.int64),
    ts=np.empty(0, np.int64),
    received=np.empty(0, np.int64),
    seq=np.empty(0, np.int64),
    kind=np.empty(0, np.uint8),
    columns=Columns({}),
)


def from_batch(batch: EventBatch) -> Table:
    """The run of a batch, with profile ids."""
    names = sorted(set(batch.name))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[name] for name in batch.name], np.int64)
    order = np.lexsort((batch.seq, batch.received, batch.ts, batch.profile, codes))
    new_row = np.empty(len(order), np.int64)
    new_row[order] = np.arange(len(order))
    columns = encode_columns([batch.properties[row] for row in order.tolist()])
    profile = batch.profile[order].astype(np.int64)
    return Table(
        names=tuple(names),
        starts=np.searchsorted(codes[order], np.arange(len(names) + 1)),
        profile=profile,
        origin=profile,
        ts=batch.ts[order].astype(np.int64),
        received=batch.received[order].astype(np.int64),
        seq=batch.seq[order].astype(np.int64),
        kind=batch.kind[order].astype(np.uint8),
        columns=Columns(columns),
    )


def encode_columns(properties: Sequence[dict[str, Any]]) -> dict[str, Column]:
    rows, values = by_property(properties)
    if len(rows) > MAX_COLUMNS or REST in rows:
        fold_rest(rows, values)
    return {name: encode(rows[name], values[name]) for name in rows}


def by_property(properties: Sequence[dict[str, Any]]) -> tuple[dict[str, list[int]], dict[str, list[Any]]]:
    """Per property the rows that have it, ascending, and their values. Events of a name mostly have the same properties
    in the same order: such are turned together, which is several times quicker than value by value."""
    alike: dict[tuple[str, ...], list[int]] = {}
    for row, one in enumerate(properties):
        alike.setdefault(tuple(one), []).append(row)
    rows: dict[str, list[int]] = {}
    values: dict[str, list[Any]] = {}
    for names, places in alike.items():
        for name, column in zip(names, zip(*(properties[row].values() for row in places), strict=True), strict=True):
            rows.setdefault(name, []).extend(places)
            values.setdefault(name, []).extend(column)
    for name, found in rows.items():
        order = np.argsort(found, kind="stable")
        if (np.diff(order) != 1).any():
            rows[name] = [found[place] for place in order]
            values[name] = [values[name][place] for place in order]
    return rows, values


def fold_rest(rows: dict[str, list[int]], values: dict[str, list[Any]]) -> None:
    """Move all but the most frequent properties into REST."""
    kept = sorted((name for name in rows if name != REST), key=lambda name: (-len(rows[name]), name))[:MAX_COLUMNS]
    rest: dict[int, dict[str, Any]] = {}
    for name in [name for name in rows if name not in set(kept)]:
        for row, value in zip(rows.pop(name), values.pop(name), strict=True):
            rest.setdefault(row, {})[name] = value
    rows[REST] = sorted(rest)
    values[REST] = [rest[row] for row in rows[REST]]


def join_tables(parts: Sequence[Part]) -> Table:
    """One sorted table of the kept rows of all parts."""
    kept = [np.flatnonzero(part.keep) for part in parts]
    names = sorted(
        {part.table.names[code] for part, rows in zip(parts, kept, strict=True) for code in codes(part, rows)}
    )
    code_of = {name: code for code, name in enumerate(names)}
    keys: dict[str, Array] = {}
    for which in ("ts", "received", "seq", "kind"):
        keys[which] = np.concatenate([getattr(p.table, which)[r] for p, r in zip(parts, kept, strict=True)])
    for which in ("profile", "origin"):
        keys[which] = np.concatenate([getattr(p, which)[r] for p, r in zip(parts, kept, strict=True)])
    recoded = [recode(part.table, code_of)[part.table.name_codes[r]] for part, r in zip(parts, kept, strict=True)]
    code = np.concatenate(recoded)
    order = total_order(code, keys)
    columns = join_columns(parts, kept, order)
    return Table(
        names=tuple(names),
        starts=np.searchsorted(code[order], np.arange(len(names) + 1)),
        columns=Columns(columns),
        **{which: keys[which][order] for which in KEYS},
    )


def total_order(code: Ints, keys: dict[str, Array]) -> Rows:
    """By name, profile, time, received and sequence number; the last two matter only where all others are equal."""
    profile = keys["profile"]
    if profile.dtype == np.int32:
        order = order_by(code << 32 | profile, keys["ts"]) if code.any() else order_by(profile, keys["ts"])
    else:
        order = np.lexsort((keys["ts"], profile, code))
    if has_ties(order, code, profile, keys["ts"]):
        return np.lexsort((keys["seq"], keys["received"], keys["ts"], profile, code))
    return order


def codes(part: Part, rows: Rows) -> list[int]:
    found: list[int] = np.unique(part.table.name_codes[rows]).tolist()
    return found


def recode(table: Table, code_of: dict[str, int]) -> NDArray[np.int64]:
    return np.array([code_of.get(name, -1) for name in table.names] or [-1], np.int64)


def join_columns(parts: Sequence[Part], kept: Sequence[Rows], order: Rows) -> dict[str, Column]:
    new_place = np.empty(len(order), np.int64)
    new_place[order] = np.arange(len(order))
    moves, offset = [], 0
    for part, rows in zip(parts, kept, strict=True):
        move = np.full(len(part.table), -1, np.int64)
        move[rows] = new_place[offset : offset + len(rows)]
        moves.append(move)
        offset += len(rows)
    names = dict.fromkeys(name for part in parts for name in part.table.columns)
    joined = {}
    for name in names:
        having = [(part.table.columns.get(name), move) for part, move in zip(parts, moves, strict=True)]
        column = join([(column, move) for column, move in having if column is not None], len(order))
        if column is not None:
            joined[name] = column
    return joined if len(joined) <= MAX_COLUMNS else refold(joined)


def refold(columns: dict[str, Column]) -> dict[str, Column]:
    rows: dict[str, list[int]] = {name: column.rows.tolist() for name, column in columns.items()}
    kept = sorted((name for name in rows if name != REST), key=lambda name: (-len(rows[name]), name))[:MAX_COLUMNS]
    rest: dict[int, dict[str, Any]] = {}
    for name in set(columns) - set(kept) - {REST}:
        for row, value in zip(rows[name], columns[name].decode(range(len(rows[name]))), strict=True):
            rest.setdefault(row, {})[name] = value
    if REST in columns:
        for row, value in zip(rows[REST], columns[REST].decode(range(len(rows[REST]))), strict=True):
            rest.setdefault(row, {}).update(value)
    places = sorted(rest)
    return {name: columns[name] for name in kept} | {REST: encode(places, [rest[row] for row in places])}


def save(path: Path, table: Table) -> tuple[int, int]:
    """Length and CRC-32 of the written file."""
    arrays: dict[str, Array | pa.Array] = {"starts": table.starts, "names": pa.array(table.names, pa.large_string())}
    arrays |= {which: getattr(table, which) for which in KEYS}
    about: dict[str, Any] = {}
    for number, (name, column) in enumerate(table.columns.items()):
        prefix = f"p{number}"
        some, about_one = to_arrays(column, prefix, len(table))
        arrays |= some
        about[name] = about_one | {"prefix": prefix}
    return write_arrays(path, arrays, {"columns": about})


def load(file: ArrayFile) -> Table:
    return Table(
        names=tuple(file.texts("names").to_pylist()),
        starts=file.numbers("starts"),
        columns=Columns({}, file, len(file.numbers("ts"))),
        **{which: file.numbers(which) for which in KEYS},
    )
