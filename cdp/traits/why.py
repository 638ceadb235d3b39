"""The evidence for a value: which events of a profile it is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from cdp.definitions.traits import TraitDefinition
from cdp.engine.events import BEGINNING, ENDLESS, TIMESTAMP
from cdp.engine.timeline import TimelineEvent
from cdp.traits.facts import OF_NUMBERS, Fact, Fate, facts, identity, text_form
from cdp.traits.questions import fn_of
from cdp.traits.stored import iso, number


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that the trait is about. `part` is 0, or 1 for the denominator of a ratio.

    `fate`: counted, or foreign for another currency. `values`: what it gives, as JSON; `skipped`: how many of its
    values are no numbers. `makes`: whether the value is made of it, or is its value.
    """

    event: TimelineEvent
    part: int
    fate: Fate
    values: tuple[Any, ...]
    skipped: int
    makes: bool


def why(
    definition: TraitDefinition, events: Iterable[TimelineEvent], *, as_of: int, zone: ZoneInfo
) -> tuple[Evidence, ...]:
    """Of all events of one profile those that matter, newest first."""
    known = list(events)
    found: list[Evidence] = []
    for place, part in enumerate(definition.parts):
        start, end = part.window.bounds(as_of, zone) if part.window else (BEGINNING, ENDLESS)
        told = facts(definition, part, known, start, end, as_of)
        makers = _makers(definition, told)
        found += [_evidence(definition, fact, place, fact.event.seq in makers) for fact in told]
    return tuple(sorted(found, key=lambda one: one.event.position, reverse=True))


def _evidence(definition: TraitDefinition, fact: Fact, part: int, makes: bool) -> Evidence:
    return Evidence(fact.event, part, fact.fate, _values(definition, fact.values), fact.skipped, makes)


def _values(definition: TraitDefinition, values: Sequence[Any]) -> tuple[Any, ...]:
    if definition.property_name == TIMESTAMP:
        return tuple(iso(one) for one in values)
    return tuple(map(number, values)) if fn_of(definition) in OF_NUMBERS else tuple(values)


def _makers(definition: TraitDefinition, told: Sequence[Fact]) -> set[int]:
    """Sequence numbers of the events that make the value."""
    counted = [fact for fact in told if fact.fate == "counted"]
    if definition.property_name is None:
        return {fact.event.seq for fact in counted}
    giving = [fact for fact in counted if fact.values]
    fn = fn_of(definition)
    if fn in ("first", "last"):
        return {fact.event.seq for fact in (giving[:1] if fn == "first" else giving[-1:])}
    if fn in ("min", "max") and giving:
        best = (min if fn == "min" else max)(value for fact in giving for value in fact.values)
        return {fact.event.seq for fact in giving if best in fact.values}
    if fn == "mode":
        return _of_most_frequent(definition, giving)
    return {fact.event.seq for fact in giving}


def _of_most_frequent(definition: TraitDefinition, giving: Sequence[Fact]) -> set[int]:
    holders: dict[str, list[tuple[int, Fact, Any]]] = {}
    pairs = ((fact, value) for fact in giving for value in fact.values)
    for place, (fact, value) in enumerate(pairs):
        holders.setdefault(identity(value), []).append((place, fact, value))
    most = max(map(len, holders.values()), default=0)
    if most < definition.min_count:
        return set()
    tied = [held for held in holders.values() if len(held) == most]
    if definition.tie == "most_recent":
        winner = max(tied, key=lambda held: held[-1][0])
    else:
        winner = min(tied, key=lambda held: text_form(held[0][2]))
    return {fact.event.seq for _, fact, _ in winner}
