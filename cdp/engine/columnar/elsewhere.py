"""Filters that compare an event with more than itself: with what is known of its profile, or with an earlier step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cdp.engine.arrays import Bytes, Ints, Mask
from cdp.engine.columnar import coded_values
from cdp.engine.columnar.coded_values import Coded, decided
from cdp.engine.columnar.shared_masks import stream_mask
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.predicate_refs import elsewhere
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Elsewhere, Not, OfProfile, Predicate, Test


@dataclass(frozen=True, eq=False)
class Rows:
    """Events about which a filter asks, `size` of them: what it finds that asks nothing else, a property of them, and
    whatever else they are compared with."""

    size: int
    plain: Callable[[Predicate], Mask]
    values: Callable[[str], Coded]
    other: Callable[[Elsewhere], Coded]


def mask_over(where: Predicate, rows: Rows, as_of: int) -> Mask:
    """Which of the rows satisfy it."""
    if not any(True for _ in elsewhere(where)):
        return rows.plain(where)
    match where:
        case AllOf(children):
            return _combined(np.logical_and, children, rows, as_of)
        case AnyOf(children):
            return _combined(np.logical_or, children, rows, as_of)
        case Not(child):
            return ~mask_over(child, rows, as_of)
        case Test() | AnyItem():
            others = {operand: rows.other(operand) for operand in elsewhere(where)}
            return decided(where, rows.values(where.property), others, as_of)


def _combined(how: np.ufunc, children: Sequence[Predicate], rows: Rows, as_of: int) -> Mask:
    mask = np.full(rows.size, bool(how.identity))
    for child in children:
        mask = how(mask, mask_over(child, rows, as_of))
    return mask


def event_mask(side: Side, stream: Stream, where: Predicate, as_of: int) -> Bytes:
    """1 for each row of the stream that satisfies the predicate. What asks profiles is not remembered: what is known of
    them changes."""
    if not any(True for _ in elsewhere(where)):
        return stream_mask(stream, where, as_of)
    return mask_over(where, rows_of(side, stream, as_of), as_of).view(np.uint8)


def rows_of(side: Side, stream: Stream, as_of: int) -> Rows:
    return Rows(
        len(stream.ts),
        lambda where: stream_mask(stream, where, as_of).view(np.bool_),
        lambda name: coded_values.of_stream(stream, name),
        lambda operand: known_of(operand, side.ids[stream.profile]),
    )


def known_of(operand: Elsewhere, profile: Ints) -> Coded:
    """What is known of each row's profile."""
    assert isinstance(operand, OfProfile)
    labels = [*operand.labels, operand.otherwise]
    if not len(operand.profile):
        return Coded(np.zeros(len(profile), np.int64), [operand.otherwise])
    place = np.searchsorted(operand.profile, profile).clip(max=len(operand.profile) - 1)
    return Coded(np.where(operand.profile[place] == profile, operand.code[place], len(operand.labels)), labels)
