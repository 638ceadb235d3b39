"""Predicates as one truth value per row: whole columns are compared at once, texts once per distinct text."""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import MOST
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import BOOL, JSON, SCALE, SCALED, TEXT, Column, decode_one
from cdp.engine.columnar.pairs import pair_mask
from cdp.engine.columnar.table import REST, View
from cdp.engine.predicates import (
    DURATION_OPERATORS,
    AllOf,
    AnyItem,
    AnyOf,
    Decide,
    Not,
    Predicate,
    Ref,
    Test,
    any_item,
    decide_value,
    exact,
    look_up,
)

Mask = NDArray[np.bool_]
MAX_VERDICTS = 64
BEYOND = 2**65
NOTHING = 1, 0  # a range without numbers


def row_mask(predicate: Predicate, view: View, as_of: int) -> Mask:
    """Which rows of the view satisfy the predicate."""
    match predicate:
        case AllOf(children):
            return combined(np.logical_and, children, view, as_of)
        case AnyOf(children):
            return combined(np.logical_or, children, view, as_of)
        case Not(child):
            return ~row_mask(child, view, as_of)
        case AnyItem(name, where):
            return value_mask(view, name, lambda value: any_item(where, value, as_of), f"{where!r} {as_of}")
        case Test(value=Ref()):
            return pair_mask(view, predicate, as_of)
        case Test(name, op):
            moment = as_of if op in DURATION_OPERATORS else 0
            decide, bounds = decide_value(predicate, as_of), number_bounds(predicate)
            return value_mask(view, name, decide, f"{predicate!r} {moment}", bounds)


def combined(how: np.ufunc, children: Sequence[Predicate], view: View, as_of: int) -> Mask:
    mask = np.full(len(view), bool(how.identity))
    for child in children:
        mask = how(mask, row_mask(child, view, as_of))
    return mask


def value_mask(view: View, name: str, decide: Decide, key: str, bounds: tuple[int, int] | None = None) -> Mask:
    mask = np.full(len(view), decide(None))
    columns = view.table.columns
    head, _, tail = name.partition(".")
    exact_column, outer, rest = columns.get(name), columns.get(head) if tail else None, columns.get(REST)
    if rest is not None or (exact_column is not None and outer is not None):
        decide_by_row(mask, view, name, {head: outer, name: exact_column, REST: rest}, decide)
    elif exact_column is not None:
        overlay(mask, view, exact_column, decide, key, bounds)
    elif outer is not None:
        overlay(mask, view, outer, inside(decide, tail), f"{key} inside", None)
    return mask


def decide_by_row(mask: Mask, view: View, name: str, columns: dict[str, Column | None], decide: Decide) -> None:
    """The slow way, for a property that may be found in more than one column."""
    found: dict[int, dict[str, Any]] = {}
    for source, column in columns.items():
        rows, places = column.places(view.start, view.stop) if column else ((), ())
        for row, value in zip(rows, column.decode(places) if column else (), strict=True):
            found.setdefault(row, {}).update(value if source == REST else {source: value})
    for row, properties in found.items():
        mask[row] = decide(look_up(properties, name))


def inside(decide: Decide, rest: str) -> Decide:
    return lambda value: decide(look_up(value, rest) if isinstance(value, dict) else None)


def overlay(mask: Mask, view: View, column: Column, decide: Decide, key: str, bounds: tuple[int, int] | None) -> None:
    """Set the rows that have the property."""
    rows, kind, value = column.within(view.start, view.stop)
    if len(rows):
        mask[rows] = decisions(column, kind, value, decide, key, bounds)


def decisions(
    column: Column, kind: NDArray[np.uint8], value: Array, decide: Decide, key: str, bounds: tuple[int, int] | None
) -> Mask:
    kinds = np.unique(kind[:1]) if (kind == kind[0]).all() else np.unique(kind)
    if len(kinds) == 1:
        return decisions_of_kind(column, int(kinds[0]), value, decide, key, bounds)
    result = np.empty(len(kind), np.bool_)
    for one in kinds.tolist():
        where = kind == one
        result[where] = decisions_of_kind(column, one, value[where], decide, key, bounds)
    return result


def decisions_of_kind(
    column: Column, kind: int, value: Array, decide: Decide, key: str, bounds: tuple[int, int] | None
) -> Mask:
    if kind == SCALED and bounds is not None:
        low, high = bounds
        inside_bounds: Mask = (value >= low) & (value <= high)
        return inside_bounds
    if kind in (TEXT, JSON):
        return verdicts(column, kind, decide, key)[value]
    if kind == BOOL:
        return np.array([decide(False), decide(True)])[value]
    distinct, places = np.unique(value, return_inverse=True)
    return decide_each(distinct, kind, column, decide)[places]


def verdicts(column: Column, kind: int, decide: Decide, key: str) -> Mask:
    """One decision per text of the dictionary, remembered for the next question."""
    slot = f"{kind} {key}"
    found = column.verdicts.get(slot)
    if found is None:
        if len(column.verdicts) >= MAX_VERDICTS:
            column.verdicts.clear()
        found = column.verdicts[slot] = decide_texts(column, kind, decide)
    return found


def decide_texts(column: Column, kind: int, decide: Decide) -> Mask:
    """A text that no row of this kind uses may be no JSON at all, so it is not even looked at."""
    if kind == TEXT:
        return np.fromiter(map(decide, column.texts.to_pylist()), np.bool_, len(column.texts))
    used = np.unique(column.value[column.kind == JSON])
    result = np.zeros(len(column.texts), np.bool_)
    result[used] = decide_each(used, JSON, column, decide)
    return result


def decide_each(distinct: Array, kind: int, column: Column, decide: Decide) -> Mask:
    values: list[Any] = [decode_one(kind, one, column.texts) for one in distinct.tolist()]
    return np.fromiter(map(decide, values), np.bool_, len(values))


def number_bounds(test: Test) -> tuple[int, int] | None:
    """The closed range of scaled values that pass, of 64 bits, for tests that are one range of numbers."""
    if test.op == "between" and isinstance(test.value, tuple):
        low, high = map(exact, test.value)
        return None if low is None or high is None else held(scaled(low, ROUND_CEILING), scaled(high, ROUND_FLOOR))
    operand = exact(test.value)
    if operand is None or test.op not in BOUNDS:
        return None
    return held(*BOUNDS[test.op](operand))


def held(low: int, high: int) -> tuple[int, int]:
    low, high = max(low, -MOST), min(high, MOST)
    return (low, high) if low <= high else NOTHING


def scaled(number: Decimal, rounding: str) -> int:
    """In millionths; beyond 64 bits it is enough to know on which side."""
    if number.adjusted() > 15:
        return BEYOND if number > 0 else -BEYOND
    return int((number * SCALE).to_integral_value(rounding))


BOUNDS: dict[str, Callable[[Decimal], tuple[int, int]]] = {
    "gt": lambda operand: (scaled(operand, ROUND_FLOOR) + 1, MOST),
    "gte": lambda operand: (scaled(operand, ROUND_CEILING), MOST),
    "lt": lambda operand: (-MOST, scaled(operand, ROUND_CEILING) - 1),
    "lte": lambda operand: (-MOST, scaled(operand, ROUND_FLOOR)),
    "eq": lambda operand: (scaled(operand, ROUND_CEILING), scaled(operand, ROUND_FLOOR)),
}
