"""What expired events had come to for a profile, so that traits of all time survive them.

A state is JSON, and belongs to a profile and to a `key`: traits with the same events, filter, currency, property and
kind of state share it. `folded` takes events into a state, `merged` puts the states of two profiles together when they
become one, and `value_of` says what a state comes to. Whoever folds expired events with those still stored gets what
all of them together would have given: everything that order or frequency decides is in the state.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.aggregates import MILLION
from cdp.engine.events import BEGINNING, ENDLESS, TIMESTAMP
from cdp.engine.predicates import read_span
from cdp.engine.timeline import TimelineEvent
from cdp.traits.facts import OF_NUMBERS, Fact, facts, identity, plain, text_form
from cdp.traits.questions import fn_of
from cdp.traits.stored import iso, number

State = dict[str, Any]
Family = Literal["events", "numbers", "ends", "values"]
LARGEST_SUM = 2**63 - 1  # as in the engine: a sum beyond it is none
ENDS = ("first", "last")


def family_of(definition: TraitDefinition) -> Family:
    fn = fn_of(definition)
    if fn in ENDS or definition.property_name == TIMESTAMP:
        return "ends"
    if fn in OF_NUMBERS:
        return "numbers"
    return "events" if fn == "count" else "values"


def keys(definition: TraitDefinition, zone: ZoneInfo) -> tuple[str | None, ...]:
    """One for each part that counts all time; None for a part that has a window."""
    return tuple(None if part.window else _key(definition, part, zone) for part in definition.parts)


def _key(definition: TraitDefinition, part: EventPart, zone: ZoneInfo) -> str:
    # Dates in filters that name no zone are read in the workspace's.
    currency = definition.currency if definition.is_money else None
    said = [part.event, part.where, zone.key if part.where else None, currency, definition.property_name]
    text = json.dumps([*said, family_of(definition)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def folded(
    definition: TraitDefinition, part: EventPart, state: State | None, events: Iterable[TimelineEvent], as_of: int
) -> State | None:
    """With these events of the profile taken in, each of them once ever; None while there is nothing."""
    for fact in facts(definition, part, events, BEGINNING, ENDLESS, as_of):
        if fact.fate == "counted":
            state = merged(state, _of_fact(family_of(definition), fact))
    return state


def _of_fact(family: Family, fact: Fact) -> State:
    state: State = {"events": 1}
    if family == "numbers":
        state["skipped"] = fact.skipped
        if fact.values:
            low, high = min(fact.values), max(fact.values)
            state |= {"n": len(fact.values), "sum": sum(fact.values), "min": low, "max": high}
    if family == "events":
        state["n"] = len(fact.values)
    if family == "ends" and fact.values:
        position = [*fact.event.position]
        state |= {"n": len(fact.values), "first": [position, plain(fact.values[0])]}
        state["last"] = [position, plain(fact.values[-1])]
    if family == "values":
        state["values"] = _counted(fact)
    return state


def _counted(fact: Fact) -> dict[str, list[Any]]:
    """By identity: how often a value comes, where it came last, and the value."""
    counts: dict[str, list[Any]] = {}
    for place, value in enumerate(fact.values):
        before = counts.get(identity(value), [0])[0]
        counts[identity(value)] = [before + 1, [*fact.event.position, place], plain(value)]
    return counts


def merged(one: State | None, other: State | None) -> State | None:
    """Of both together; they have no event in common."""
    if one is None or other is None:
        return other if one is None else one
    both: State = {}
    for name in one.keys() | other.keys():
        known = [state[name] for state in (one, other) if name in state]
        both[name] = known[0] if len(known) == 1 else _MERGES.get(name, _add)(*known)
    return both


def _add(one: int, other: int) -> int:
    return one + other


def _values_merged(one: Mapping[str, list[Any]], other: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    both = dict(one)
    for name, (count, position, value) in other.items():
        before, last, _ = both.get(name, (0, position, value))
        both[name] = [before + count, max(last, position), value]
    return both


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "min": min,
    "max": max,
    "touch": min,
    "first": lambda one, other: min(one, other, key=lambda end: end[0]),
    "last": lambda one, other: max(one, other, key=lambda end: end[0]),
    "values": _values_merged,
}


def value_of(definition: TraitDefinition, states: Sequence[State | None], zone: ZoneInfo) -> Any:
    """JSON; None where there is no value. One state per part."""
    if definition.kind == "ratio":
        top, bottom = ((state or {}).get("events", 0) for state in states)
        return number(_half_even(top * MILLION, bottom)) if bottom else None
    state = states[0]
    if state is None:
        return None
    fn = fn_of(definition)
    if fn == "count":
        return state["events"] if definition.property_name is None else state.get("n", 0)
    match family_of(definition):
        case "numbers":
            return _number_of(fn, state)
        case "ends":
            return _end_of(definition, fn, state, zone)
    return _of_values(definition, fn, list(state["values"].values()))


def _number_of(fn: str, state: State) -> Any:
    total = state.get("sum", 0)
    if fn in ("sum", "avg") and abs(total) > LARGEST_SUM:
        return None
    if fn == "sum":
        return number(total)
    if not state.get("n"):
        return None
    return number(_half_even(total, state["n"]) if fn == "avg" else state[fn])


def _half_even(total: int, size: int) -> int:
    return int((Decimal(total) / size).quantize(Decimal(1), ROUND_HALF_EVEN))


def _end_of(definition: TraitDefinition, fn: str, state: State, zone: ZoneInfo) -> Any:
    which = {"min": "first", "max": "last"}.get(fn, fn)
    if which not in state:
        return None
    value = state[which][1]
    if definition.property_name == TIMESTAMP:
        return iso(value)
    if definition.calculation is None:
        return value
    span = read_span(value, zone)
    return None if span is None else iso(span[0])


def _of_values(definition: TraitDefinition, fn: str, counted: Sequence[Sequence[Any]]) -> Any:
    if fn == "unique":
        return len(counted)
    if fn == "unique_list":
        return sorted((value for _, _, value in counted), key=text_form) or None
    most = max((count for count, _, _ in counted), default=0)
    tied = [one for one in counted if one[0] == most]
    if not tied or most < definition.min_count:
        return None
    if definition.tie == "most_recent":
        return max(tied, key=lambda one: one[1])[2]
    return min((value for _, _, value in tied), key=text_form)
