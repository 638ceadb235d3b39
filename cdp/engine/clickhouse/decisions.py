"""What ClickHouse leaves open about filters, decided by `predicates.holds` once per different value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cdp.engine.arrays import Ints, Mask
from cdp.engine.clickhouse.texts import encoded
from cdp.engine.clickhouse.values import from_text
from cdp.engine.columnar.coded_values import Coded
from cdp.engine.columnar.elsewhere import Rows, known_of, mask_over
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Predicate, Ref, Test, holds


@dataclass(frozen=True, eq=False)
class Events:
    """Of each the profile, and the JSON texts of properties by name."""

    profile: Ints
    texts: dict[str, pa.ChunkedArray]

    def coded(self) -> dict[str, Coded]:
        return {name: coded(texts) for name, texts in self.texts.items()}


def coded(texts: pa.ChunkedArray) -> Coded:
    place, different = encoded(texts)
    return Coded(place.astype(np.int64), list(map(from_text, different)))


def decide(where: Predicate, events: Events, as_of: int) -> Mask:
    """Which of the events satisfy the filter."""
    known = events.coded()

    def plain(part: Predicate) -> Mask:
        return by_law(part, known, len(events.profile), as_of)

    rows = Rows(len(events.profile), plain, known.__getitem__, lambda operand: known_of(operand, events.profile))
    return mask_over(where, rows, as_of)


def by_law(where: Predicate, known: dict[str, Coded], size: int, as_of: int) -> Mask:
    match where:
        case AllOf(children):
            return combined(np.logical_and, children, known, size, as_of)
        case AnyOf(children):
            return combined(np.logical_or, children, known, size, as_of)
        case Not(child):
            return ~by_law(child, known, size, as_of)
        case Test(value=Ref(path)) if path != where.property:
            return of_pairs(where, known[where.property], known[path], path, as_of)
        case Test() | AnyItem():
            values = known[where.property]
            return verdicts(where, values.labels, as_of)[values.code]


def combined(how: np.ufunc, children: Sequence[Predicate], known: dict[str, Coded], size: int, as_of: int) -> Mask:
    mask = np.full(size, bool(how.identity))
    for child in children:
        mask = how(mask, by_law(child, known, size, as_of))
    return mask


def verdicts(leaf: Test | AnyItem, labels: Sequence[Any], as_of: int) -> Mask:
    return np.fromiter((holds(leaf, {leaf.property: label}, as_of) for label in labels), np.bool_, len(labels))


def of_pairs(leaf: Test, values: Coded, others: Coded, other: str, as_of: int) -> Mask:
    """Each pair that occurs is decided once."""
    pairs = values.code * len(others.labels) + others.code
    different, place = np.unique(pairs, return_inverse=True)
    decided = np.empty(len(different), np.bool_)
    for number, pair in enumerate(different.tolist()):
        value, beside = divmod(pair, len(others.labels))
        decided[number] = holds(leaf, {leaf.property: values.labels[value], other: others.labels[beside]}, as_of)
    found: Mask = decided[place]
    return found
