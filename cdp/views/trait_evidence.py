"""The events that made a value, as lines a person reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cdp.definitions.traits import TraitDefinition
from cdp.queries.trait_why import CountedEvent
from cdp.views import trait_words as words

PARTS = {"numerator": "counted", "denominator": "divided by"}


@dataclass(frozen=True, slots=True)
class EventLine:
    """`note` says what about it is special: that the value is this event's, or why it was left out."""

    id: int
    name: str
    at: datetime
    value: str
    note: str
    is_skipped: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The latest of `total` events."""

    lines: tuple[EventLine, ...]
    total: int

    @property
    def words(self) -> str:
        if not self.total:
            return "No event counted"
        return f"{self.total:,} event{'' if self.total == 1 else 's'} counted"

    @property
    def beyond(self) -> int:
        """Counted events that are not listed."""
        return max(self.total - sum(not line.is_skipped for line in self.lines), 0)


def evidence(events: Sequence[CountedEvent], total: int, definition: TraitDefinition, zone: ZoneInfo) -> Evidence:
    return Evidence(tuple(_line(event, definition, zone) for event in events), total)


def _line(event: CountedEvent, definition: TraitDefinition, zone: ZoneInfo) -> EventLine:
    takes_value = definition.property_name is not None and definition.property_name != "timestamp"
    note = event.skipped or ("the value" if event.gave_value else PARTS.get(event.part, ""))
    return EventLine(
        id=event.id,
        name=event.name,
        at=event.timestamp,
        value=_taken(event, definition, zone) if takes_value else "",
        note=note,
        is_skipped=bool(event.skipped),
    )


def _taken(event: CountedEvent, definition: TraitDefinition, zone: ZoneInfo) -> str:
    """The property as the event has it: numbers with their currency, never as the days a calculation makes of it."""
    if event.value is None:
        return "no value"
    if isinstance(event.value, int | float) and not isinstance(event.value, bool):
        number = words.plain(event.value)
        return f"{number} {definition.currency}" if definition.currency and not event.skipped else number
    return words.value(definition, event.value, zone)
