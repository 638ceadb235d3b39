"""The oracle's aggregates: one profile after the other, over plain lists."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.events import ANY_EVENT, TIMESTAMP, EventName, Events, Prefix
from cdp.engine.predicates import Others, exact, holds, is_missing, look_up, nothing, text_of
from cdp.engine.timeline import TimelineEvent
from tests.engine.reference import Reference, label

MILLIONTH = Decimal("0.000001")
LARGEST_NUMBER = 9 * 10**12
LARGEST_SUM = 2**63


@dataclass(frozen=True)
class Came:
    """What an aggregate of one profile came to; `value` None when there is none."""

    value: Any
    events: int
    skipped: int = 0
    ts: int | None = None


@dataclass
class Values:
    """The values that count, in the order of the events, with the time of each; and how many were skipped."""

    found: list[tuple[Any, int]] = field(default_factory=list)
    skipped: int = 0


def names_match(names: Iterable[EventName], name: str) -> bool:
    return any(name.startswith(one.text) if isinstance(one, Prefix) else one in (ANY_EVENT, name) for one in names)


def matches(events: Events, event: TimelineEvent, as_of: int, others: Others = nothing) -> bool:
    return (
        names_match(events.names, event.name)
        and events.start <= event.ts < events.end
        and (events.where is None or holds(events.where, event.properties, as_of, others))
    )


def histories(reference: Reference, as_of: int, profiles: Sequence[int] | None) -> dict[int, list[TimelineEvent]]:
    """By profile, ascending; the events in their total order."""
    found: dict[int, list[TimelineEvent]] = {}
    for owner, event in reference.counting(as_of):
        if profiles is None or owner in profiles:
            found.setdefault(owner, []).append(event)
    return dict(sorted(found.items()))


def aggregate(
    reference: Reference, spec: AggregateSpec, as_of: int, profiles: Sequence[int] | None = None
) -> dict[int, Came]:
    answers = {}
    for profile, history in histories(reference, as_of, profiles).items():
        events = [event for event in history if matches(spec.events, event, as_of)]
        if events:
            answers[profile] = came_to(spec, events)
    return answers


def came_to(spec: AggregateSpec, events: list[TimelineEvent]) -> Came:
    if spec.property is None:
        return Came(len(events), len(events))
    values = values_of(spec, events)
    if spec.fn in ("first", "last"):
        if not values.found:
            return Came(None, len(events))
        value, ts = values.found[0 if spec.fn == "first" else -1]
        return Came(value, len(events), ts=ts)
    return Came(FUNCTIONS[spec.fn](spec, [value for value, _ in values.found]), len(events), values.skipped)


def values_of(spec: AggregateSpec, events: list[TimelineEvent]) -> Values:
    values = Values()
    for event in events:
        value = event.ts if spec.property == TIMESTAMP else look_up(event.properties, str(spec.property))
        for item in value if isinstance(value, list) else [value]:
            if is_missing(item):
                continue
            if spec.fn not in ("sum", "avg", "min", "max") or spec.property == TIMESTAMP:
                values.found.append((item, event.ts))
            elif (number := counted(item)) is not None:
                values.found.append((number, event.ts))
            else:
                values.skipped += 1
    return values


def counted(item: Any) -> Decimal | None:
    number = exact(item)
    if number is None or not number.is_finite() or abs(number) >= LARGEST_NUMBER:
        return None
    return rounded(number)


def rounded(number: Decimal) -> Decimal:
    return number.quantize(MILLIONTH, ROUND_HALF_EVEN)


def total(spec: AggregateSpec, values: list[Decimal]) -> Decimal | None:
    found = sum(values, Decimal(0))
    return found if abs(found) * 10**6 < LARGEST_SUM else None


def average(spec: AggregateSpec, values: list[Decimal]) -> Decimal | None:
    found = total(spec, values)
    return None if not values or found is None else rounded(found / len(values))


def text_form(value: Any) -> tuple[str, str]:
    """Values by their text; those with one text, like 1 and "1", by their type."""
    text = text_of(value)
    return (label(value).partition(" ")[2] if text is None else text), label(value)


def distinct(values: list[Any]) -> list[Any]:
    return sorted({label(value): value for value in values}.values(), key=text_form)


def most_frequent(spec: AggregateSpec, values: list[Any]) -> Any:
    counts = Counter(map(label, values))
    if not counts or max(counts.values()) < spec.min_count:
        return None
    tied = [value for value in values if counts[label(value)] == max(counts.values())]
    return tied[-1] if spec.tie == "most_recent" else min(tied, key=text_form)


FUNCTIONS: dict[str, Any] = {
    "count": lambda spec, values: len(values),
    "sum": total,
    "avg": average,
    "min": lambda spec, values: min(values, default=None),
    "max": lambda spec, values: max(values, default=None),
    "mode": most_frequent,
    "unique": lambda spec, values: len(distinct(values)),
    "unique_list": lambda spec, values: distinct(values),
}
