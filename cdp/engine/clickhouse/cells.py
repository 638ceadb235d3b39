"""The properties of many events as Arrow columns: what a value is written as is found once for all that share it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa

from cdp.engine.aggregates import MILLION
from cdp.engine.clickhouse.known import LISTS, MANIFOLD, NUMBERS, OTHERS, ROUGH, Own
from cdp.engine.clickhouse.properties import number_column, text_column
from cdp.engine.clickhouse.values import inside, is_written_once, millionths, to_text
from cdp.engine.predicates import exact, is_missing

REMEMBERED = 100_000  # values of each type, so that a long block cannot fill the memory
# The text of a value, the millionths of a number that counts, and its kind.
Cell = tuple[str, int | None, int]


@dataclass
class Maps:
    """One map per row: entries of all rows one after the other, and where each row's end."""

    value_type: pa.DataType
    keys: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])

    def put(self, key: str, value: Any) -> None:
        self.keys.append(key)
        self.values.append(value)

    def end_row(self) -> None:
        self.ends.append(len(self.keys))

    def array(self) -> pa.Array:
        """pyarrow.MapArray, string → value_type."""
        keys, values = pa.array(self.keys, pa.string()), pa.array(self.values, self.value_type)
        return pa.MapArray.from_arrays(pa.array(self.ends, pa.int32()), keys, values)


@dataclass
class Pair:
    """The two columns of one property: rows without it are filled in when the next one with it comes."""

    texts: list[str] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)
    kinds: int = 0

    def put(self, row: int, text: str, number: int | None, kind: int) -> None:
        self.fill(row)
        self.kinds |= kind
        self.texts.append(text)
        self.numbers.append(number)

    def fill(self, size: int) -> None:
        missing = size - len(self.texts)
        if missing:
            self.texts.extend([""] * missing)
            self.numbers.extend([None] * missing)

    def columns(self, place: int, size: int) -> dict[str, pa.Array]:
        self.fill(size)
        texts, numbers = pa.array(self.texts, pa.string()), pa.array(self.numbers, pa.int64())
        return {text_column(place): texts, number_column(place): numbers}


def cells(rows: Sequence[dict[str, Any]], own: Own) -> tuple[dict[str, pa.Array], dict[str, int]]:
    """The columns about the properties of events that have these (see `properties.columns_of`), and of properties with
    columns of their own the kinds of values."""
    pairs = {name: Pair() for name in own}
    properties, inner, numbers = Maps(pa.string()), Maps(pa.string()), Maps(pa.int64())
    known: dict[type, dict[Any, Cell]] = {str: {}, int: {}, float: {}, bool: {}}
    for place, row in enumerate(rows):
        below = inside(row) if dict in map(type, row.values()) else {}
        for path, value in below.items():
            text, number, _ = cell(value, known)
            inner.put(path, text)
            if number is not None and (path not in row or row[path] is None):
                numbers.put(path, number)
        for name, value in row.items():
            text, number, kind = cell(value, known)
            if name in pairs:
                pairs[name].put(place, text, number, kind)
                continue
            properties.put(name, text)
            if number is not None:
                numbers.put(name, number)
        for maps in (properties, inner, numbers):
            maps.end_row()
    found = {"properties": properties.array(), "inner": inner.array(), "numbers": numbers.array()}
    for name, pair in pairs.items():
        found |= pair.columns(own[name].place, len(rows))
    return found, {name: pair.kinds for name, pair in pairs.items()}


def cell(value: Any, known: dict[type, dict[Any, Cell]]) -> Cell:
    remembered = known.get(type(value))
    if remembered is None or value == 0:  # 0.0 and -0.0 are one key and two texts
        return described(value)
    found = remembered.get(value)
    if found is None:
        if len(remembered) >= REMEMBERED:
            remembered.clear()
        found = remembered[value] = described(value)
    return found


def described(value: Any) -> Cell:
    text = to_text(value)
    if value is None or is_missing(value):
        return text, None, 0
    if isinstance(value, list):
        return text, None, LISTS
    number, written = millionths(value), exact(value)
    kind = OTHERS if number is None else NUMBERS
    if written is not None and (number is None or written != Decimal(number) / MILLION):
        kind |= ROUGH
    return text, number, kind if is_written_once(text) else kind | MANIFOLD
