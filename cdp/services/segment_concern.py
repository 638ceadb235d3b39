"""Whom a segment has to be decided for again: those whom events, changes and the passing of time concern."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cdp.definitions.conditions import Condition, Held, OfEvents, ProfileCondition, event_names, leaves
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import ANY_EVENT, EventName, Events, is_named
from cdp.models import Segment
from cdp.queries import segment_uses
from cdp.queries.arrays import NOBODY
from cdp.queries.changes import union
from cdp.queries.profiles import PURCHASE
from cdp.queries.trait_filters import turns_by_itself
from cdp.queries.traits import zone_of
from cdp.segments.evaluation import anywhere
from cdp.segments.questions import crossed
from cdp.services.segment_span import Span
from stratum.lib import clock
from stratum.workspaces.models import Workspace

RECHECKED = timedelta(minutes=10)  # how often everybody is decided where dates of a profile are compared with the clock

# Fields of a profile that are what its events say. The feed tells attributes, and stamps tell traits and segments.
OF_FIELDS: Mapping[str, tuple[EventName, ...]] = {
    "lifecycle_stage": (PURCHASE,),
    "last_seen_at": (ANY_EVENT,),
    "created_at": (ANY_EVENT,),
}


def inputs_of(workspace: Workspace, condition: Condition, span: Span) -> dict[str, Any]:
    """The stamps of what the condition rests on, by trait and segment. Those of traits were read before any of their
    values, those of segments are what this round has made of them."""
    traits = [span.served[name] for name in segment_uses.traits_in(condition) if name in span.served]
    keys = segment_uses.segments_in(condition)
    stamps: dict[str, Any] = {f"{segment_uses.TRAITS}{one.name}": [one.version_id, one.stamp] for one in traits}
    others = workspace.segments.filter(pk__in=keys) if keys else []
    return stamps | {str(one.pk): [one.version, one.stamp] for one in others}


def concerned(
    workspace: Workspace,
    engine: Engine,
    segment: Segment,
    condition: Condition,
    inputs: Mapping[str, Any],
    span: Span,
) -> Ints | None:
    """None for everybody."""
    is_live = segment.status == Segment.Status.LIVE and segment.as_of is not None
    if span.feed is None or span.before is None or not is_live or _has_turned(workspace, segment, condition, span):
        return None
    parts = [span.newcomers, span.feed.told, span.feed.linked, span.feed.gone]
    if segment_uses.asks_rfm(condition):
        if span.rfm is None or span.rfm.moved is None:
            return None
        parts.append(span.rfm.moved)
    names = _events_in(condition)
    parts += [who for event, who in span.feed.acted.items() if any(is_named(event, name) for name in names)]
    for name in inputs.keys() | segment.inputs.keys():
        told = _told(name, segment.inputs.get(name), inputs.get(name), span)
        if told is None:
            return None
        parts.append(told)
    return union([*parts, *_overtaken(workspace, engine, condition, span.before, span)])


def _events_in(condition: Condition) -> set[EventName]:
    """The events by which it may turn for somebody who is known already."""
    names: set[EventName] = set()
    for leaf in leaves(condition):
        if isinstance(leaf, OfEvents):
            names.update(event_names(leaf))
        elif isinstance(leaf, ProfileCondition):
            names.update(OF_FIELDS.get(leaf.field, ()))
    return names


def _told(name: str, before: Any, now: Any, span: Span) -> Ints | None:
    """Who changed where a stamp is another one, None where that is not known."""
    if before == now:
        return NOBODY
    if before is None or now is None:
        return None
    if before[0] != now[0] or before[1] + 1 != now[1]:
        return None
    return span.traits.get(name.removeprefix("traits.")) if name.startswith("traits.") else span.moved.get(UUID(name))


def _has_turned(workspace: Workspace, segment: Segment, condition: Condition, span: Span) -> bool:
    """Whether dates on profiles, compared with the clock, may say otherwise by now: everybody is decided then."""
    assert segment.as_of is not None
    kind, now = _looks_at_clock(condition, span), span.now
    if kind == "often":
        return segment.as_of <= now - RECHECKED
    zone = zone_of(workspace)
    return kind == "daily" and segment.as_of.astimezone(zone).date() != now.astimezone(zone).date()


def _looks_at_clock(condition: Condition, span: Span) -> str:
    """Whether something but events moves with time: `often`, `daily` or not at all."""
    for leaf in leaves(condition):
        if isinstance(leaf, Held) or (isinstance(leaf, ProfileCondition) and turns_by_itself(leaf.predicate)):
            return "often"
    traits = [span.served[name] for name in segment_uses.traits_in(condition) if name in span.served]
    calculations = {one.definition.calculation for one in traits}
    return "often" if "HOURS_SINCE" in calculations else "daily" if "DAYS_SINCE" in calculations else ""


def _overtaken(
    workspace: Workspace, engine: Engine, condition: Condition, before: datetime, span: Span
) -> Iterator[Ints]:
    """Whose events came into a window, or fell out of it, by the passing of time alone. Segments with the same windows
    over the same events ask once."""
    start, end, zone = clock.to_micros(before), clock.to_micros(span.now), zone_of(workspace)
    specs = {
        AggregateSpec(Events(event_names(leaf), None, low, high), "count")
        for leaf in {anywhere(one) for one in leaves(condition)}
        if isinstance(leaf, OfEvents)
        for low, high in crossed(leaf, start, end, zone)
    }
    missing = list(specs - span.overtaken.keys())
    if missing:
        found = engine.aggregates(missing, end)
        span.overtaken.update({spec: one.profile for spec, one in zip(missing, found, strict=True)})
    yield from (span.overtaken[spec] for spec in specs)
