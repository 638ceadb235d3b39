"""What there is: event names with their properties, who was active when, events per day, one profile's history."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cdp.engine.clickhouse.properties import every_property
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.clickhouse.values import from_text
from cdp.engine.events import ENDLESS
from cdp.engine.overviews import FACTORS, Activity, Catalog, Census, Daily, EventSummary, PropertySummary
from cdp.engine.predicates import text_of
from cdp.engine.timeline import AttributeValue, Position, TimelineEvent

DAY = 86_400_000_000
SAMPLES = 5
SAMPLED_ROWS = 20_000
FIRST_LETTERS = {'"': "text", "[": "list", "{": "object", "t": "bool", "f": "bool"}


def catalog(server: Server, head: Head, since: int, as_of: int) -> Catalog:
    def ask(name: str, **more: int) -> Sequence[Sequence[Any]]:
        asked = head.question(name, as_of)
        asked.parts["names"], asked.parts["texts"] = every_property(asked)
        asked.parameters |= {"since": since, **more}
        return server.rows(asked.text, asked.parameters)

    samples: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for name, key, value, count in ask("catalog_samples", rows=SAMPLED_ROWS, samples=4 * SAMPLES):
        samples.setdefault((name, key), []).append((count, from_text(value)))
    properties: dict[str, list[PropertySummary]] = {}
    for name, key, count, letters in ask("catalog_properties"):
        types = tuple(sorted({FIRST_LETTERS.get(letter, "number") for letter in letters}))
        summary = PropertySummary(key, count, types, most_frequent(samples.get((name, key), [])))
        properties.setdefault(name, []).append(summary)
    return Catalog(
        tuple(
            EventSummary(name, count, profiles, last_ts, tuple(properties.get(name, ())))
            for name, count, profiles, last_ts in ask("catalog_events")
        )
    )


def most_frequent(found: list[tuple[int, Any]]) -> tuple[Any, ...]:
    ordered = sorted(found, key=lambda one: (-one[0], text_of(one[1]) or ""))
    return tuple(value for _, value in ordered[:SAMPLES])


def activity(server: Server, head: Head, as_of: int) -> Activity:
    asked = head.question("activity", as_of)
    return Activity(*server.columns(asked.text, asked.parameters))


def daily(server: Server, head: Head, start: int, end: int, as_of: int, offset: int) -> Daily:
    first, last = (start + offset) // DAY, -(-(end + offset) // DAY)
    days = np.arange(first, last)
    asked = head.question("daily", as_of)
    asked.parameters |= {"offset": offset, "first": first * DAY, "start": start, "end": end}
    place, events, profiles = server.columns(asked.text, asked.parameters)
    counted = np.zeros((2, len(days)), np.int64)
    counted[:, place] = events, profiles
    return Daily(days * DAY - offset, *counted)


def census(server: Server, head: Head, as_of: int) -> Census:
    asked = head.question("census", as_of)
    asked.parameters |= {f"factor{place}": factor for place, factor in enumerate(FACTORS)}
    return Census(
        {(name, day): (events, marks) for name, day, events, marks in server.rows(asked.text, asked.parameters)}
    )


def owner(server: Server, head: Head, profile: int) -> int:
    """At the end of the profile's merges."""
    while True:
        asked = Statement("owner", head.parameters | {"profile": profile}, committed=head.committed)
        rows = server.rows(asked.text, asked.parameters)
        if not rows or rows[0][0] == profile:
            return profile
        profile = rows[0][0]


def timeline(
    server: Server, head: Head, profile: int, as_of: int, limit: int, before: Position | None
) -> tuple[TimelineEvent, ...]:
    found = owner(server, head, profile)
    ts, received, seq = before or (ENDLESS, 0, 0)
    asked = head.question("timeline", as_of)
    asked.parts["names"], asked.parts["texts"] = every_property(asked)
    asked.parameters |= {"profile": found, "ts": ts, "received": received, "seq": seq, "limit": limit}
    return tuple(
        TimelineEvent(seq, found, ts, received, name, kind, properties_of(names, texts))
        for seq, ts, received, name, kind, names, texts in server.rows(asked.text, asked.parameters)
    )


def properties_of(names: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    return {name: from_text(text) for name, text in zip(names, texts, strict=True) if text}


def attributes(server: Server, head: Head, profile: int) -> dict[str, tuple[AttributeValue, ...]]:
    asked = head.about_attributes("attributes")
    asked.parameters |= {"profile": owner(server, head, profile)}
    found: dict[str, list[AttributeValue]] = {}
    for name, ts, value in server.rows(asked.text, asked.parameters):
        found.setdefault(name, []).append(AttributeValue(ts, from_text(value)))
    return {name: tuple(values) for name, values in found.items()}
