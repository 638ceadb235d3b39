"""Computed traits and their values as people read them. The values themselves come ready from queries."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from cdp.definitions.traits import TraitDefinition
from cdp.models import Trait
from cdp.views.funnel_words import percent

MOST_ITEMS = 8  # of a list on one line

DEFINITIONS = {
    "coverage": "Profiles that have a value, of all profiles of the workspace.",
    "would_change": "Profiles whose value would be another one than it is now.",
    "skipped": "Values that were left out because they are no numbers, or in another currency.",
    "used_by": "Segments, traits and syncs that ask for this trait. While there are any, it cannot be deleted.",
    "last_run": "When values were last computed or brought up to date.",
}
FREQUENCIES = (
    ("realtime", "Real-time: within seconds of every event"),
    ("hourly", "Hourly"),
    ("daily", "Daily"),
)
FREQUENCY_WORDS = {"realtime": "Real-time", "hourly": "Hourly", "daily": "Daily"}


@dataclass(frozen=True, slots=True)
class Status:
    """A badge: never told by colour alone."""

    word: str
    icon: str
    tone: str
    title: str


STATUSES: Mapping[str, Status] = {
    Trait.Status.DRAFT: Status("Draft", "pencil", "neutral", "Not computed yet. It takes no place in the plan."),
    Trait.Status.PREPARING: Status("Preparing", "hourglass", "info", "Its first values wait for a worker."),
    Trait.Status.COMPUTING: Status("Computing", "refresh", "info", "Its first values are being computed."),
    Trait.Status.LIVE: Status("Live", "circle-check", "ok", "Its values are kept up to date."),
    Trait.Status.FAILED: Status("Failed", "alert-circle", "danger", "The last computation did not succeed."),
    Trait.Status.DISABLED: Status("Disabled", "player-pause", "neutral", "Nobody sees its values."),
}


@dataclass(frozen=True, slots=True)
class TypeCard:
    """A trait type of the builder, as the tutorial explains it."""

    value: str
    title: str
    description: str
    example: str
    icon: str


TYPES = (
    TypeCard("aggregation", "Aggregation", "Sum, count, average", "Total purchases", "math-function"),
    TypeCard("most_frequent", "Most Frequent", "Mode value", "Favorite category", "star"),
    TypeCard("first_last", "First/Last", "Temporal value", "First purchase date", "history"),
    TypeCard("unique_count", "Unique Count", "Distinct values", "Products viewed", "tags"),
    TypeCard("unique_list", "Unique List", "The distinct values", "Brands bought", "list-check"),
    TypeCard("ratio", "Ratio", "One count by another", "E-mail open rate", "chart-pie"),
)
FUNCTIONS = (
    ("sum", "SUM: all values added up"),
    ("count", "COUNT: how many events"),
    ("avg", "AVG: the average value"),
    ("min", "MIN: the smallest value"),
    ("max", "MAX: the largest value"),
)
KINDS = {
    "most_frequent": "Most Frequent",
    "first": "First",
    "last": "Last",
    "unique_count": "Unique Count",
    "unique_list": "Unique List",
    "ratio": "Ratio",
}
CALCULATIONS = (
    ("", "The value itself"),
    ("DAYS_SINCE", "DAYS_SINCE: days from it until now"),
    ("HOURS_SINCE", "HOURS_SINCE: hours from it until now"),
)
TIES = (("alphabetical", "The first by alphabet"), ("most_recent", "The one seen last"))
SINCE = {"DAYS_SINCE": ("day", "days"), "HOURS_SINCE": ("hour", "hours")}


def title(trait: Trait) -> str:
    return trait.label or trait.name


def kind(definition: Mapping[str, Any]) -> str:
    """`Aggregation (SUM)`, `Most Frequent`; of a definition as stored."""
    if definition["kind"] == "aggregation":
        return f"Aggregation ({str(definition.get('fn')).upper()})"
    return KINDS[str(definition["kind"])]


def value(definition: TraitDefinition, shown: Any, zone: ZoneInfo) -> str:
    """One value as the queries show it: dates as dates, money with its currency, shares in percent."""
    if shown is None:
        return "–"
    if isinstance(shown, bool):
        return "true" if shown else "false"
    if isinstance(shown, int | float | Decimal):
        return _number(definition, shown)
    if isinstance(shown, datetime):
        return moment(shown, zone)
    if isinstance(shown, list | tuple):
        return _list(definition, shown, zone)
    if isinstance(shown, str):
        return _text(definition, shown, zone)
    return json.dumps(shown, ensure_ascii=False)


def _number(definition: TraitDefinition, number: float | Decimal) -> str:
    if definition.calculation in SINCE:
        one, many = SINCE[definition.calculation]
        return f"{number:,} {one if number == 1 else many}"
    if definition.kind == "ratio":
        return percent(float(number))
    if definition.currency:
        return f"{number:,.2f} {definition.currency}"
    return plain(number)


def plain(number: float | Decimal) -> str:
    """Grouped by thousands, without zeros behind the point."""
    try:
        text = f"{Decimal(str(number)):,f}"
    except InvalidOperation:
        return str(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(definition: TraitDefinition, text: str, zone: ZoneInfo) -> str:
    if definition.property_name == "timestamp" and definition.kind not in {"unique_count", "ratio"}:
        try:
            return moment(datetime.fromisoformat(text), zone)
        except ValueError:
            return text
    return text


def _list(definition: TraitDefinition, items: Any, zone: ZoneInfo) -> str:
    told = ", ".join(value(definition, item, zone) for item in items[:MOST_ITEMS])
    beyond = len(items) - MOST_ITEMS
    return f"{told} and {beyond} more" if beyond > 0 else told


def moment(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%-d %b %Y, %H:%M}"


def coverage(with_value: int | None, profiles: int | None) -> str:
    """Of a trait that was computed; empty else."""
    if with_value is None or profiles is None:
        return ""
    return percent(with_value / profiles) if profiles else "0%"
