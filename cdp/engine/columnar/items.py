"""The values of a property as arrays: each event's value, or every item of it where it is a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cdp.engine.aggregates import MILLION, Unit
from cdp.engine.arrays import Bytes, Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import JSON, MAX_WHOLE, SCALED, TEXT, Column, decode_one, used_places
from cdp.engine.columnar.labels import Labels, key_of
from cdp.engine.columnar.snapshot import Stream
from cdp.engine.columnar.table import REST, View
from cdp.engine.predicates import exact, is_missing, look_up, text_of

# What an item is: nothing to count, to be counted, or not what is wanted.
ABSENT, COUNTED, SKIPPED = 0, 1, 2
Read = Callable[[Any], Any]
Meaning = Callable[[Any], list[tuple[int, int]]]


@dataclass(frozen=True, eq=False)
class Items:
    """`row`: the ascending row of each item, or None when the items are the rows; `value` a whole number for each;
    `status` one of the above, or None when all are counted. `column`: the one whose rows, all of them, these are.
    `largest`: no value's magnitude is beyond it, where that is known of the stored column."""

    row: Ints | None
    value: Array
    status: Bytes | None
    column: Column | None = None
    largest: int | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """Where a property of a view may be found: in `column`, from which `read` takes it, or in Python values by row.
    `is_inside`: it is a part of what the column holds."""

    column: Column | None
    read: Read
    rows: Ints
    values: list[Any]
    is_inside: bool = False


NOTHING = Items(np.empty(0, np.int64), np.empty(0, np.int64), None)


def find(view: View, name: str) -> Found | None:
    columns = view.table.columns
    head, _, tail = name.partition(".")
    exact_column, outer, rest = columns.get(name), columns.get(head) if tail else None, columns.get(REST)
    if rest is not None or (exact_column is not None and outer is not None):
        return by_row(view, name, {head: outer, name: exact_column, REST: rest})
    if exact_column is not None:
        return Found(exact_column, lambda value: value, np.empty(0, np.int64), [])
    if outer is not None:
        return Found(outer, lambda value: look_up({head: value}, name), np.empty(0, np.int64), [], is_inside=True)
    return None


def by_row(view: View, name: str, columns: dict[str, Column | None]) -> Found:
    """The slow way, for a property that may be found in more than one column."""
    found: dict[int, dict[str, Any]] = {}
    for source, column in columns.items():
        rows, places = column.places(view.start, view.stop) if column else ((), ())
        for row, value in zip(rows, column.decode(places) if column else (), strict=True):
            found.setdefault(row, {}).update(value if source == REST else {source: value})
    rows = sorted(found)
    return Found(None, lambda value: value, np.array(rows, np.int64), [look_up(found[row], name) for row in rows])


def of_stream(stream: Stream, per_view: Callable[[View], Items]) -> Items:
    """The items of all views of a stream, in its order."""
    if stream.order is None:
        return per_view(stream.pieces[0].view)
    new_row = np.empty(len(stream.order), np.int64)
    new_row[stream.order] = np.arange(len(stream.order))
    parts, low = [], 0
    for piece in stream.pieces:
        assert piece.rows is None
        items = full(per_view(piece.view), len(piece.view))
        assert items.row is not None
        parts.append(Items(new_row[items.row + low], items.value, items.status))
        low += len(piece.view)
    return in_order(parts)


def full(items: Items, rows: int) -> Items:
    """With a row and a status for each."""
    status = np.full(len(items.value), COUNTED, np.uint8) if items.status is None else items.status
    return Items(np.arange(rows) if items.row is None else items.row, items.value, status)


def in_order(parts: Sequence[Items]) -> Items:
    """All items by row; those of one row are in one part, and stay in order."""
    row = np.concatenate([part.row for part in parts if part.row is not None] or [np.empty(0, np.int64)])
    value = np.concatenate([part.value for part in parts])
    status = np.concatenate([part.status for part in parts if part.status is not None] or [np.empty(0, np.uint8)])
    order = np.argsort(row, kind="stable")
    return Items(row[order], value[order], status[order])


def instants(stream: Stream) -> Items:
    return Items(None, stream.ts, None)


def numbers(view: View, name: str) -> Items:
    """Millionths; what is neither missing nor a number is skipped."""
    return items_of(view, name, number_items, is_plain=lambda kind: kind == SCALED)


def number_items(value: Any) -> list[tuple[int, int]]:
    return [number_item(one) for one in (value if isinstance(value, list) else [value]) if not is_missing(one)]


def number_item(value: Any) -> tuple[int, int]:
    number = exact(value)
    if number is None or not number.is_finite() or abs(number) >= MAX_WHOLE:
        return 0, SKIPPED
    return int((number * MILLION).quantize(Decimal(1), ROUND_HALF_EVEN)), COUNTED


def labelled(view: View, name: str, labels: Labels) -> Items:
    """The codes of all values; text and numbers alike are looked at once per distinct value."""

    def items(value: Any) -> list[tuple[int, int]]:
        each = value if isinstance(value, list) else [value]
        return [(labels.code(one), COUNTED) for one in each if not is_missing(one)]

    return items_of(view, name, items, is_plain=lambda kind: False)


def items_of(view: View, name: str, meaning: Meaning, is_plain: Callable[[int], bool]) -> Items:
    """Values of plain kinds are the items as they are stored."""
    found = find(view, name)
    if found is None:
        return NOTHING
    if found.column is None:
        return spread_out([meaning(value) for value in found.values], np.arange(len(found.rows)), found.rows)
    read, column = found.read, found.column
    rows, kind, value = column.within(view.start, view.stop)
    if found.is_inside:
        is_plain = never
    if len(column.kinds) == 1 and is_plain(column.kinds[0]):
        return replace(of_rows(column, rows, value, None, len(view)), largest=column.largest)
    kinds = np.flatnonzero(np.bincount(kind, minlength=JSON + 1)).tolist()
    parts = [NOTHING]
    for one in kinds:
        where = np.flatnonzero(kind == one)
        if is_plain(one):
            parts.append(full(Items(rows[where], value[where], None), 0))
        else:
            distinct, places = distinct_of(column, one, value[where])
            parts.append(spread_out([meaning(read(each)) for each in distinct], places, rows[where]))
    return in_order([full(part, 0) for part in parts])


def never(kind: int) -> bool:
    """A number is no object, so that nothing is inside of it."""
    return False


def of_rows(column: Column, rows: Ints, value: Array, status: Bytes | None, size: int) -> Items:
    """One item in each of the given rows of a view that has `size` of them."""
    if len(rows) == size:
        return Items(None, value, status)
    return Items(rows, value, status, column if rows.base is column.rows and len(rows) == len(column) else None)


def distinct_of(column: Column, kind: int, value: Array) -> tuple[list[Any], Ints]:
    """The distinct values, and for each its place among them."""
    if kind in (TEXT, JSON):
        used, places = used_places(value, len(column.texts))
    else:
        used, places = np.unique(value, return_inverse=True)
    return [decode_one(kind, one, column.texts) for one in used.tolist()], places


def spread_out(each: list[list[tuple[int, int]]], places: Ints, rows: Ints) -> Items:
    """The items of every row, given those of each distinct value, and which value a row has."""
    size = np.array([len(items) for items in each], np.int64)
    flat = np.array([item for items in each for item in items], np.int64).reshape(-1, 2)
    count = size[places] if len(size) else places
    first = (np.cumsum(size) - size)[places] if len(size) else places
    index = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    return Items(np.repeat(rows, count), flat[index, 0], flat[index, 1].astype(np.uint8))


@dataclass(frozen=True, eq=False)
class Coded:
    """Items of several streams whose values are the same number exactly when they are the same value; `decode` gives
    the values for such numbers. unit "label": they are below `size`; "scaled": they are millionths themselves.
    `rank`: for each number its place in the order of the texts, where that is not the number itself."""

    items: list[Items]
    unit: Unit
    decode: Callable[[Ints], list[Any]]
    size: int = 0
    rank: NDArray[np.int32] | None = None


def coded(streams: Sequence[Stream], name: str, is_ranked: bool) -> Coded:
    """`is_ranked`: with the order of the texts of the values."""
    if len(streams) == 1 and streams[0].order is None:
        view = streams[0].pieces[0].view
        found = find(view, name)
        if found is not None and found.column is not None and found.column is view.table.columns.get(name):
            plain = coded_plainly(found.column, view, is_ranked)
            if plain is not None:
                return plain
    labels = Labels()
    items = [of_stream(stream, lambda view: labelled(view, name, labels)) for stream in streams]
    order = sorted(range(len(labels.values)), key=lambda code: text_form(labels.values[code]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    values = [labels.values[code] for code in order]
    ranked = [Items(one.row, rank[one.value], one.status) for one in items]
    return Coded(ranked, "label", lambda codes: [values[code] for code in codes.tolist()], len(values))


def coded_plainly(column: Column, view: View, is_ranked: bool) -> Coded | None:
    """Of one table, where all values are numbers or all are texts, the stored ones will do."""
    rows, _, value = column.within(view.start, view.stop)
    if column.kinds == [SCALED] and not is_ranked:
        return Coded([of_rows(column, rows, value, None, len(view))], "scaled", decode_scaled)
    if column.kinds == [TEXT]:
        texts = column.texts
        empty = pc.index(texts, "").as_py()
        status = None if empty < 0 else (value != empty).astype(np.uint8)
        rank = ranking(column) if is_ranked else None
        items = of_rows(column, rows, value, status, len(view))
        return Coded([items], "label", lambda codes: texts.take(pa.array(codes)).to_pylist(), len(texts), rank)
    return None


def decode_scaled(values: Ints) -> list[Any]:
    return [decode_one(SCALED, one, pa.nulls(0)) for one in values.tolist()]


RANKINGS: WeakKeyDictionary[Column, NDArray[np.int32]] = WeakKeyDictionary()


def ranking(column: Column) -> NDArray[np.int32]:
    """For each text of the column its place in their order."""
    rank = RANKINGS.get(column)
    if rank is None:
        order = pc.array_sort_indices(column.texts)
        rank = np.empty(len(order), np.int32)
        rank[np.frombuffer(order.buffers()[1], np.uint64)[: len(order)]] = np.arange(len(order), dtype=np.int32)
        RANKINGS[column] = rank
    return rank


def text_form(value: Any) -> tuple[str, str]:
    """By which values are ordered: their text, then their type."""
    text, key = text_of(value), key_of(value)
    return (key.partition(" ")[2] if text is None else text), key
