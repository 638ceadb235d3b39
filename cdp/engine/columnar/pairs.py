"""One property of an event compared with another one: decided once per pair of values that occur together."""

from typing import Any

import numpy as np

from cdp.engine.arrays import Mask
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import SCALED, Column, decode_one
from cdp.engine.columnar.table import REST, View
from cdp.engine.predicates import Ref, Test, beside, holds

MISSING = 255  # beside the kinds of columns
ORDERS = {"eq": np.equal, "gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal}


def pair_mask(view: View, test: Test, as_of: int) -> Mask:
    """Which rows satisfy a test whose operand is another property of theirs."""
    assert isinstance(test.value, Ref)
    names = (test.property, test.value.path)
    if not all(_is_one_column(view, name) for name in names):
        return _by_row(view, names, test, as_of)
    columns = [view.table.columns.get(name) for name in names]
    (kind, value), (other_kind, other) = (_of_rows(view, column) for column in columns)
    compare = ORDERS.get(test.op)
    if compare is not None and _are_numbers(kind, other_kind):
        found: Mask = compare(value, other) & (kind == SCALED) & (other_kind == SCALED)
        return found
    pairs = np.stack([kind.astype(np.int64), value, other_kind.astype(np.int64), other], axis=1)
    distinct, place = np.unique(pairs, axis=0, return_inverse=True)
    decided = [
        beside(test, _value(columns[1], right, operand), as_of)(_value(columns[0], left, given))
        for left, given, right, operand in distinct.tolist()
    ]
    mask: Mask = np.array(decided, np.bool_)[place.reshape(-1)]
    return mask


def _is_one_column(view: View, name: str) -> bool:
    return "." not in name and view.table.columns.get(REST) is None


def _of_rows(view: View, column: Column | None) -> tuple[Array, Array]:
    kind, value = np.full(len(view), MISSING, np.uint8), np.zeros(len(view), np.int64)
    if column is not None:
        rows, kinds, values = column.within(view.start, view.stop)
        kind[rows], value[rows] = kinds, values
    return kind, value


def _are_numbers(*kinds: Array) -> bool:
    """Exact numbers, or missing."""
    return all(bool(((kind == SCALED) | (kind == MISSING)).all()) for kind in kinds)


def _value(column: Column | None, kind: int, value: int) -> Any:
    return None if kind == MISSING or column is None else decode_one(kind, value, column.texts)


def _by_row(view: View, names: tuple[str, str], test: Test, as_of: int) -> Mask:
    """The slow way, for properties that may be found in more than one column."""
    found: dict[int, dict[str, Any]] = {}
    for source in {name for each in names for name in (each, each.split(".", 1)[0])} | {REST}:
        column = view.table.columns.get(source)
        if column is not None:
            rows, places = column.places(view.start, view.stop)
            for row, value in zip(rows, column.decode(places), strict=True):
                found.setdefault(row, {}).update(value if source == REST else {source: value})
    mask = np.full(len(view), holds(test, {}, as_of))
    for row, properties in found.items():
        mask[row] = holds(test, properties, as_of)
    return mask
