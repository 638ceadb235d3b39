"""What a trait would say, before it is saved: the very computation, looked at instead of stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cdp.definitions.traits import TraitDefinition
from cdp.engine.aggregates import MILLION, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import ANY_EVENT, TIMESTAMP, Events
from cdp.queries import arrays, profiles, served_traits, trait_outcomes
from cdp.queries import trait_distribution as distributions
from cdp.queries.engine import answering, fresh_engine
from cdp.queries.served_traits import Served
from cdp.queries.trait_distribution import Distribution
from cdp.queries.trait_why import CountedEvent, explained
from cdp.queries.traits import zone_of
from cdp.traits.evaluation import Values
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace

FEATURE = "computed_traits"
UNNAMED = "unnamed"
SAMPLED = 5  # profiles with their events
SHOWN = 10  # events of each
MOST_COMPARED = 20_000  # profiles; of more, as many evenly spaced ones are looked at
SECOND, DAY, HOUR = 1_000_000, 86_400_000_000, 3_600_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A profile with a value, and the latest of the events that made it."""

    profile: int
    name: str
    value: Any
    events_counted: int
    events: tuple[CountedEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`profiles` are the live ones, `with_value` those of whom something was counted.

    `skipped_currencies`: events left out, by currency. `would_change`: profiles whose value would be another one than
    what is served now; where `would_change_of` is not None, an estimate from so many.
    """

    definition: TraitDefinition
    as_of: datetime
    profiles: int
    with_value: int
    distribution: Distribution
    skipped_values: int
    skipped_currencies: Mapping[str, int]
    would_change: int
    would_change_of: int | None
    sample: tuple[Sample, ...]
    warnings: tuple[Fault, ...]


def named(body: object) -> object:
    """A trait may be previewed before it has a name."""
    if isinstance(body, Mapping) and body.get("name") in (None, ""):
        return {**body, "name": UNNAMED}
    return body


def preview(workspace: Workspace, definition: TraitDefinition, *, now: datetime) -> Preview:
    """Raises Refusal."""
    limits.require_feature(workspace, FEATURE)
    as_of, zone = clock.to_micros(now), zone_of(workspace)
    with answering():
        engine = fresh_engine(workspace)
        (values,) = trait_outcomes.values(workspace, engine, [definition], now=now)
        changed, compared = _changes(workspace, definition, values)
        return Preview(
            definition=definition,
            as_of=now,
            profiles=profiles.live(workspace).count(),
            with_value=int(values.present.sum()),
            distribution=spread(definition, values, now=now, zone=zone),
            skipped_values=int(values.skipped.sum()),
            skipped_currencies=values.currencies,
            would_change=changed,
            would_change_of=compared,
            sample=tuple(_sample(workspace, engine, definition, values, now)),
            warnings=tuple(_warnings(engine, definition, as_of)),
        )


def _is_number(definition: TraitDefinition) -> bool:
    return definition.kind in ("aggregation", "unique_count", "ratio") and definition.property_name != TIMESTAMP


def spread(definition: TraitDefinition, values: Values, *, now: datetime, zone: ZoneInfo) -> Distribution:
    """Of the profiles with a value."""
    column = values.column.only(values.present)
    if column.form == "instant":
        return _spread_instants(definition, column.value, clock.to_micros(now), zone)
    if column.form in ("whole", "scaled"):
        return distributions.of_numbers(column.value / (MILLION if column.form == "scaled" else 1))
    if _is_number(definition):  # together with what expired events came to
        return distributions.of_numbers(np.array([column.known[place] for place in column.value.tolist()], np.float64))
    places = column.value if column.items is None else column.items
    counts = np.bincount(places, minlength=len(column.known)).tolist()
    counted = [(value, count) for value, count in zip(column.known, counts, strict=True) if count]
    return distributions.of_values(counted, len(column.value))


def _spread_instants(definition: TraitDefinition, value: Ints, now: int, zone: ZoneInfo) -> Distribution:
    if definition.calculation is None:
        return distributions.of_instants(value, zone)
    if definition.calculation == "HOURS_SINCE":
        return distributions.of_numbers(((now - value) // HOUR).astype(np.float64))
    return distributions.of_numbers(_days_since(value, now, zone).astype(np.float64))


def _days_since(value: Ints, now: int, zone: ZoneInfo) -> Ints:
    """Calendar days. The zone's offset is looked up once for each hour that anything happened in."""
    hours, place = np.unique(value // HOUR, return_inverse=True)
    offsets = np.array([_offset(hour * HOUR, zone) for hour in hours.tolist()], np.int64)
    days: Ints = (now + _offset(now, zone)) // DAY - (value + offsets[place]) // DAY
    return days


def _offset(micros: int, zone: ZoneInfo) -> int:
    offset = clock.from_micros(micros).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * SECOND


# What would be another value than now


def _changes(workspace: Workspace, definition: TraitDefinition, values: Values) -> tuple[int, int | None]:
    """How many, and from how many compared ones that is estimated, None where all were."""
    found = served_traits.serving(workspace, [definition.name])
    if not found:
        return int(values.present.sum()), None
    stored = _stored_profiles(found[0])
    everybody = np.union1d(values.profile[values.present], stored)
    some = evenly(everybody, MOST_COMPARED)
    different = _different(found[0], values, some)
    if len(some) == len(everybody):
        return different, None
    return round(different / len(some) * len(everybody)), len(some)


def evenly(profile: Ints, most: int) -> Ints:
    """All of them, or so many with equal steps between."""
    if len(profile) <= most:
        return profile
    return profile[np.linspace(0, len(profile) - 1, most).astype(np.int64)]


def _stored_profiles(served: Served) -> Ints:
    with raw_cursor() as cursor:
        cursor.execute(_STORED, [served.version_id], binary=True)
        (sent,) = cursor.fetchone() or (None,)
    return np.sort(arrays.received(sent))


_STORED = "SELECT array_send(array_agg(profile_id)) FROM cdp_traitvalue WHERE version_id = %s AND value IS NOT NULL"


def _different(served: Served, values: Values, some: Ints) -> int:
    """Compared by the database, which knows when two JSON values are one."""
    place = np.searchsorted(values.profile, some).clip(max=max(len(values.profile) - 1, 0))
    known = values.profile[place] == some if len(values.profile) else np.zeros(len(some), np.bool_)
    texts: list[str | None] = [None] * len(some)
    for at, text in zip(np.flatnonzero(known).tolist(), values.json_texts(place[known]), strict=True):
        texts[at] = text
    with raw_cursor() as cursor:
        cursor.execute(_DIFFERENT, [arrays.literal(some), texts, served.version_id])
        return int((cursor.fetchone() or (0,))[0])


_DIFFERENT = """
SELECT count(*) FROM unnest(%s::bigint[], %s::text[]) AS n(profile_id, value)
LEFT JOIN cdp_traitvalue v ON v.version_id = %s AND v.profile_id = n.profile_id
WHERE v.value IS DISTINCT FROM n.value::jsonb
"""


# Whose values they are


def _sample(
    workspace: Workspace, engine: Engine, definition: TraitDefinition, values: Values, now: datetime
) -> Iterator[Sample]:
    keys = evenly(values.profile[values.present], SAMPLED).tolist()
    called = profiles.names(workspace, keys)
    for key in keys:
        value, counted, events = explained(workspace, engine, definition, key, now=now)
        yield Sample(key, called.get(key, f"Visitor {key}"), value, counted, events[:SHOWN])


# What is allowed, but perhaps not meant


def warnings(workspace: Workspace, definition: TraitDefinition, *, now: datetime) -> list[Fault]:
    """Raises Refusal."""
    with answering():
        return list(_warnings(fresh_engine(workspace), definition, clock.to_micros(now)))


def _warnings(engine: Engine, definition: TraitDefinition, as_of: int) -> Iterator[Fault]:
    """Events that never came, and a property that none of those which came has."""
    pointers = ("/numerator/event", "/denominator/event") if definition.kind == "ratio" else ("/event",)
    unseen = 0
    for part, pointer in zip(definition.parts, pointers, strict=True):
        asked = [name for name in part.events if name != ANY_EVENT]
        specs = [AggregateSpec(Events((name,)), "count") for name in asked]
        for event, answer in zip(asked, engine.aggregates(specs, as_of) if specs else (), strict=True):
            if not len(answer.profile):
                unseen += 1
                yield Fault(pointer, _never_came(event), "unknown_event")
    name = definition.property_name
    if name is None or name == TIMESTAMP or unseen == len(definition.part.events):
        return
    (answer,) = engine.aggregates([AggregateSpec(Events(definition.part.events), "count", name)], as_of)
    if not answer.value.any():
        sentence = f"None of these events has the property “{name}” so far. Check how it is spelled."
        yield Fault("/property", sentence, "unknown_property")


def _never_came(name: object) -> str:
    if isinstance(name, str):
        return f"The event “{name}” was never received. Check how it is spelled."
    return f"No event whose name begins with “{getattr(name, 'text', '')}” was ever received."
