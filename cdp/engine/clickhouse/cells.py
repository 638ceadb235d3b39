"""The maps of many events as Arrow columns: what a value is written as is found once for all events that share it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cdp.engine.clickhouse.values import LIST, NO_NUMBER, inside, millionths, to_text
from cdp.engine.predicates import is_missing

REMEMBERED = 100_000  # values of each type, so that a long block cannot fill the memory
Cell = tuple[str, int | None, int | None]


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


def cells(rows: Sequence[dict[str, Any]]) -> dict[str, pa.Array]:
    """The columns `properties`, `inner`, `numbers` and `others` of the events that have these properties."""
    properties, inner = Maps(pa.string()), Maps(pa.string())
    numbers, others = Maps(pa.int64()), Maps(pa.uint8())
    known: dict[type, dict[Any, Cell]] = {str: {}, int: {}, float: {}, bool: {}}
    for row in rows:
        below = inside(row) if dict in map(type, row.values()) else {}
        for path, value in below.items():
            text, number, other = cell(value, known)
            inner.put(path, text)
            if path not in row or row[path] is None:
                put_amount(path, number, other, numbers, others)
        for name, value in row.items():
            text, number, other = cell(value, known)
            properties.put(name, text)
            put_amount(name, number, other, numbers, others)
        for maps in (properties, inner, numbers, others):
            maps.end_row()
    return {
        "properties": properties.array(),
        "inner": inner.array(),
        "numbers": numbers.array(),
        "others": others.array(),
    }


def cell(value: Any, known: dict[type, dict[Any, Cell]]) -> Cell:
    """The text of a value; the millionths of a number that counts, or what it is instead unless it is missing."""
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
    if value is None or is_missing(value):
        return to_text(value), None, None
    if isinstance(value, list):
        return to_text(value), None, LIST
    number = millionths(value)
    return to_text(value), number, NO_NUMBER if number is None else None


def put_amount(path: str, number: int | None, other: int | None, numbers: Maps, others: Maps) -> None:
    if number is not None:
        numbers.put(path, number)
    elif other is not None:
        others.put(path, other)
