"""Definitions to values: every profile's value of every trait, in one question to the engine.

A value changes without any event when an event falls out of a window, or into one that ends before now. `due` says when,
so that only these profiles have to be looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.definitions.windows import Window
from cdp.engine.base import (
    BEGINNING,
    ENDLESS,
    MILLION,
    TIMESTAMP,
    Aggregate,
    AggregateSpec,
    Events,
    Fn,
    Ints,
    Mask,
)
from cdp.engine.predicates import AllOf, AnyOf, Not, Predicate, Test, read_span
from cdp.traits.stored import Column, instants, labels, lists, scaled, whole

OF_KIND: dict[str, Fn] = {
    "most_frequent": "mode",
    "first": "first",
    "last": "last",
    "unique_count": "unique",
    "unique_list": "unique_list",
    "ratio": "count",
}
ZERO_WHERE_NOTHING = ("count", "sum", "unique")
DENOMINATOR_LIMIT = 2**62 // (2 * MILLION)  # numbers of events: far beyond what a profile can have


class Asked(Protocol):
    """What evaluation needs of an engine."""

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]: ...


@dataclass(frozen=True, eq=False)
class Values:
    """Everybody with a value, or with something that will change it later, by ascending `profile`.

    `present`: whether there is a value; `column` holds them, one per profile. `due`: in µs, when it changes next
    without an event; ENDLESS for never. `events` counted; `skipped`: values that are no numbers, or no dates, where
    these are needed. `foreign`: events in other currencies than the trait's, and `currencies` which ones those were.
    """

    profile: Ints
    present: Mask
    column: Column
    due: Ints
    events: Ints
    skipped: Ints
    foreign: int = 0
    currencies: tuple[str, ...] = ()

    @cached_property
    def value(self) -> list[Any]:
        """As JSON, None where there is none."""
        decoded = self.column.decoded()
        return [one if is_there else None for one, is_there in zip(decoded, self.present.tolist(), strict=True)]

    def json_texts(self, places: Ints) -> list[str | None]:
        """JSON text of the values at these places, for writing many."""
        return self.column.json_texts(places, self.present[places])

    def only(self, keep: Mask) -> "Values":
        return Values(
            self.profile[keep],
            self.present[keep],
            self.column.only(keep),
            self.due[keep],
            self.events[keep],
            self.skipped[keep],
            self.foreign,
            self.currencies,
        )


def fn_of(definition: TraitDefinition) -> Fn:
    return definition.fn if definition.fn is not None else OF_KIND[definition.kind]


def nothing_counted(definition: TraitDefinition) -> Any:
    """What a profile without any of the events has: 0 for counts, sums and unique counts, else the default or None."""
    if definition.kind != "ratio" and fn_of(definition) in ZERO_WHERE_NOTHING:
        return 0
    return definition.default


@dataclass(frozen=True, slots=True)
class _Plan:
    """The places of a definition's specs in the common question."""

    definition: TraitDefinition
    main: tuple[int, ...]
    leaving: tuple[int | None, ...]
    waiting: tuple[int | None, ...]
    foreign: int | None


@dataclass(slots=True)
class _Question:
    """Specs of all definitions; a spec that two of them need is asked once."""

    now: int
    zone: ZoneInfo
    specs: list[AggregateSpec] = field(default_factory=list)

    def place(self, spec: AggregateSpec) -> int:
        if spec not in self.specs:
            self.specs.append(spec)
        return self.specs.index(spec)

    def plan(self, definition: TraitDefinition) -> _Plan:
        currency = definition.currency if definition.is_money else None
        return _Plan(
            definition,
            main=tuple(self.place(self.main(definition, part, currency)) for part in definition.parts),
            leaving=tuple(self.leaving(part, currency) for part in definition.parts),
            waiting=tuple(self.waiting(part, currency) for part in definition.parts),
            foreign=self.foreign(definition.part, currency),
        )

    def main(self, definition: TraitDefinition, part: EventPart, currency: str | None) -> AggregateSpec:
        events = self.events(part, in_currency(part.predicate, currency))
        name = None if definition.kind == "ratio" else definition.property_name
        return AggregateSpec(events, fn_of(definition), name, definition.tie, definition.min_count)

    def events(self, part: EventPart, predicate: Predicate | None) -> Events:
        start, end = part.window.bounds(self.now, self.zone) if part.window else (BEGINNING, ENDLESS)
        return Events(part.events, predicate, start, end)

    def leaving(self, part: EventPart, currency: str | None) -> int | None:
        """When the first of the counted events happened: it is the first to leave."""
        if part.window is None or part.window.stays:
            return None
        events = self.events(part, in_currency(part.predicate, currency))
        return self.place(AggregateSpec(events, "min", TIMESTAMP))

    def waiting(self, part: EventPart, currency: str | None) -> int | None:
        """The first event that has happened and enters the window later."""
        if part.window is None or not part.window.is_waited_for:
            return None
        _, end = part.window.bounds(self.now, self.zone)
        events = Events(part.events, in_currency(part.predicate, currency), end, ENDLESS)
        return self.place(AggregateSpec(events, "min", TIMESTAMP))

    def foreign(self, part: EventPart, currency: str | None) -> int | None:
        """Events that are left out for their currency, and which ones there are."""
        if currency is None:
            return None
        events = self.events(part, AllOf(_all(part.predicate, Not(_is_in(currency)))))
        return self.place(AggregateSpec(events, "unique_list", CURRENCY))


CURRENCY = "currency"


def in_currency(predicate: Predicate | None, currency: str | None) -> Predicate | None:
    """Only events in that currency, and those that name none."""
    return predicate if currency is None else AllOf(_all(predicate, _is_in(currency)))


def _is_in(currency: str) -> Predicate:
    same = Test(CURRENCY, "in", (currency, currency.lower()))
    return AnyOf((same, Test(CURRENCY, "not_exists")))


def _all(predicate: Predicate | None, more: Predicate) -> tuple[Predicate, ...]:
    return (more,) if predicate is None else (predicate, more)


def evaluate(
    engine: Asked,
    definitions: Sequence[TraitDefinition],
    *,
    as_of: int,
    zone: ZoneInfo,
    profiles: Ints | None = None,
    allowed: Sequence[Ints | None] | None = None,
) -> list[Values]:
    """The values of each definition, of the ascending `profiles` or of everybody.

    `allowed[i]`: the ascending profiles that pass the profile filter of `definitions[i]`, None where it has none. Whom
    a filter keeps out has no value; whom it lets in has one even where nothing was counted: readers cannot tell.
    """
    question = _Question(as_of, zone)
    plans = [question.plan(definition) for definition in definitions]
    answers = engine.aggregates(question.specs, as_of, profiles) if question.specs else ()
    whom = [None] * len(plans) if allowed is None else allowed
    return [_filtered(_values(plan, answers, as_of, zone), one, plan) for plan, one in zip(plans, whom, strict=True)]


def _values(plan: _Plan, answers: Sequence[Aggregate], as_of: int, zone: ZoneInfo) -> Values:
    main = [answers[place] for place in plan.main]
    dues = [*_dues(plan, answers, as_of, zone)]
    everybody = _union([*(answer.profile for answer in main), *(profile for profile, _ in dues)])
    due = np.full(len(everybody), ENDLESS, np.int64)
    for profile, when in dues:
        np.minimum.at(due, np.searchsorted(everybody, profile), when)
    foreign = answers[plan.foreign] if plan.foreign is not None else None
    present, column, skipped = _column(plan.definition, main, everybody, zone)
    return Values(
        profile=everybody,
        present=present,
        column=column,
        due=due,
        events=sum((_spread(answer.profile, answer.events, everybody) for answer in main), np.zeros_like(due)),
        skipped=skipped,
        foreign=int(foreign.events.sum()) if foreign else 0,
        currencies=tuple(sorted({str(label) for label in foreign.labels})) if foreign else (),
    )


def _dues(plan: _Plan, answers: Sequence[Aggregate], as_of: int, zone: ZoneInfo) -> list[tuple[Ints, Ints]]:
    found = []
    for part, leaving, waiting in zip(plan.definition.parts, plan.leaving, plan.waiting, strict=True):
        window: Window | None = part.window
        if window is not None and leaving is not None:
            answer = answers[leaving]
            found.append((answer.profile, window.leaves(answer.value, as_of, zone)))
        if window is not None and waiting is not None:
            answer = answers[waiting]
            found.append((answer.profile, window.enters(answer.value, as_of, zone)))
    return found


def _column(
    definition: TraitDefinition, main: Sequence[Aggregate], everybody: Ints, zone: ZoneInfo
) -> tuple[Mask, Column, Ints]:
    """Who has a value, the values, and how many were skipped."""
    if definition.kind == "ratio":
        return _ratio(main[0], main[1], everybody)
    answer = main[0]
    skipped = _spread(answer.profile, answer.skipped, everybody)
    present = _spread(answer.profile, answer.present, everybody).astype(np.bool_)
    value = _spread(answer.profile, answer.value, everybody)
    if definition.calculation and answer.unit != "instant":
        when, is_date = _as_instants(answer, zone)
        missed = _spread(answer.profile, (answer.present & ~is_date).astype(np.int64), everybody)
        return (
            present & _spread(answer.profile, is_date, everybody).astype(np.bool_),
            instants(_spread(answer.profile, when, everybody)),
            skipped + missed,
        )
    if answer.unit == "list":
        assert answer.items is not None
        return present, lists(value, answer.items, answer.labels), skipped
    if answer.unit == "label":
        return present, labels(value, answer.labels), skipped
    makers = {"count": whole, "scaled": scaled, "instant": instants}
    return present, makers[answer.unit](value), skipped


def _ratio(numerator: Aggregate, denominator: Aggregate, everybody: Ints) -> tuple[Mask, Column, Ints]:
    """Millionths, rounded half-even; none where the denominator is empty."""
    top = _spread(numerator.profile, numerator.value, everybody)
    bottom = _spread(denominator.profile, denominator.value, everybody)
    present = bottom > 0
    under = np.where(present, bottom, 1)
    quotient, rest = np.divmod(top * MILLION, under)
    double = 2 * rest
    up = (double > under) | ((double == under) & (quotient % 2 == 1))
    return present, scaled(quotient + up), np.zeros(len(everybody), np.int64)


def _as_instants(answer: Aggregate, zone: tzinfo) -> tuple[Ints, Mask]:
    """Dates in a property: text is read in the workspace's time zone, numbers are Unix times."""
    if answer.unit == "scaled":
        known = [_instant(one, zone) for one in answer.decoded()]
        read, place = known, np.arange(len(known))
    else:
        read, place = [_instant(label, zone) for label in answer.labels], answer.value
    when = np.array([0 if one is None else one for one in read] or [0], np.int64)
    is_date = np.array([one is not None for one in read] or [False], np.bool_)
    return when[place], is_date[place] & answer.present


def _instant(value: Any, zone: tzinfo) -> int | None:
    span = read_span(value, zone)
    return None if span is None else span[0]


def _filtered(values: Values, allowed: Ints | None, plan: _Plan) -> Values:
    if allowed is None:
        return values
    kept = values.only(np.isin(values.profile, allowed, assume_unique=True))
    if nothing_counted(plan.definition) != 0 or plan.definition.kind == "ratio":
        return kept
    return _with_zeros(kept, allowed)


def _with_zeros(values: Values, allowed: Ints) -> Values:
    """Whoever passes the filter and did nothing has 0, which readers cannot tell from not passing."""
    place = np.searchsorted(allowed, values.profile)

    def spread(known: Any, usual: int) -> Any:
        full = np.full(len(allowed), usual, known.dtype)
        full[place] = known
        return full

    return Values(
        profile=allowed,
        present=np.ones(len(allowed), np.bool_),
        column=values.column.spread(place, len(allowed)),
        due=spread(values.due, ENDLESS),
        events=spread(values.events, 0),
        skipped=spread(values.skipped, 0),
        foreign=values.foreign,
        currencies=values.currencies,
    )


def _union(profiles: Sequence[Ints]) -> Ints:
    if len(profiles) == 1:
        return profiles[0]
    first, *others = profiles
    for other in others:
        if len(first) != len(other) or not np.array_equal(first, other):
            first = np.union1d(first, other)
    return first


def _spread(profile: Ints, known: Any, everybody: Ints) -> Any:
    """Per profile of `everybody`, 0 where there is nothing."""
    if profile is everybody:
        return known
    full = np.zeros(len(everybody), np.asarray(known).dtype)
    full[np.searchsorted(everybody, profile)] = known
    return full
