"""Definitions to values: every profile's value of every trait, in one question to the engine.

A value changes without any event when an event falls out of a window, or into one that ends before now, or when its
time comes. `due` says when, so that only these profiles have to be looked at again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.aggregates import MILLION, Aggregate, AggregateSpec
from cdp.engine.arrays import Ints, Mask
from cdp.engine.events import BEGINNING, ENDLESS
from cdp.engine.predicates import Test, read_span
from cdp.traits.questions import CURRENCY, Plan, Question, both, foreign_events
from cdp.traits.stored import Column, instants, labels, lists, number, scaled, whole
from stratum.lib.periods import HOUR

MOST_CURRENCIES = 20  # of other ones that are told apart
OTHERS = "other"


class Asked(Protocol):
    """What evaluation needs of an engine."""

    def aggregates(
        self, specs: Sequence[AggregateSpec], as_of: int, profiles: Ints | None = None
    ) -> tuple[Aggregate, ...]: ...


@dataclass(frozen=True, eq=False)
class Values:
    """Everybody with any of the events, or with something that will change the value later, by ascending `profile`;
    with a profile filter exactly those whom it lets through.

    `present`: whether there is a value; who has none has what `nothing_counted` says. `column` holds them, one per
    profile. `due`: in µs, when it changes next without an event; ENDLESS for never. `events` counted; `skipped`: values
    that are no numbers, or no dates, where these are needed. `currencies`: how many events are left out, by currency.
    """

    profile: Ints
    present: Mask
    column: Column
    due: Ints
    events: Ints
    skipped: Ints
    currencies: Mapping[str, int] = field(default_factory=dict)
    is_filtered: bool = False

    @cached_property
    def value(self) -> list[Any]:
        """As JSON, None where there is none."""
        decoded = self.column.decoded()
        return [one if is_there else None for one, is_there in zip(decoded, self.present.tolist(), strict=True)]

    @property
    def foreign(self) -> int:
        """Events left out for their currency."""
        return sum(self.currencies.values())

    @property
    def to_store(self) -> Mask:
        """Of whom something has to be known: the others are as if they had done nothing."""
        return np.ones(len(self.profile), np.bool_) if self.is_filtered else self.present | (self.due < ENDLESS)

    def json_texts(self, places: Ints | None = None) -> list[str | None]:
        """JSON text of the values, or of those at these places, for writing many."""
        if places is None:
            places = np.arange(len(self.profile))
        return self.column.json_texts(places, self.present[places])

    def only(self, keep: Mask) -> "Values":
        return replace(
            self,
            profile=self.profile[keep],
            present=self.present[keep],
            column=self.column.only(keep),
            due=self.due[keep],
            events=self.events[keep],
            skipped=self.skipped[keep],
        )

    def over(self, everybody: Ints) -> "Values":
        """The same, with a place for each of `everybody`, an ascending superset."""
        return replace(
            self,
            profile=everybody,
            present=_spread(self.profile, self.present, everybody),
            column=self.column.spread(np.searchsorted(everybody, self.profile), len(everybody)),
            due=_spread(self.profile, self.due, everybody, ENDLESS),
            events=_spread(self.profile, self.events, everybody),
            skipped=_spread(self.profile, self.skipped, everybody),
        )


def evaluate(
    engine: Asked,
    definitions: Sequence[TraitDefinition],
    *,
    as_of: int,
    zone: ZoneInfo,
    profiles: Ints | None = None,
    allowed: Sequence[Ints | None] | None = None,
    beginning: int = BEGINNING,
) -> list[Values]:
    """The values of each definition, of the ascending `profiles` or of everybody.

    `allowed[i]`: the ascending profiles that pass the profile filter of `definitions[i]`, None where it has none. All
    time begins at `beginning`: what was before it has expired.
    """
    if not definitions:
        return []
    question = Question(as_of, zone, beginning)
    plans = [question.plan(definition) for definition in definitions]
    now = engine.aggregates(question.now.asked, as_of, profiles)
    ahead = engine.aggregates(question.ahead.asked, ENDLESS, profiles)
    whom = [None] * len(plans) if allowed is None else allowed
    found = [_filtered(_values(plan, now, ahead, as_of, zone), one) for plan, one in zip(plans, whom, strict=True)]
    told = _currencies(engine, plans, now, as_of, zone, profiles)
    return [replace(values, currencies=one) for values, one in zip(found, told, strict=True)]


def _values(plan: Plan, now: Sequence[Aggregate], ahead: Sequence[Aggregate], as_of: int, zone: ZoneInfo) -> Values:
    main = [now[part.main] for part in plan.parts]
    dues = list(_dues(plan, now, ahead, as_of, zone))
    everybody = _union([*(answer.profile for answer in main), *(profile for profile, _ in dues)])
    due = np.full(len(everybody), ENDLESS, np.int64)
    for profile, when in dues:
        place = np.searchsorted(everybody, profile)
        due[place] = np.minimum(due[place], when)
    present, column, skipped = _column(plan.definition, main, everybody, zone)
    events = sum((_spread(answer.profile, answer.events, everybody) for answer in main), np.zeros_like(due))
    return Values(everybody, present, column, due, events, skipped)


def _dues(
    plan: Plan, now: Sequence[Aggregate], ahead: Sequence[Aggregate], as_of: int, zone: ZoneInfo
) -> Iterator[tuple[Ints, Ints]]:
    """Profiles, and when what concerns them happens."""
    for part in plan.parts:
        window = part.part.window
        if window is not None and part.leaving is not None:
            answer = now[part.leaving]
            yield answer.profile, window.leaves(answer.value, as_of, zone)
        if window is not None and part.waiting is not None:
            answer = now[part.waiting]
            yield answer.profile, window.enters(answer.value, as_of, zone)
        if part.clocked is not None:
            # Dates in properties pass at any instant; once an hour is often enough to look.
            profile = now[part.clocked].profile
            yield profile, np.full(len(profile), as_of + HOUR, np.int64)
        coming = ahead[part.ahead]
        yield coming.profile, coming.value


def _column(
    definition: TraitDefinition, main: Sequence[Aggregate], everybody: Ints, zone: ZoneInfo
) -> tuple[Mask, Column, Ints]:
    """Who has a value, the values, and how many were skipped."""
    if definition.kind == "ratio":
        return _ratio(main[0], main[1], everybody)
    (answer,) = main
    present = _spread(answer.profile, answer.present, everybody)
    skipped = _spread(answer.profile, answer.skipped, everybody)
    if definition.calculation and answer.unit != "instant":
        when, is_date = _as_instants(answer, zone)
        missed = (answer.present & ~is_date).astype(np.int64)
        return (
            _spread(answer.profile, is_date, everybody),
            instants(_spread(answer.profile, when, everybody)),
            skipped + _spread(answer.profile, missed, everybody),
        )
    value = _spread(answer.profile, answer.value, everybody)
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
    up = (2 * rest > under) | ((2 * rest == under) & (quotient % 2 == 1))
    return present, scaled(np.where(present, quotient + up, 0)), np.zeros(len(everybody), np.int64)


def _as_instants(answer: Aggregate, zone: ZoneInfo) -> tuple[Ints, Mask]:
    """Dates in a property: text is read in the workspace's time zone, numbers are Unix times."""
    if answer.unit == "label":
        read, place = [_instant(label, zone) for label in answer.labels], answer.value
    else:
        known, place = np.unique(answer.value, return_inverse=True)
        read = [_instant(number(one), zone) for one in known.tolist()]
    when = np.array([0 if one is None else one for one in read] or [0], np.int64)
    is_date = np.array([one is not None for one in read] or [False], np.bool_)
    return when[place], is_date[place] & answer.present


def _instant(value: Any, zone: ZoneInfo) -> int | None:
    span = read_span(value, zone)
    return None if span is None else span[0]


def _filtered(values: Values, allowed: Ints | None) -> Values:
    if allowed is None:
        return values
    kept = values.only(np.isin(values.profile, allowed, assume_unique=True))
    return replace(kept.over(allowed), is_filtered=True)


def _currencies(
    engine: Asked, plans: Sequence[Plan], now: Sequence[Aggregate], as_of: int, zone: ZoneInfo, profiles: Ints | None
) -> list[dict[str, int]]:
    """How many events each definition leaves out, by their currency; only asked where there are any."""
    specs: list[AggregateSpec] = []
    names: list[dict[str, int]] = []
    for plan in plans:
        named: dict[str, int] = {}
        if plan.foreign is not None and len(now[plan.foreign].profile):
            events = foreign_events(plan.definition, as_of, zone)
            assert events is not None
            for label in _labels(now[plan.foreign])[:MOST_CURRENCIES]:
                named[label] = len(specs)
                one = both(events.where, Test(CURRENCY, "eq", label))
                specs.append(AggregateSpec(replace(events, where=one), "count"))
        names.append(named)
    counted = [int(answer.events.sum()) for answer in engine.aggregates(specs, as_of, profiles)] if specs else []
    return [
        _with_others({name: counted[place] for name, place in named.items()}, plan, now)
        for plan, named in zip(plans, names, strict=True)
    ]


def _labels(answer: Aggregate) -> list[str]:
    return sorted({label for label in answer.labels if isinstance(label, str)})


def _with_others(told: dict[str, int], plan: Plan, now: Sequence[Aggregate]) -> dict[str, int]:
    """What is no text, or beyond the number of names, is counted together."""
    if plan.foreign is None:
        return told
    rest = int(now[plan.foreign].events.sum()) - sum(told.values())
    return told | ({OTHERS: rest} if rest > 0 else {})


def _union(profiles: Sequence[Ints]) -> Ints:
    first, *others = profiles
    for other in others:
        if len(other) and not np.array_equal(first, other):
            first = np.union1d(first, other)
    return first


def _spread(profile: Ints, known: Any, everybody: Ints, usual: int = 0) -> Any:
    """Per profile of `everybody`, `usual` where there is nothing."""
    if len(profile) == len(everybody):
        return known
    full = np.full(len(everybody), usual, known.dtype)
    full[np.searchsorted(everybody, profile)] = known
    return full
