"""The oracle of computed traits: one profile after the other, over plain lists, in the most obvious way.

It reads the API's JSON and not what is parsed of it. Numbers are decimals, instants are datetimes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cdp.engine.predicate_grammar import parse_predicate
from cdp.engine.predicates import exact, holds, is_missing, look_up, text_of
from tests.engine.reference import label

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLIONTH = Decimal("0.000001")
LARGEST_NUMBER = 9 * 10**12
DURATIONS = {"D": "days", "H": "hours", "M": "minutes", "S": "seconds"}


@dataclass(frozen=True)
class Event:
    """`received` and `seq` order events of one instant."""

    at: datetime
    name: str
    properties: Mapping[str, Any]
    received: int = 0
    seq: int = 0


@dataclass(frozen=True)
class Came:
    """What a trait of a profile comes to; None when there is no value."""

    value: Any
    events: int = 0
    skipped: int = 0
    foreign: int = 0


def came_to(trait: Mapping[str, Any], events: Sequence[Event], now: datetime, zone: ZoneInfo) -> Came:
    """`events`: all of the profile, in any order, future ones too."""
    now = now.astimezone(UTC)  # between two instants of one local zone Python reckons by its clock on the wall
    history = sorted(events, key=lambda event: (event.at, event.received, event.seq))
    if trait["kind"] == "ratio":
        top, bottom = (meant(trait[part], history, now, zone) for part in ("numerator", "denominator"))
        counted = len(top) + len(bottom)
        return Came(rounded(Decimal(len(top)) / len(bottom)) if bottom else trait.get("default"), counted)
    found = meant(trait, history, now, zone)
    mine = [event for event in found if in_currency(trait.get("currency"), event)]
    items, skipped = items_of(trait, mine)
    value = FUNCTIONS[trait.get("fn") or trait["kind"]](trait, items, mine)
    if value is not None and trait.get("calculation"):
        value = as_instant(value, zone)
        skipped += value is None
    return Came(trait.get("default") if value is None else value, len(mine), skipped, len(found) - len(mine))


def meant(part: Mapping[str, Any], history: Sequence[Event], now: datetime, zone: ZoneInfo) -> list[Event]:
    predicate = parse_predicate(part["where"], zone=zone) if part.get("where") else None
    return [
        event
        for event in history
        if event.at <= now
        and is_named(part["event"], event.name)
        and is_inside(part.get("window"), event.at, now, zone)
        and (predicate is None or holds(predicate, event.properties, micros(now)))
    ]


def micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def is_named(wanted: Any, name: str) -> bool:
    if isinstance(wanted, dict):
        return name.startswith(wanted["prefix"])
    return wanted == "*" or name in ([wanted] if isinstance(wanted, str) else wanted)


def is_inside(window: Mapping[str, Any] | None, at: datetime, now: datetime, zone: ZoneInfo) -> bool:
    match window:
        case None:
            return True
        case {"last": length, "align": "day"}:
            return (now.astimezone(zone).date() - at.astimezone(zone).date()) < span(length)
        case {"last": length}:
            return now - span(length) <= at
        case {"between": [longer, shorter]}:
            return now - span(longer) <= at < now - span(shorter)
        case {"before": length}:
            return at < now - span(length)
        case {"calendar": name}:
            return is_on(name, at.astimezone(zone).date(), now.astimezone(zone).date())
    since, until = window.get("from"), window.get("to")
    return (since is None or instant(since, zone) <= at) and (until is None or at < instant(until, zone))


def span(length: str) -> timedelta:
    """Of one unit: `P30D`, `PT12H`."""
    number, unit = length.lstrip("PT")[:-1], length[-1]
    return timedelta(**{DURATIONS[unit]: int(number)})


def instant(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def is_on(name: str, day: date, today: date) -> bool:
    match name:
        case "today":
            return day == today
        case "yesterday":
            return day == today - timedelta(days=1)
        case "this_week":
            return day.isocalendar()[:2] == today.isocalendar()[:2]
        case "last_week":
            return day.isocalendar()[:2] == (today - timedelta(days=7)).isocalendar()[:2]
        case "this_month":
            return (day.year, day.month) == (today.year, today.month)
        case "last_month":
            before = today.replace(day=1) - timedelta(days=1)
            return (day.year, day.month) == (before.year, before.month)
        case "this_year":
            return day.year == today.year
    return day.year == today.year - 1


def in_currency(currency: str | None, event: Event) -> bool:
    given = event.properties.get("currency")
    return currency is None or is_missing(given) or given in (currency, currency.lower())


def items_of(trait: Mapping[str, Any], events: Sequence[Event]) -> tuple[list[Any], int]:
    """The values that count, in order; and how many are no numbers where numbers are needed."""
    found: list[Any] = []
    skipped = 0
    for event in events:
        name = trait.get("property")
        value = None if name is None else event.at if name == "timestamp" else look_up(event.properties, name)
        for item in value if isinstance(value, list) else [value]:
            if is_missing(item):
                continue
            if trait.get("fn") in ("sum", "avg", "min", "max") and name != "timestamp":
                number = exact(item)
                if number is None or abs(number) >= LARGEST_NUMBER:
                    skipped += 1
                    continue
                item = rounded(number)
            found.append(item)
    return found, skipped


def rounded(number: Decimal) -> Decimal:
    return number.quantize(MILLIONTH, ROUND_HALF_EVEN)


def text_form(value: Any) -> tuple[str, str]:
    text = text_of(value)
    return (label(value).partition(" ")[2] if text is None else text), label(value)


def distinct(items: Sequence[Any]) -> list[Any]:
    return sorted({label(item): item for item in items}.values(), key=text_form)


def most_frequent(trait: Mapping[str, Any], items: Sequence[Any]) -> Any:
    counts = Counter(map(label, items))
    most = max(counts.values(), default=0)
    if not items or most < trait.get("min_count", 1):
        return None
    tied = [item for item in items if counts[label(item)] == most]
    return tied[-1] if trait.get("tie") == "most_recent" else min(tied, key=text_form)


def as_instant(value: Any, zone: ZoneInfo) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return EPOCH + (timedelta(milliseconds=value) if value >= 10**11 else timedelta(seconds=value))
    try:
        return instant(value, zone)
    except (TypeError, ValueError):
        return None


FUNCTIONS: dict[str, Any] = {
    "count": lambda trait, items, events: len(events) if trait.get("property") is None else len(items),
    "sum": lambda trait, items, events: sum(items, Decimal(0)),
    "avg": lambda trait, items, events: rounded(sum(items, Decimal(0)) / len(items)) if items else None,
    "min": lambda trait, items, events: min(items, default=None),
    "max": lambda trait, items, events: max(items, default=None),
    "most_frequent": lambda trait, items, events: most_frequent(trait, items),
    "first": lambda trait, items, events: items[0] if items else None,
    "last": lambda trait, items, events: items[-1] if items else None,
    "unique_count": lambda trait, items, events: len(distinct(items)),
    "unique_list": lambda trait, items, events: distinct(items) or None,
}
