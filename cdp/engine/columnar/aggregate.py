"""What the events of each profile come to: sums, ends, most frequent and distinct values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdp.engine.base import TIMESTAMP, Aggregate, AggregateSpec, Ints, Mask, NotSupported, Unit
from cdp.engine.columnar import aggregate_kernels as kernels
from cdp.engine.columnar.columns import used_places
from cdp.engine.columnar.items import decode_scaled
from cdp.engine.columnar.picked import asked_sides
from cdp.engine.columnar.selection import LEAST, MOST, Lane, Selection
from cdp.engine.columnar.snapshot import Snapshot

MOST_COUNTERS = 1 << 20
TIME_FUNCTIONS = {"count", "min", "max", "first", "last"}


@dataclass(frozen=True, eq=False)
class Part:
    """The answer of one side, by place; with unit "list" the `items` of each are one after the other from `starts`."""

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
    shared: dict[str, Shared] = {}
    answers = []
    for spec in specs:
        # Predicates that differ in 1 and true only are equal, but their texts are not.
        key = repr(spec.events)
        if key not in shared:
            shared[key] = Shared([Selection(side, spec.events, as_of, snapshot.floor) for side in sides])
        answers.append(shared[key].answer(spec))
    return tuple(answers)


class Shared:
    """The selections of both sides, and how their answers are put together."""

    def __init__(self, selections: Sequence[Selection]) -> None:
        self.selections = [one for one in selections if len(one.places)]
        parts = [one.side.ids[one.places] for one in self.selections]
        profile = np.concatenate([*parts, np.empty(0, np.int64)])
        self.order = np.argsort(profile, kind="stable") if len(parts) > 1 else None
        self.profile = self.ordered(profile)
        self.events = self.joined([one.events for one in self.selections])

    def ordered(self, values: Any) -> Any:
        return values if self.order is None else values[self.order]

    def joined(self, by_place: Sequence[Any]) -> Any:
        """From one array by place per selection to one by ascending profile."""
        parts = [values[one.places] for one, values in zip(self.selections, by_place, strict=True)]
        if len(parts) == 1:
            return parts[0]
        return self.ordered(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def answer(self, spec: AggregateSpec) -> Aggregate:
        parts = alike([FUNCTIONS[spec.fn](one, spec) for one in self.selections])
        shifts = np.cumsum([0, *(len(part.labels) for part in parts)]).tolist()
        units = [part.unit for part in parts if part.present.any()]
        unit: Unit = units[0] if units else "count"
        present = self.joined([part.present for part in parts]).astype(np.bool_)
        moved = [part.value + shift * (unit == "label") for part, shift in zip(parts, shifts, strict=False)]
        skipped = [part.skipped for part in parts if part.skipped is not None]
        times = [part.ts for part in parts if part.ts is not None]
        return Aggregate(
            profile=self.profile,
            present=present,
            value=np.where(present, self.joined(moved), 0),
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
    everywhere = np.ones(len(one.side.ids), np.bool_)
    if spec.property is None:
        return Part(everywhere, one.events, "count")
    lanes, _ = one.coded(spec.property, is_ranked=False)
    counted = one.dense()
    one.run(kernels.count_usable, lanes, counted)
    return Part(everywhere, counted, "count")


def add(one: Selection, spec: AggregateSpec) -> Part:
    sums = one.sums(str(spec.property))
    return Part(sums.fits, sums.total, "scaled", sums.skipped)


def average(one: Selection, spec: AggregateSpec) -> Part:
    sums = one.sums(str(spec.property))
    return Part(sums.fits & (sums.count > 0), divided(sums.total, sums.count), "scaled", sums.skipped)


def divided(total: Ints, count: Ints) -> Ints:
    """Half-even."""
    size = np.maximum(count, 1)
    quotient, rest = np.divmod(total, size)
    is_odd = quotient & 1
    quotient += (2 * rest > size) | ((2 * rest == size) & (is_odd == 1))
    return quotient


def least(one: Selection, spec: AggregateSpec) -> Part:
    found, _, skipped = one.ranges(str(spec.property))
    return Part(found != MOST, found, "instant" if spec.property == TIMESTAMP else "scaled", skipped)


def most(one: Selection, spec: AggregateSpec) -> Part:
    _, found, skipped = one.ranges(str(spec.property))
    return Part(found != LEAST, found, "instant" if spec.property == TIMESTAMP else "scaled", skipped)


def end(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=False)
    place, number, row = one.ends(lanes, spec.fn == "last")
    value, ts = one.dense(), one.dense()
    for lane_number, lane in enumerate(lanes):
        assert lane.items is not None
        mine = np.flatnonzero(number == lane_number)
        value[place[mine]], ts[place[mine]] = lane.items.value[row[mine]], lane.ts[row[mine]]
    present = np.zeros(len(value), np.bool_)
    present[place] = True
    if found.unit != "label":
        return Part(present, value, found.unit, ts=ts)
    used, value[place] = used_places(value[place], found.size)
    return Part(present, value, "label", labels=found.decode(used), ts=ts)


def mode(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=True)
    has, value = np.zeros(len(one.side.ids), np.uint8), one.dense()
    is_recent = spec.tie == "most_recent"
    if lanes:
        one.run(kernels.find_mode, [one_lane(one, lanes)], found.size, is_recent, spec.min_count, has, value)
    present = has.view(np.bool_)
    used, value[present] = used_places(value[present], found.size)
    return Part(present, value, "label", labels=found.decode(used))


def unique(one: Selection, spec: AggregateSpec) -> Part:
    lanes, found = one.coded(str(spec.property), is_ranked=False)
    return Part(np.ones(len(one.side.ids), np.bool_), unique_of(one, lanes, found.size), "count")


def unique_of(one: Selection, lanes: Sequence[Lane], size: int) -> Ints:
    found = one.dense()
    if lanes:
        one.run(kernels.count_unique, [one_lane(one, lanes)], counted_domain(size), found)
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
        one.run(kernels.list_unique, [one_lane(one, lanes)], counted_domain(found.size), starts, items)
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
