"""A trait told in few words, asked of the evaluation and of the oracle, which have to agree."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition, parse_trait
from cdp.engine.batches import EventBatch
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.events import ENDLESS
from cdp.traits.evaluation import Values, evaluate
from cdp.traits.shown import nothing_counted
from stratum.lib import clock
from tests.cdp.traits.reference import Event, came_to
from tests.engine.reference import label

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 7, 31, 12, tzinfo=BERLIN)
ANNA = 7


def days_ago(days: float, **more: float) -> datetime:
    return NOON - timedelta(days=days, **more)


def bought(at: datetime, name: str = "purchase", **properties: Any) -> Event:
    return Event(at, name, properties)


def spent(*values: Any, **more: Any) -> list[Event]:
    """A purchase a minute, the last one a minute ago."""
    return [
        bought(NOON - timedelta(minutes=len(values) - place), revenue=value, **more)
        for place, value in enumerate(values)
    ]


def trait(**body: Any) -> dict[str, Any]:
    """Of purchases, unless it says otherwise; a count, unless it says otherwise."""
    usual = {} if body.get("kind") == "ratio" else {"event": "purchase"}
    kind = (
        {} if "kind" in body else {"kind": "aggregation", "fn": "count"} | ({"fn": body["fn"]} if "fn" in body else {})
    )
    return {"name": "some_trait", **kind, **usual, **body}


def definition(body: Mapping[str, Any], zone: ZoneInfo = BERLIN) -> TraitDefinition:
    return parse_trait(body, zone=zone)


numbers = itertools.count(1)


def batch(events: Iterable[tuple[int, Event]]) -> EventBatch:
    rows = list(events)
    micros = [clock.to_micros(event.at) for _, event in rows]
    return EventBatch(
        seq=np.array([event.seq or next(numbers) for _, event in rows], np.int64),
        profile=np.array([profile for profile, _ in rows], np.int64),
        ts=np.array(micros, np.int64),
        received=np.array([event.received for _, event in rows], np.int64),
        name=[event.name for _, event in rows],
        kind=np.zeros(len(rows), np.uint8),
        properties=[dict(event.properties) for _, event in rows],
    )


class Story:
    """The history of one profile."""

    def __init__(self, folder: Path) -> None:
        self.engine = ColumnarEngine(folder / "engine")
        self.events: list[Event] = []

    def happen(self, *events: Event) -> None:
        named = [Event(one.at, one.name, one.properties, one.received, next(numbers)) for one in events]
        self.events += named
        with self.engine.writing(1) as writer:
            writer.append(batch((ANNA, event) for event in named))
            writer.commit({})

    def values(self, body: Mapping[str, Any], now: datetime = NOON, zone: ZoneInfo = BERLIN) -> Values:
        (found,) = evaluate(self.engine, [definition(body, zone)], as_of=clock.to_micros(now), zone=zone)
        return found

    def value(self, body: Mapping[str, Any], now: datetime = NOON, zone: ZoneInfo = BERLIN) -> Any:
        """As JSON; the oracle has come to the same."""
        values = self.values(body, now, zone)
        ours = value_of(values, definition(body, zone), ANNA)
        theirs = came_to(body, self.events, now, zone)
        assert labels_of(ours) == labels_of(as_json(theirs.value)), (ours, theirs)
        assert counts_of(values, ANNA) == (theirs.events, theirs.skipped, theirs.foreign)
        return ours

    def due(self, body: Mapping[str, Any], now: datetime = NOON, zone: ZoneInfo = BERLIN) -> datetime | None:
        return due_of(self.values(body, now, zone), ANNA)


def value_of(values: Values, of: TraitDefinition, profile: int) -> Any:
    place = values.profile.tolist().index(profile) if profile in values.profile else None
    if place is None or not values.present[place]:
        return nothing_counted(of)
    return values.value[place]


def counts_of(values: Values, profile: int) -> tuple[int, int, int]:
    """Events, skipped values, and events in another currency (of everybody)."""
    mine = values.profile == profile
    return int(values.events[mine].sum()), int(values.skipped[mine].sum()), values.foreign


def due_of(values: Values, profile: int) -> datetime | None:
    due = [one for one in values.due[values.profile == profile].tolist() if one < ENDLESS]
    return clock.from_micros(due[0]) if due else None


def labels_of(value: Any) -> Any:
    """Equal for values that are one, such as 1 and 1.0."""
    return [label(one) for one in value] if isinstance(value, list) else label(value)


def as_json(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return clock.from_micros(clock.to_micros(value)).isoformat().replace("+00:00", "Z")
        case list():
            return [as_json(one) for one in value]
    return value
