"""Property columns: per row a kind and a 64-bit value, whatever JSON the property holds from event to event."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from cdp.engine.columnar.arrow import Array, smallest

Rows = NDArray[np.int64]

# Kinds. SCALED: a number that is exactly value / 10⁶. FLOAT: the bits of a double. TEXT: a place in `texts`.
# BOOL: 0 or 1. JSON: a place in `texts` of JSON: lists, objects, null, and whole numbers too large to be scaled.
SCALED, FLOAT, TEXT, BOOL, JSON = range(5)
SCALE = 1_000_000
MAX_SCALED = 2**53
MAX_WHOLE = 9 * 10**12

NO_TEXTS = pa.array([], pa.large_string())


@dataclass(frozen=True, eq=False)
class Column:
    """The property's values in the rows that have it. `rows` ascend; `kind` and `value` are as long as `rows`."""

    rows: Rows
    kind: NDArray[np.uint8]
    value: Array
    texts: pa.Array = field(default_factory=lambda: NO_TEXTS)
    verdicts: dict[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def kinds(self) -> list[int]:
        """That occur."""
        if len(self.kind) and (self.kind == self.kind[0]).all():
            return [int(self.kind[0])]
        return [int(one) for one in np.flatnonzero(np.bincount(self.kind, minlength=JSON + 1))]

    @cached_property
    def largest(self) -> int:
        """The greatest magnitude of the values as they are stored."""
        return max(-int(self.value.min(initial=0)), int(self.value.max(initial=0)))

    def first_bytes(self, places: Rows) -> NDArray[np.uint8]:
        """Of the texts at these places, none of which is empty."""
        _, offsets, content = self.texts.buffers()
        begins = np.frombuffer(offsets, np.int64)[places + self.texts.offset]
        found: NDArray[np.uint8] = np.frombuffer(content, np.uint8)[begins]
        return found

    def within(self, start: int, stop: int) -> tuple[Rows, NDArray[np.uint8], Array]:
        """Rows (counted from `start`), kinds and values of the slice [start, stop) of the table."""
        low, high = np.searchsorted(self.rows, (start, stop))
        rows = self.rows[low:high]
        return (rows - start if start else rows), self.kind[low:high], self.value[low:high]

    def places(self, start: int, stop: int) -> tuple[list[int], range]:
        """Rows (counted from `start`) of the slice [start, stop) of the table, and their places in the column."""
        low, high = map(int, np.searchsorted(self.rows, (start, stop)))
        return (self.rows[low:high] - start).tolist(), range(low, high)

    def decode(self, places: Iterable[int]) -> list[Any]:
        return [decode_one(int(self.kind[place]), int(self.value[place]), self.texts) for place in places]

    def at(self, row: int) -> tuple[bool, Any]:
        """Whether the row has the property, and its value."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            return False, None
        return True, self.decode([place])[0]


def decode_one(kind: int, value: int, texts: pa.Array) -> Any:
    if kind == SCALED:
        return value // SCALE if value % SCALE == 0 else value / SCALE
    if kind == FLOAT:
        return float(np.int64(value).view(np.float64))
    if kind == BOOL:
        return bool(value)
    text = texts[value].as_py()
    return text if kind == TEXT else json.loads(text)


def encode(rows: Sequence[int], values: list[Any]) -> Column:
    """A column of parsed JSON values."""
    kind = np.empty(len(values), np.uint8)
    value = np.empty(len(values), np.int64)
    texts: list[str] = []
    text_places: list[int] = []
    for kind_of, places in places_by_type(values).items():
        chosen = values if len(places) == len(values) else [values[place] for place in places]
        where = slice(None) if len(places) == len(values) else np.array(places)
        if kind_of is float:
            kind[where], value[where] = encode_floats(chosen)
        elif kind_of is bool:
            kind[where], value[where] = BOOL, chosen
        elif kind_of is int and all(-MAX_WHOLE < one < MAX_WHOLE for one in chosen):
            kind[where], value[where] = SCALED, np.array(chosen, np.int64) * SCALE
        else:
            kind[where] = TEXT if kind_of is str else JSON
            text_places += places
            texts += chosen if kind_of is str else map(to_json, chosen)
    codes, dictionary = encode_texts(texts)
    value[np.array(text_places, np.int64)] = codes
    return Column(np.array(rows, np.int64), kind, value, dictionary)


def places_by_type(values: list[Any]) -> dict[type, Sequence[int]]:
    types = set(map(type, values))
    if len(types) == 1:
        return {types.pop(): range(len(values))}
    places: dict[type, list[int]] = {}
    for place, one in enumerate(values):
        places.setdefault(type(one), []).append(place)
    return dict(places)


def encode_floats(values: list[float]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A double is scaled when it is the double nearest to some whole number of millionths."""
    doubles = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        millionths = np.rint(doubles * SCALE)
    is_exact = (np.abs(millionths) < MAX_SCALED) & (millionths / SCALE == doubles)
    scaled = np.where(is_exact, millionths, 0).astype(np.int64)
    return np.where(is_exact, SCALED, FLOAT).astype(np.uint8), np.where(is_exact, scaled, doubles.view(np.int64))


def encode_texts(texts: list[str]) -> tuple[Array, pa.Array]:
    encoded = pa.array(texts, pa.large_string()).dictionary_encode()
    codes = np.frombuffer(encoded.indices.buffers()[1], np.int32)[: len(texts)] if texts else np.empty(0, np.int32)
    return codes, encoded.dictionary


def to_json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False)


def join(parts: Sequence[tuple[Column, Rows]], order_size: int) -> Column | None:
    """Columns under one dictionary. Each part comes with the new row of every old row (-1: dropped).

    Texts that no row uses any more are left out: what was erased must not survive in a dictionary.
    """
    rows: list[Rows] = []
    kinds: list[NDArray[np.uint8]] = []
    values: list[Array] = []
    texts: list[pa.Array] = []
    count = 0
    for column, new_rows in parts:
        moved = new_rows[column.rows]
        keep = np.flatnonzero(moved >= 0)
        kind, value = column.kind[keep], column.value[keep].astype(np.int64)
        is_text = (kind == TEXT) | (kind == JSON)
        used, codes = used_places(value[is_text], len(column.texts))
        value[is_text] = codes + count
        count += len(used)
        texts.append(column.texts.take(pa.array(used)))
        rows.append(moved[keep])
        kinds.append(kind)
        values.append(value)
    row, kind, value = np.concatenate(rows), np.concatenate(kinds), np.concatenate(values)
    if not len(row):
        return None
    merged = pa.concat_arrays(texts).dictionary_encode()
    remap = np.frombuffer(merged.indices.buffers()[1], np.int32)[: len(merged)] if len(merged) else None
    is_text = (kind == TEXT) | (kind == JSON)
    if remap is not None:
        value[is_text] = remap[value[is_text]]
    order = sorted_order(row, order_size)
    return Column(row[order], kind[order], value[order], merged.dictionary)


def used_places(places: Rows, size: int) -> tuple[Rows, Rows]:
    """The places below `size` that occur, ascending, and for each given one its place among them."""
    occurs = np.zeros(size, np.bool_)
    occurs[places] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[places]


def sorted_order(rows: Rows, size: int) -> Rows:
    """Like argsort for distinct rows below `size`, in linear time when many of them are there."""
    if len(rows) * 8 < size:
        return np.argsort(rows)
    place = np.full(size, -1, np.int64)
    place[rows] = np.arange(len(rows))
    return place[place >= 0]


def to_arrays(column: Column, prefix: str, table_rows: int) -> tuple[dict[str, Array | pa.Array], dict[str, Any]]:
    """What a file keeps of a column: rows only where some lack it, kinds only where they differ."""
    about: dict[str, Any] = {"dense": len(column) == table_rows, "kind": None}
    arrays: dict[str, Array | pa.Array] = {f"{prefix}.value": smallest(column.value)}
    if not about["dense"]:
        arrays[f"{prefix}.rows"] = smallest(column.rows)
    if (column.kind == column.kind[0]).all():
        about["kind"] = int(column.kind[0])
    else:
        arrays[f"{prefix}.kind"] = column.kind
    if len(column.texts):
        arrays[f"{prefix}.texts"] = column.texts
    return arrays, about
