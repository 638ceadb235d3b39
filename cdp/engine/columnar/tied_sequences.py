"""Sequences whose steps are compared with earlier steps: the same product viewed, carried and bought.

Once it is settled which value the earlier step's property has, the comparison is one with a value, and the sequence an
ordinary one. So each person is asked once per value (or combination of values) that his events for that step have, of
the events that it leaves over; who has no chain when every such comparison is taken to hold is not asked at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints, Mask
from cdp.engine.columnar import coded_values
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.beginnings import rows_of_spans
from cdp.engine.columnar.coded_values import Coded, distinct, joined
from cdp.engine.columnar.elsewhere import Rows, event_mask, known_of, mask_over
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.picked import few_places, names_in
from cdp.engine.columnar.plain_sequences import tie_keys
from cdp.engine.columnar.sequence_chains import Rules, has_chain
from cdp.engine.columnar.snapshot import Side, Stream
from cdp.engine.conditions import SequenceCondition, SequenceStep, Without
from cdp.engine.predicate_refs import elsewhere, whatever_step
from cdp.engine.predicates import Elsewhere, Predicate, StepRef

AT_ONCE = 1_000_000  # rows, each as often as there are values to try
Part = SequenceStep | Without


def is_tied(condition: SequenceCondition) -> bool:
    return bool(_refs(condition))


def _refs(condition: SequenceCondition) -> set[StepRef]:
    parts: list[Part] = [*condition.steps, *condition.exclusions]
    asked = [one.where for one in parts if one.where is not None]
    return {operand for where in asked for operand in elsewhere(where) if isinstance(operand, StepRef)}


def untied(condition: SequenceCondition) -> SequenceCondition:
    """What everybody who did the steps has done too, whatever the comparisons say."""
    steps = tuple(replace(one, where=one.where and whatever_step(one.where)) for one in condition.steps)
    kept = (one for one in condition.exclusions if one.where is None or not _asks_steps(one.where))
    return replace(condition, steps=steps, exclusions=tuple(kept))


def _asks_steps(where: Predicate) -> bool:
    return any(isinstance(operand, StepRef) for operand in elsewhere(where))


def tied_members(side: Side, condition: SequenceCondition, as_of: int, rules: Rules, places: NDArray[np.int32]) -> Ints:
    """Of the people at these ascending places."""
    few = few_places(side, places).side
    story = Story(few, condition, as_of, rules)
    does = np.zeros(len(few.ids), np.uint8)
    if len(story.place):
        _search(story, story.everybody(), sorted(_refs(condition), key=lambda one: (one.step, one.path)), does)
    found: Ints = few.ids[does == 1]
    return found


class Story:
    """All events that the sequence is about, by person and in the order of events."""

    def __init__(self, side: Side, condition: SequenceCondition, as_of: int, rules: Rules) -> None:
        self.side, self.as_of, self.rules = side, as_of, rules
        self.parts: Sequence[Part] = (*condition.steps, *condition.exclusions)
        self.steps = len(condition.steps)
        names = sorted({name for part in self.parts for name in names_in(side, part.names)})
        found = [side.streams(name) for name in names]
        self.streams: list[Stream] = [one for one in found if one is not None and len(one.ts)]
        places = np.concatenate([one.profile for one in self.streams] or [np.empty(0, np.int32)])
        ts = np.concatenate([one.ts for one in self.streams] or [np.empty(0, np.int64)])
        ties = [tie_keys(one) for one in self.streams]
        received, seq = (np.concatenate([one[which] for one in ties]) if ties else ts for which in range(2))
        inside = np.flatnonzero((ts >= rules[5]) & (ts < rules[6]))
        self.order = inside[np.lexsort((seq[inside], received[inside], ts[inside], places[inside]))]
        self.place, self.ts = places[self.order], ts[self.order]
        self.plain_masks: dict[str, Mask] = {}
        self.coded: dict[str, Coded] = {}

    def everybody(self) -> "World":
        places, first, count = np.unique(self.place, return_index=True, return_counts=True)
        return World(self, places.astype(np.int64), first.astype(np.int64), count.astype(np.int64), {})

    @cached_property
    def named(self) -> list[Mask]:
        """Per part, which events have its name."""
        found = []
        for part in self.parts:
            mine = set(names_in(self.side, part.names))
            marks = [np.full(len(one.ts), one.name in mine) for one in self.streams]
            found.append(np.concatenate(marks)[self.order])
        return found

    def plain(self, where: Predicate) -> Mask:
        key = repr(where)  # 1 and true are equal, but their texts are not
        if key not in self.plain_masks:
            masks = [event_mask(self.side, one, where, self.as_of).view(np.bool_) for one in self.streams]
            self.plain_masks[key] = np.concatenate(masks)[self.order]
        return self.plain_masks[key]

    def values(self, name: str) -> Coded:
        if name not in self.coded:
            found = joined([coded_values.of_stream(one, name) for one in self.streams])
            self.coded[name] = distinct(found.at(self.order))
        return self.coded[name]


@dataclass(frozen=True, eq=False)
class World:
    """People, each as often as there are values to try; `settled`: what the earlier steps' properties then are.

    Each has the `count` rows of the story from `first` on.
    """

    story: Story
    place: Ints
    first: Ints
    count: Ints
    settled: dict[StepRef, Coded]

    @cached_property
    def row(self) -> Ints:
        return rows_of_spans(self.first, self.count)

    @cached_property
    def owner(self) -> Ints:
        return np.repeat(np.arange(len(self.place)), self.count)

    def mask(self, which: int) -> Mask:
        """Which rows can be the step, or are what is excluded."""
        where, mask = self.story.parts[which].where, self.story.named[which][self.row]
        if where is not None:
            rows = Rows(len(self.row), self._plain, self._values, self._other)
            mask = mask & mask_over(where, rows, self.story.as_of)
        for ref, value in self.settled.items():
            if ref.step == which:
                mask = mask & (self.story.values(ref.path).code[self.row] == value.code[self.owner])
        return mask

    def _plain(self, where: Predicate) -> Mask:
        found: Mask = self.story.plain(where)[self.row]
        return found

    def _values(self, name: str) -> Coded:
        return self.story.values(name).at(self.row)

    def _other(self, operand: Elsewhere) -> Coded:
        if isinstance(operand, StepRef):
            return self.settled[operand].at(self.owner)
        return known_of(operand, self.story.side.ids[self.story.place[self.row]])

    def some(self, chosen: Ints) -> "World":
        settled = {ref: value.at(chosen) for ref, value in self.settled.items()}
        return World(self.story, self.place[chosen], self.first[chosen], self.count[chosen], settled)

    def bits(self) -> NDArray[np.uint32]:
        bits = np.zeros(len(self.row), np.uint32)
        for which in range(len(self.story.parts)):
            bits |= self.mask(which).astype(np.uint32) << np.uint32(which)
        return bits


def _search(story: Story, world: World, open_refs: Sequence[StepRef], does: NDArray[np.uint8]) -> None:
    """Set `does` of everybody who did the steps, settling one property of an earlier step after the other."""
    for low, high in _portions(world.count):
        some = world.some(np.arange(low, high))
        some = some.some(np.flatnonzero(does[some.place] == 0))
        if not open_refs:
            ends = np.cumsum(some.count)
            find_in(some.place, ends - some.count, ends, story.ts[some.row], some.bits(), story.rules, does)
            continue
        ref, values = open_refs[0], story.values(open_refs[0].path)
        rows = np.flatnonzero(some.mask(ref.step))
        pairs = some.owner[rows] * len(values.labels) + values.code[some.row[rows]]
        owner, code = np.divmod(np.unique(pairs), len(values.labels))
        tried = some.some(owner)
        settled = {**tried.settled, ref: Coded(code, values.labels)}
        _search(story, replace(tried, settled=settled), open_refs[1:], does)


def _portions(count: Ints) -> list[tuple[int, int]]:
    """So many at a time that their rows fit into memory, and at least one."""
    cuts = np.searchsorted(np.cumsum(count), np.arange(AT_ONCE, int(count.sum()), AT_ONCE), side="right")
    edges = np.unique([0, *cuts.tolist(), len(count)]).tolist()
    return list(pairwise(edges))


@kernel
def find_in(place: Array, first: Array, stop: Array, ts: Array, bits: Array, rules: Rules, does: Array) -> None:
    """Set `does` of everybody with a chain in one of the given ranges of rows."""
    room = (np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64))
    for one in range(len(place)):
        size = stop[one] - first[one]
        if does[place[one]]:
            continue
        if len(room[0]) < size:
            room = (np.empty(2 * size, np.int64), np.empty(2 * size, np.int64), np.empty(2 * size, np.int64))
        mine, marks = ts[first[one] : stop[one]], bits[first[one] : stop[one]]
        does[place[one]] = has_chain(mine, marks, size, rules, room)
