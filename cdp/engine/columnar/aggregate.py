"""What the events of each profile come to: sums, ends, most frequent and distinct values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdp.engine.aggregates import Aggregate, AggregateSpec, Unit
from cdp.engine.arrays import LEAST, MOST, Ints, Mask
from cdp.engine.columnar.aggregate_kernels import count_usable, divide
from cdp.engine.columnar.columns import used_places
from cdp.engine.columnar.distinct_kernels import count_small, count_unique, find_mode, list_unique
from cdp.engine.columnar.items import Coded, decode_scaled
from cdp.engine.columnar.memory import address
from cdp.engine.columnar.picked import asked_sides
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.selection import Lane, Selection
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.weaving import Weaving
from cdp.engine.errors import NotSupported
from cdp.engine.events import TIMESTAMP

MOST_BITS = 64
MOST_COUNTERS = 1 << 20
# Finding out which of so few labels occur costs more than naming them all.
FEW_LABELS = 256
DIVISIONS = 200_000
TIME_FUNCTIONS = {"count", "min", "max", "first", "last"}


@dataclass(frozen=True, eq=False)
class Part:
    """The answer of one side, by slot of its selection; `value` is 0 where nothing is `present`. With unit "list" the
    `items` of each are one after the other from `starts`."""

    present: Mask
    value: Ints
    unit: Unit
    skipped: Ints | None = None
    labels: Sequence[Any] = ()
    ts: Ints | None = None
    starts: Ints | None = None
    items: Ints | None = None


def refuse(spec: AggregateSpec) -> None:
    if spec.property is None and spec.fn != "count":
        raise NotSupported(f"The function {spec.fn} needs a property.")
    if spec.property == TIMESTAMP and spec.fn not in TIME_FUNCTIONS:
        raise NotSupported(f"The time of an event has no {spec.fn}: use first, last, min or max.")
    if spec.min_count < 1:
        raise NotSupported("A value must come at least once to be the most frequent one.")


def aggregates(
    snapshot: Snapshot, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None
) -> tuple[Aggregate, ...]:
    for spec in specs:
        refuse(spec)
    sides = asked_sides(snapshot, profiles)
    answers: list[Aggregate | None] = [None] * len(specs)
    for places in by_events(specs):
        events = specs[places[0]].events
        shared = Shared([Selection(side, events, as_of, snapshot.floor) for side in sides])
        for place in places:
            answers[place] = shared.answer(specs[place])
    return tuple(one for one in answers if one is not None)


def by_events(specs: Sequence[AggregateSpec]) -> list[list[int]]:
    """The places of those about the same events."""
    places: dict[str, list[int]] = {}
    for place, spec in enumerate(specs):
        # Predicates that differ in 1 and true only are equal, but their texts are not.
        places.setdefault(repr(spec.events), []).append(place)
    return list(places.values())


class Shared:
    """The selections of both sides, and how their answers are put together."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        self.selections = [one for one in selections if one.events.any()]
        self.weaving = Weaving([one.profile for one in self.selections])
        self.events: Ints = self.joined([one.events for one in self.selections])

    @property
    def profile(self) -> Ints:
        return self.weaving.profile

    def joined(self, by_slot: Sequence[Any]) -> Any:
        """From one array by slot per selection to one by ascending profile."""
        return self.weaving.woven([one.take(values) for one, values in zip(self.selections, by_slot, strict=True)])

    def answer(self, spec: AggregateSpec) -> Aggregate:
        parts = alike([FUNCTIONS[spec.fn](one, spec) for one in self.selections])
        shifts = np.cumsum([0, *(len(part.labels) for part in parts)]).tolist()
        units = [part.unit for part in parts if part.present.any()]
        unit: Unit = units[0] if units else "count"
        moved = [moved_by(part, shift) for part, shift in zip(parts, shifts, strict=False)]
        skipped = [part.skipped for part in parts if part.skipped is not None]
        times = [part.ts for part in parts if part.ts is not None]
        return Aggregate(
            profile=self.profile,
            present=self.joined([part.present for part in parts]).astype(np.bool_, copy=False),
            value=self.joined(moved),
            unit=unit,
            events=self.events,
            skipped=self.joined(skipped) if skipped else np.zeros(len(self.profile), np.int64),
            labels=tuple(label for part in parts for label in part.labels),
            items=self.items(parts, shifts) if unit == "list" else None,
            ts=self.joined(times) if spec.fn in ("first", "last") and parts else None,
        )

    def items(self, parts: Sequence[Part], shifts: list[int]) -> Ints:
        """The lists of all profiles one after the other."""
        firsts, flat, low = [], [], 0
        for part, shift in zip(parts, shifts, strict=False):
            assert part.starts is not None
            assert part.items is not None
            firsts.append(part.starts + low)
            flat.append(part.items + shift)
            low += len(part.items)
        size, first = self.joined([part.value for part in parts]), self.joined(firsts)
        index = np.repeat(first - (np.cumsum(size) - size), size) + np.arange(int(size.sum()))
        found: Ints = np.concatenate([*flat, np.empty(0, np.int64)])[index]
        return found


def moved_by(part: Part, shift: int) -> Ints:
    return np.where(part.present, part.value + shift, 0) if part.unit == "label" and shift else part.value


def alike(parts: list[Part]) -> list[Part]:
    """Where the one side has numbers and the other also other values, all are labels."""
    units = {part.unit for part in parts if part.present.any()}
    return [labelled(part) if part.unit == "scaled" else part for part in parts] if len(units) > 1 else parts


def labelled(part: Part) -> Part:
    used, places = np.unique(part.value[part.present], return_inverse=True)
    value = np.zeros_like(part.value)
    value[part.present] = places
    return Part(part.present, value, "label", part.skipped, decode_scaled(used), part.ts)


def count(one: Selection, spec: AggregateSpec) -> Part:
    if spec.property is None:
        return Part(everybody(one), one.events, "count")
    lanes, _ = one.coded(spec.property, is_ranked=False)
    counted = one.dense()
    one.run(count_usable, lanes, counted)
    return Part(everybody(one), counted, "count")


def everybody(one: Selection) -> Mask:
    return np.ones(len(one.places), np.bool_)


def add(one: Selection, spec: AggregateSpec) -> Part:
    sums = one.sums(str(spec.property))
    return Part(sums.fits, sums.total, "scaled", sums.skipped)


def average(one: Selection, spec: AggregateSpec) -> Part:
    sums = one.sums(str(spec.property))
    average = one.dense()
    spread(lambda low, high: divide(sums.total, sums.count, low, high, average), len(average), DIVISIONS)
    return Part(sums.fits & (sums.count > 0), average, "scaled", sums.skipped)


def least(one: Selection, spec: AggregateSpec) -> Part:
    found, _, skipped = one.ranges(str(spec.property))
    return bound(spec, found, found != MOST, skipped)


def most(one: Selection, spec: AggregateSpec) -> Part:
    _, found, skipped = one.ranges(str(spec.property))
    return bound(spec, found, found != LEAST, skipped)


def bound(spec: AggregateSpec, found: Ints, present: Mask, skipped: Ints) -> Part:
    value = found if present.all() else np.where(present, found, 0)
    return Part(present, value, "instant" if spec.property == TIMESTAMP else "scaled", skipped)


def end(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=False)
    is_last = spec.fn == "last"
    present, value, ts = one.end_values(lanes[0], is_last) if len(lanes) == 1 else best_values(one, lanes, is_last)
    if found.unit != "label":
        return Part(present, value, found.unit, ts=ts)
    value, labels = named(found, value, present)
    return Part(present, value, "label", labels=labels, ts=ts)


def best_values(one: Selection, lanes: Sequence[Lane], is_last: bool) -> tuple[Mask, Ints, Ints]:
    slot, number, item = one.ends(lanes, is_last)
    present, value, ts = np.zeros(len(one.places), np.bool_), one.dense(), one.dense()
    for lane_number, lane in enumerate(lanes):
        assert lane.items is not None
        mine = np.flatnonzero(number == lane_number)
        value[slot[mine]], ts[slot[mine]] = lane.items.value[item[mine]], lane.ts[lane.rows(item[mine])]
    present[slot] = True
    return present, value, ts


def named(found: Coded, value: Ints, present: Mask) -> tuple[Ints, Sequence[Any]]:
    """Places among the labels; of few possible values all are labels."""
    if found.size <= FEW_LABELS:
        return value, found.decode(np.arange(found.size))
    used, places = used_places(value[present], found.size)
    moved = np.zeros_like(value)
    moved[present] = places
    return moved, found.decode(used)


def mode(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=True)
    has, value = np.zeros(len(one.places), np.uint8), one.dense()
    is_recent = spec.tie == "most_recent"
    if lanes:
        rule = (found.size, address(found.rank), is_recent, spec.min_count)
        one.run(find_mode, [one_lane(one, lanes)], *rule, has, value)
    present = has.view(np.bool_)
    value, labels = named(found, value, present)
    return Part(present, value, "label", labels=labels)


def unique(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=False)
    return Part(everybody(one), unique_of(one, lanes, found.size), "count")


def unique_of(one: Selection, lanes: Sequence[Lane], size: int) -> Ints:
    found = one.dense()
    if lanes and 0 < size <= MOST_BITS:
        one.run(count_small, [one_lane(one, lanes)], found)
    elif lanes:
        one.run(count_unique, [one_lane(one, lanes)], counted_domain(size), found)
    return found


def counted_domain(size: int) -> int:
    """Beyond so many values a profile's own are sorted: a counter for each would not stay near the processor."""
    return size if size <= MOST_COUNTERS else 0


def unique_list(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=True)
    size = unique_of(one, lanes, found.size)
    starts = np.cumsum(size) - size
    items = np.empty(int(size.sum()), np.int64)
    if lanes:
        rule = (counted_domain(found.size), address(found.rank))
        one.run(list_unique, [one_lane(one, lanes)], *rule, starts, items)
    if found.rank is not None:
        items = np.argsort(found.rank)[items]
    used, places = used_places(items, found.size)
    return Part(size > 0, size, "list", labels=found.decode(used), starts=starts, items=places)


def one_lane(one: Selection, lanes: Sequence[Lane]) -> Lane:
    return lanes[0] if len(lanes) == 1 else one.merged(lanes)


FUNCTIONS: dict[str, Callable[[Selection, AggregateSpec], Part]] = {
    "count": count,
    "sum": add,
    "avg": average,
    "min": least,
    "max": most,
    "mode": mode,
    "first": end,
    "last": end,
    "unique": unique,
    "unique_list": unique_list,
}
