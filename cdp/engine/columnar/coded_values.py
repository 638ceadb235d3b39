"""Values of whole columns by code, and comparisons between two such columns.

Numbers are compared by their rank among all numbers there, texts among all texts; whatever else meets is decided once
per pair by the law of `engine.predicates`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdp.engine.arrays import Bytes, Ints, Mask
from cdp.engine.columnar.columns import decode_one
from cdp.engine.columnar.items import find
from cdp.engine.columnar.snapshot import Stream
from cdp.engine.columnar.table import View
from cdp.engine.predicates import NEGATIONS, AnyItem, Elsewhere, Test, exact, holds, is_missing, is_number

ABSENT, NUMERIC, TEXTUAL, LOGICAL, COMPOUND = range(5)
FLOATS_ARE_EXACT = 9e15
COMPARISONS: Mapping[str, Callable[[Ints, Ints], Mask]] = {
    "eq": np.equal, "gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Coded:
    """A value for each row: `labels[code]` (JSON). One value may be there twice."""

    code: Ints
    labels: Sequence[Any]

    def at(self, rows: Ints) -> "Coded":
        return Coded(self.code[rows], self.labels)


def of_stream(stream: Stream, name: str) -> Coded:
    """A property of each event."""
    labels: list[Any] = [None]
    return Coded(stream.gather(lambda view: _of_view(view, name, labels)), labels)


def _of_view(view: View, name: str, labels: list[Any]) -> Ints:
    """Places in the labels, to which new ones are added; the first one is nothing."""
    code, found = np.zeros(len(view), np.int64), find(view, name)
    if found is None:
        return code
    if found.column is None:
        code[found.rows] = len(labels) + np.arange(len(found.rows))
        labels += found.values
        return code
    rows, kinds, values = found.column.within(view.start, view.stop)
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        mine = kinds == kind
        distinct, place = np.unique(values[mine], return_inverse=True)
        code[rows[mine]] = len(labels) + place
        labels += [found.read(decode_one(kind, one, found.column.texts)) for one in distinct.tolist()]
    return code


def joined(parts: Sequence[Coded]) -> Coded:
    """One after the other."""
    labels = [label for part in parts for label in part.labels]
    starts = np.cumsum([0, *(len(part.labels) for part in parts)])
    codes = [part.code + start for part, start in zip(parts, starts.tolist(), strict=False)]
    return Coded(np.concatenate(codes) if codes else np.empty(0, np.int64), labels)


def distinct(values: Coded) -> Coded:
    """Each value once, so that equal codes are what equal values are and the other way round."""
    known: dict[tuple[type, str], int] = {}
    code = [known.setdefault((type(label), repr(label)), len(known)) for label in values.labels]
    labels: list[Any] = [None] * len(known)
    for place, label in zip(code, values.labels, strict=True):
        labels[place] = label
    return Coded(np.array(code, np.int64)[values.code], labels)


def decided(leaf: Test | AnyItem, values: Coded, others: Mapping[Elsewhere, Coded], as_of: int) -> Mask:
    """Which rows satisfy a comparison of the property's `values` with `others`, all with the same rows."""
    if isinstance(leaf, AnyItem):
        return _by_law(leaf, values, others, np.arange(len(values.code)), as_of)
    ((_, operand),) = others.items()
    (kind, rank), (other_kind, other_rank) = _ranked(values, operand)
    positive = NEGATIONS.get(leaf.op, leaf.op)
    found = np.zeros(len(kind), np.bool_)
    alike = (kind == other_kind) & ((kind == NUMERIC) | (kind == TEXTUAL) | ((kind == LOGICAL) & (positive == "eq")))
    found[alike] = COMPARISONS[positive](rank[alike], other_rank[alike])
    if positive != leaf.op:
        np.logical_not(found, out=found)
    mixed = np.flatnonzero((kind != other_kind) | (kind == COMPOUND))
    mixed = mixed[(kind[mixed] != ABSENT) & (other_kind[mixed] != ABSENT)]
    if len(mixed):
        found[mixed] = _by_law(leaf, values, others, mixed, as_of)
    return found


def _ranked(*columns: Coded) -> list[tuple[Bytes, Ints]]:
    """Per row what kind of value it is, and its rank among all of that kind."""
    labels = [label for column in columns for label in column.labels]
    kind = np.fromiter(map(_kind_of, labels), np.uint8, len(labels))
    rank = np.zeros(len(labels), np.int64)
    numbers, texts, truths = (np.flatnonzero(kind == one) for one in (NUMERIC, TEXTUAL, LOGICAL))
    rank[numbers] = _rank_of_numbers([labels[place] for place in numbers.tolist()])
    rank[texts] = _rank_of([labels[place] for place in texts.tolist()])
    rank[truths] = [labels[place] for place in truths.tolist()]
    found, start = [], 0
    for column in columns:
        code = column.code + start
        found.append((kind[code], rank[code]))
        start += len(column.labels)
    return found


def _kind_of(label: Any) -> int:
    if is_missing(label):
        return ABSENT
    if isinstance(label, bool):
        return LOGICAL
    if is_number(label):
        return NUMERIC
    return TEXTUAL if isinstance(label, str) else COMPOUND


def _rank_of_numbers(numbers: list[Any]) -> Ints:
    """Floats order as the decimals do that they are written as, unless whole numbers are too large for them."""
    floats = np.array([float(one) if abs(one) <= FLOATS_ARE_EXACT else np.inf for one in numbers], np.float64)
    if not np.isinf(floats).any():
        return np.unique(floats, return_inverse=True)[1]
    return _rank_of(list(map(exact, numbers)))


def _rank_of(values: list[Any]) -> Ints:
    place = {value: rank for rank, value in enumerate(sorted(set(values)))}
    return np.array([place[value] for value in values], np.int64)


def _by_law(leaf: Test | AnyItem, values: Coded, others: Mapping[Elsewhere, Coded], rows: Ints, as_of: int) -> Mask:
    """Each combination of values that occurs in the rows is decided once."""
    columns = [values, *others.values()]
    combinations = np.stack([column.code[rows] for column in columns], axis=1)
    different, place = np.unique(combinations, axis=0, return_inverse=True)
    verdicts = np.empty(len(different), np.bool_)
    for number, codes in enumerate(different.tolist()):
        value, *rest = (column.labels[code] for column, code in zip(columns, codes, strict=True))
        known = dict(zip(others, rest, strict=True))
        verdicts[number] = holds(leaf, {leaf.property: value}, as_of, known.__getitem__)
    found: Mask = verdicts[place.reshape(-1)]
    return found
