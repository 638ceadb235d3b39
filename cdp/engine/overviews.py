"""What is there at all: event names and their properties, activity by profile and by day, what is stored."""

from dataclasses import dataclass, field
from typing import Any

from cdp.engine.arrays import Ints


@dataclass(frozen=True)
class PropertySummary:
    """`types` are of number, text, bool, list, object; `samples` the most frequent values."""

    name: str
    count: int
    types: tuple[str, ...]
    samples: tuple[Any, ...]


@dataclass(frozen=True)
class EventSummary:
    name: str
    count: int
    profiles: int
    last_ts: int
    properties: tuple[PropertySummary, ...]


@dataclass(frozen=True)
class Catalog:
    """Event names by falling count, each with its properties by falling count."""

    events: tuple[EventSummary, ...]


@dataclass(frozen=True, eq=False)
class Activity:
    """Everybody who did anything, by ascending profile."""

    profile: Ints
    first_ts: Ints
    last_ts: Ints
    events: Ints


@dataclass(frozen=True, eq=False)
class Daily:
    """One entry for every day of the range, empty days too; `day` is the instant at which it begins."""

    day: Ints
    events: Ints
    profiles: Ints


@dataclass(frozen=True)
class Stored:
    """How much the engine holds: events that count, files, and bytes on disk."""

    events: int
    files: int
    bytes: int
    pending: int = field(default=0)
