"""What the events of each profile come to: ClickHouse counts and adds up by profile, and values get their names here.

Lists count item by item: where a property has any, the kernels of the embedded engine are given the rows.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from cdp.engine.aggregates import Aggregate, AggregateSpec, Unit
from cdp.engine.arrays import Ints, Mask
from cdp.engine.clickhouse.asked import Question, numbers
from cdp.engine.clickhouse.known import LONG
from cdp.engine.clickhouse.measures import Measures
from cdp.engine.clickhouse.server import array_of
from cdp.engine.clickhouse.shipped import properties_in, shipped
from cdp.engine.clickhouse.tallies import FewValues, Tallies, few_values, read_tallies
from cdp.engine.clickhouse.texts import encoded
from cdp.engine.clickhouse.values import from_texts
from cdp.engine.columnar.aggregate import DIVISIONS, Shared, by_events, refuse
from cdp.engine.columnar.aggregate_kernels import divide
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.selection import Selection
from cdp.engine.events import TIMESTAMP

TALLIED = ("mode", "unique", "unique_list")
Read = Callable[[pa.Table], Aggregate | None]
Few = Callable[[str], FewValues | None]


def aggregates(question: Question, specs: Sequence[AggregateSpec]) -> tuple[Aggregate, ...]:
    for spec in specs:
        refuse(spec)
    answers: dict[int, Aggregate] = {}
    for places in by_events(specs):
        answers |= zip(places, about_same(question, [specs[place] for place in places]), strict=True)
    return tuple(answers[place] for place in range(len(specs)))


def about_same(question: Question, specs: Sequence[AggregateSpec]) -> list[Aggregate]:
    """Of specs about the same events."""
    found = by_clickhouse(question, specs)
    rest = by_kernels(question, [spec for spec, one in zip(specs, found, strict=True) if one is None])
    return [next(rest) if one is None else one for one in found]


def by_kernels(question: Question, specs: Sequence[AggregateSpec]) -> Iterator[Aggregate]:
    if not specs:
        return
    events = specs[0].events
    properties = {spec.property for spec in specs if spec.property is not None} - {TIMESTAMP}
    side = shipped(question, events, properties.union(properties_in(events.where)))
    shared = Shared([Selection(side, events, question.as_of, question.head.floor)])
    for spec in specs:
        yield shared.answer(spec)


def by_clickhouse(question: Question, specs: Sequence[AggregateSpec]) -> list[Aggregate | None]:
    """None where there are lists."""
    asked = question.about("profile_totals", specs[0].events)
    asked.parts["where"] = question.where(specs[0].events, asked)
    measures = Measures(asked)
    few = cache(lambda name: few_values(question, specs[0].events, name))
    readers = [reader_of(spec, measures, few) for spec in specs]
    asked.parts["measures"] = measures.columns()
    found = question.table(asked)
    answers = [reader(found) for reader in readers]
    for place, spec in enumerate(specs):
        if answers[place] is None and spec.fn in TALLIED:
            answers[place] = from_tallies(read_tallies(question, spec), spec, found)
    return answers


def reader_of(spec: AggregateSpec, measures: Measures, few: Few) -> Read:
    """`few`: the values of a property, if they are few."""
    read = None
    if spec.fn in OF_FEW and spec.property != TIMESTAMP and (values := few(str(spec.property))) is not None:
        read = OF_FEW[spec.fn](spec, measures, values)
    return read or (READERS[spec.fn](spec, measures) if spec.fn in READERS else nothing)


def nothing(found: pa.Table) -> None:
    """What is not among the totals."""


def told(found: pa.Table, unit: Unit, value: Ints, present: Mask | None = None, **more: Any) -> Aggregate:
    """`present`: all, unless it is said."""
    size = len(value)
    return Aggregate(
        profile=numbers(found, "profile"),
        present=np.ones(size, np.bool_) if present is None else present,
        value=value if present is None else np.where(present, value, 0),
        unit=unit,
        events=numbers(found, "events"),
        **{"skipped": np.zeros(size, np.int64), **more},
    )


def count(spec: AggregateSpec, measures: Measures) -> Read:
    name = spec.property
    if name is None or name == TIMESTAMP:
        return lambda found: told(found, "count", numbers(found, "events"))
    counted, skipped, lists = measures.counted(name), measures.skipped(name), measures.lists(name)

    def read(found: pa.Table) -> Aggregate | None:
        if numbers(found, lists).any():
            return None
        return told(found, "count", numbers(found, counted) + numbers(found, skipped))

    return read


def add(spec: AggregateSpec, measures: Measures) -> Read:
    """Sums and averages."""
    name, is_average = str(spec.property), spec.fn == "avg"
    total, fits = measures.total(name), measures.fits(name)
    counted, skipped, lists = measures.counted(name), measures.skipped(name), measures.lists(name)

    def read(found: pa.Table) -> Aggregate | None:
        if numbers(found, lists).any():
            return None
        present, passed = numbers(found, fits) == 1, numbers(found, skipped)
        value = np.where(present, numbers(found, total), 0)
        if not is_average:
            return told(found, "scaled", value, present, skipped=passed)
        size = numbers(found, counted)
        return told(found, "scaled", averages(value, size), present & (size > 0), skipped=passed)

    return read


def averages(total: Ints, count: Ints) -> Ints:
    found = np.zeros(len(total), np.int64)
    spread(lambda low, high: divide(total, count, low, high, found), len(total), DIVISIONS)
    return found


def bound(spec: AggregateSpec, measures: Measures) -> Read:
    """The least and the greatest."""
    name, is_least = str(spec.property), spec.fn == "min"
    if name == TIMESTAMP:
        moment = measures.earliest() if is_least else measures.latest()
        return lambda found: told(found, "instant", numbers(found, moment))
    value = measures.least(name) if is_least else measures.most(name)
    counted, skipped, lists = measures.counted(name), measures.skipped(name), measures.lists(name)

    def read(found: pa.Table) -> Aggregate | None:
        if numbers(found, lists).any():
            return None
        present = numbers(found, counted) > 0
        return told(found, "scaled", numbers(found, value), present, skipped=numbers(found, skipped))

    return read


def end(spec: AggregateSpec, measures: Measures) -> Read:
    """The first and the last."""
    name, is_last = str(spec.property), spec.fn == "last"
    if name == TIMESTAMP:
        moment = measures.latest() if is_last else measures.earliest()
        return lambda found: told(found, "instant", numbers(found, moment), ts=numbers(found, moment))
    value, has, lists = measures.end(name, is_last), measures.has(name), measures.lists(name)
    moment = measures.latest(name) if is_last else measures.earliest(name)

    def read(found: pa.Table) -> Aggregate | None:
        if numbers(found, lists).any():
            return None
        present = numbers(found, has) > 0
        places, texts = encoded(found.column(value))
        labels = tuple(from_texts([one or "null" for one in texts]))
        return told(
            found,
            "label",
            places.astype(np.int64),
            present,
            labels=labels,
            ts=np.where(present, numbers(found, moment), 0),
        )

    return read


def unique(spec: AggregateSpec, measures: Measures) -> Read:
    name = str(spec.property)
    value, unsettled = measures.unique(name), measures.unsettled(name)

    def read(found: pa.Table) -> Aggregate | None:
        return None if numbers(found, unsettled).any() else told(found, "count", numbers(found, value))

    return read


READERS: dict[str, Callable[[AggregateSpec, Measures], Read]] = {
    "count": count,
    "sum": add,
    "avg": add,
    "min": bound,
    "max": bound,
    "first": end,
    "last": end,
    "unique": unique,
}


def most_frequent(spec: AggregateSpec, measures: Measures, values: FewValues) -> Read | None:
    """On a tie the first by its text; None where the one that came last is wanted."""
    if spec.tie == "most_recent":
        return None
    each = [measures.among(str(spec.property), texts) for texts in values.texts]

    def read(found: pa.Table) -> Aggregate:
        times = np.zeros((1, len(found)), np.uint32)  # so that there is a value where no value ever came
        if each:
            times = np.stack([array_of(found.column(one), np.uint32) for one in each])
        present = times.max(axis=0) >= spec.min_count
        return told(found, "label", times.argmax(axis=0), present, labels=values.labels)

    return read


def end_among(spec: AggregateSpec, measures: Measures, values: FewValues) -> Read | None:
    """The first and the last, with their places among all values in one number. None where that would be too large."""
    order = measures.statement.known.narrow_order(LONG - len(values.texts).bit_length())
    if order is None:
        return None
    which, moment = measures.end_among(str(spec.property), values.texts, order, spec.fn == "last")

    def read(found: pa.Table) -> Aggregate:
        place = numbers(found, which)
        present = place > 0
        ts = np.where(present, numbers(found, moment), 0)
        return told(found, "label", place - 1, present, labels=values.labels, ts=ts)

    return read


# Of properties with few values.
OF_FEW = {"mode": most_frequent, "first": end_among, "last": end_among}


def from_tallies(tallies: Tallies, spec: AggregateSpec, found: pa.Table) -> Aggregate:
    """Of everybody who is found."""
    profile = numbers(found, "profile")
    if spec.fn == "mode":
        who, label = tallies.most_frequent(spec.tie, spec.min_count)
        present, value = np.zeros(len(profile), np.bool_), np.zeros(len(profile), np.int64)
        place = np.searchsorted(profile, who)
        present[place], value[place] = True, label
        return told(found, "label", value, present, labels=tuple(tallies.labels))
    size = np.zeros(len(profile), np.int64)
    who, sizes = np.unique(tallies.profile, return_counts=True)
    size[np.searchsorted(profile, who)] = sizes
    if spec.fn == "unique":
        return told(found, "count", size)
    return told(found, "list", size, size > 0, labels=tuple(tallies.labels), items=tallies.label)
