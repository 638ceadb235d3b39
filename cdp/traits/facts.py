"""What a single event says to a trait, by the same law as the engine's: for evidence, and for what expires."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from cdp.definitions.traits import EventPart, TraitDefinition
from cdp.engine.aggregates import MILLION
from cdp.engine.events import ANY_EVENT, TIMESTAMP, EventName, Prefix
from cdp.engine.predicates import exact, holds, is_missing, is_number, look_up, text_of
from cdp.engine.timeline import TimelineEvent
from cdp.traits.questions import fn_of, is_in

LARGEST_NUMBER = 9 * 10**12  # so that its millionths fit 64 bits
MILLIONTH = Decimal("0.000001")
OF_NUMBERS = ("sum", "avg", "min", "max")
Fate = Literal["counted", "foreign"]


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that a part is about. `values` are those that it counts, `skipped` how many are no numbers; of another
    currency than the trait's ("foreign") nothing is taken."""

    event: TimelineEvent
    fate: Fate
    values: list[Any] = field(default_factory=list)
    skipped: int = 0


def facts(
    definition: TraitDefinition, part: EventPart, events: Iterable[TimelineEvent], start: int, end: int, as_of: int
) -> list[Fact]:
    """Of the events in [start, end) up to `as_of` that the part names, in the total order."""
    within = (event for event in events if start <= event.ts < end and event.ts <= as_of)
    meant = (event for event in within if is_meant(part, event, as_of))
    return [_fact(definition, event, as_of) for event in sorted(meant, key=lambda event: event.position)]


def is_meant(part: EventPart, event: TimelineEvent, as_of: int) -> bool:
    if not any(is_named(event.name, name) for name in part.events):
        return False
    return part.predicate is None or holds(part.predicate, event.properties, as_of)


def is_named(event: str, name: EventName) -> bool:
    return event.startswith(name.text) if isinstance(name, Prefix) else name in (event, ANY_EVENT)


def _fact(definition: TraitDefinition, event: TimelineEvent, as_of: int) -> Fact:
    if definition.currency and definition.is_money and not holds(is_in(definition.currency), event.properties, as_of):
        return Fact(event, "foreign")
    if definition.property_name is None:
        return Fact(event, "counted")
    items = [item for item in _items(definition.property_name, event) if not is_missing(item)]
    if fn_of(definition) not in OF_NUMBERS or definition.property_name == TIMESTAMP:
        return Fact(event, "counted", items)
    numbers = [number for number in map(millionths, items) if number is not None]
    return Fact(event, "counted", numbers, len(items) - len(numbers))


def _items(name: str, event: TimelineEvent) -> list[Any]:
    value = event.ts if name == TIMESTAMP else look_up(event.properties, name)
    return value if isinstance(value, list) else [value]


def millionths(value: Any) -> int | None:
    """Of a number or a numeric text, half-even; None for anything else."""
    number = exact(value)
    if number is None or not number.is_finite() or abs(number) >= LARGEST_NUMBER:
        return None
    return int(number.quantize(MILLIONTH, ROUND_HALF_EVEN) * MILLION)


def identity(value: Any) -> str:
    """Equal for values that are one: 1 and 1.0 are, "1" is another."""
    number = exact(value) if is_number(value) else None
    if number is not None:
        return f"number {number.normalize() + 0}"
    return f"{type(value).__name__} {json.dumps(value, sort_keys=True)}"


def text_form(value: Any) -> tuple[str, str]:
    """By which values are ordered: their text, then their type."""
    text, name = text_of(value), identity(value)
    return (name.partition(" ")[2] if text is None else text), name


def plain(value: Any) -> Any:
    """1.0 is written 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
