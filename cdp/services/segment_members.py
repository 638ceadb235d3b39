"""Who is in which segment, kept current: only those whom something concerns, and where a condition turned by itself.

What was decided and the place in the change feed are written in one transaction, so every committed row reaches the
segments exactly once, whatever is killed when. A segment that is computing is decided for everybody.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import F

from cdp.definitions.conditions import Condition, Held, OfEvents, ProfileCondition, event_names, leaves
from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Cursor, Engine
from cdp.engine.events import ANY_EVENT, EventName, Events, is_named
from cdp.engine.sets import is_in
from cdp.models import Segment, SegmentPlace, Spell
from cdp.queries import changes, segment_uses, served_traits
from cdp.queries import segments as queries
from cdp.queries.arrays import NOBODY
from cdp.queries.changes import Changes, union
from cdp.queries.engine import fresh_engine
from cdp.queries.position import Position
from cdp.queries.profiles import PURCHASE
from cdp.queries.segment_answers import answers
from cdp.queries.served_traits import Served
from cdp.queries.trait_filters import turns_by_itself
from cdp.queries.traits import zone_of
from cdp.queries.universe import universe
from cdp.segments.evaluation import anywhere, decide
from cdp.segments.questions import crossed
from cdp.services import segment_days, segment_history, segment_rfm
from cdp.services.event_store import lock_identities
from cdp.services.segment_rfm import Scored
from cdp.services.segment_spells import enter, leave
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Invalid
from stratum.workspaces.models import Workspace

LOCK = 5_303  # namespace of the advisory lock under which members are written
NOTED = timedelta(minutes=1)  # how old the stored place may be where nothing concerns any segment
RECHECKED = timedelta(minutes=10)  # how often everybody is decided where dates of a profile are compared with the clock

# Fields of a profile that are what its events say. The feed tells attributes, and stamps tell traits and segments.
OF_FIELDS: Mapping[str, tuple[EventName, ...]] = {
    "lifecycle_stage": (PURCHASE,),
    "last_seen_at": (ANY_EVENT,),
    "created_at": (ANY_EVENT,),
}

Turning = tuple[Ints, Ints]  # who enters and who leaves
Counts = Sequence[tuple[str, int]]  # of those who entered or left, by reason

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Span:
    """What happened since the last look. Without a `feed` nobody can tell, and everybody is decided."""

    feed: Changes | None
    here: Position
    before: datetime | None
    now: datetime
    traits: Mapping[str, Ints]  # whose values were just changed, by trait
    everybody: Ints
    newcomers: Ints  # who may not have been decided for any segment yet
    place: Cursor | None  # the one that was read, as it is stored
    served: Mapping[str, Served]  # the live traits by name
    rfm: Scored | None = None  # where a segment asks for it
    moved: dict[UUID, Ints] = field(default_factory=dict)  # who just entered or left, by segment
    overtaken: dict[AggregateSpec, Ints] = field(default_factory=dict)  # whose events windows have passed, once found


@dataclass(frozen=True, eq=False)
class Work:
    """A segment to be decided for the ascending profiles `asked`, None for everybody."""

    segment: Segment
    condition: Condition
    asked: Ints | None
    inputs: dict[str, Any]


def keep_current(workspace: Workspace, *, now: datetime, traits: Mapping[str, Ints] | None = None) -> int:
    """Decide anew whom events, changes and hours since the last time concern; how many entered or left.

    `traits`: whose values were changed since the last call, by name of the trait; who does not know them leaves it out.
    Where another worker is at it, that is left to him.
    """
    segments = [one for one in queries.kept(workspace) if not one.is_static]
    with transaction.atomic():
        if not _is_mine(workspace):
            return 0
        segment_days.begin_day(workspace, now)
        return _carry_out(workspace, segments, _span(workspace, now, traits or {})) if segments else 0


def _is_mine(workspace: Workspace) -> bool:
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])
        return bool((cursor.fetchone() or (False,))[0])


def hold(workspace: Workspace) -> None:
    """Until the transaction ends nobody else decides who is in a segment."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])


def _span(workspace: Workspace, now: datetime, traits: Mapping[str, Ints]) -> Span:
    """Who is there is read before the place, and the place before the engine is asked: each knows all of it."""
    everybody = universe(workspace).profile
    served = {one.name: one for one in served_traits.serving(workspace)}
    here = changes.here(workspace)
    place = SegmentPlace.objects.filter(workspace=workspace).first()
    if place is None or not changes.is_of_here(Position.of(place.cursor)):
        return Span(None, here, None, now, traits, everybody, everybody, None, served)
    feed = changes.since(workspace, Position.of(place.cursor))
    newcomers = _newcomers(workspace, place, feed)
    told = None if feed.retained else feed
    return Span(told, feed.position, place.as_of, now, traits, everybody, newcomers, place.cursor, served)


REMEMBERED = 8  # workspaces

# Who was there when a place was noted, by workspace, with that place. Only what this process wrote itself is known.
_known: dict[int, tuple[Cursor, Ints]] = {}


def _newcomers(workspace: Workspace, place: SegmentPlace, feed: Changes) -> Ints:
    """Everybody in the feed, where it is not known who was there before."""
    cursor, profiles = _known.get(workspace.pk, (None, NOBODY))
    everybody = feed.everybody
    return everybody if cursor != place.cursor else everybody[~is_in(everybody, profiles)]


def _carry_out(workspace: Workspace, segments: Sequence[Segment], span: Span) -> int:
    engine = fresh_engine(workspace)
    if any(segment_uses.asks_rfm(condition) for _, condition in segment_uses.read(workspace, segments)):
        span = replace(span, rfm=segment_rfm.scored(workspace, engine, span.feed, span.place, span.now))
    changed = 0
    for wave in _waves(workspace, segments):
        works = [work for work in _plan(workspace, engine, wave, span) if work.asked is None or len(work.asked)]
        for work, turning in _decided(workspace, engine, works, span):
            changed += _write(workspace, work, turning, span)
    _note_place(workspace, span, has_news=bool(changed))
    return changed


def _waves(workspace: Workspace, segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Those first that others ask. There is no circle: saving refuses it."""
    waiting = {segment.pk: segment for segment in segments}
    uses = segment_uses.uses(workspace)
    while waiting:
        ready = [one for key, one in waiting.items() if not uses.get(key, set()) & waiting.keys()]
        ready = ready or list(waiting.values())
        yield ready
        for one in ready:
            del waiting[one.pk]


# Whom it concerns


def _plan(workspace: Workspace, engine: Engine, segments: Iterable[Segment], span: Span) -> Iterator[Work]:
    for segment in segments:
        try:
            condition = segment_uses.condition_of(segment, workspace.time_zone)
        except Invalid as error:
            _fail(segment, error.faults[0].detail)
            continue
        inputs = _inputs(workspace, condition, span)
        if any(f"{segment_uses.TRAITS}{name}" not in inputs for name in segment_uses.traits_in(condition)):
            _lose_touch(segment)
            continue  # a trait has no values yet, or none at present: whoever is in stays
        yield Work(segment, condition, _concerned(workspace, engine, segment, condition, inputs, span), inputs)


def _lose_touch(segment: Segment) -> None:
    """Whom events concern in the meantime is not noted, so everybody is decided once it has values again."""
    if segment.inputs:
        Segment.objects.filter(pk=segment.pk).update(inputs={})


def _inputs(workspace: Workspace, condition: Condition, span: Span) -> dict[str, Any]:
    """The stamps of what the condition rests on, by trait and segment. Those of traits were read before any of their
    values, those of segments are what this round has made of them."""
    traits = [span.served[name] for name in segment_uses.traits_in(condition) if name in span.served]
    keys = segment_uses.segments_in(condition)
    stamps: dict[str, Any] = {f"{segment_uses.TRAITS}{one.name}": [one.version_id, one.stamp] for one in traits}
    others = workspace.segments.filter(pk__in=keys) if keys else []
    return stamps | {str(one.pk): [one.version, one.stamp] for one in others}


def _concerned(
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


# Deciding and writing


def _decided(workspace: Workspace, engine: Engine, works: Sequence[Work], span: Span) -> Iterator[tuple[Work, Turning]]:
    """Those that ask for the same profiles are answered in one pass."""
    together: dict[bytes | None, list[Work]] = {}
    for work in works:
        together.setdefault(None if work.asked is None else work.asked.tobytes(), []).append(work)
    for alike in together.values():
        asked = alike[0].asked
        those = universe(workspace, asked)
        conditions = [work.condition for work in alike]
        found = answers(
            workspace,
            engine,
            conditions,
            those,
            now=span.now,
            is_everybody=asked is None,
            standing=span.rfm.standing if span.rfm else None,
        )
        kept = [work.segment for work in alike]
        among = None if asked is None else queries.members_among_each(workspace, kept, those.profile)
        for work in alike:
            counted = those.counted(work.segment.include_anonymous)
            inside = those.profile[decide(work.condition, found, len(those.profile)) & counted]
            present = queries.members(workspace, work.segment) if among is None else among[work.segment.pk]
            yield work, (np.setdiff1d(inside, present), np.setdiff1d(present, inside))


def _write(workspace: Workspace, work: Work, turning: Turning, span: Span) -> int:
    segment, (entering, leaving) = work.segment, turning
    if len(entering) or len(leaving):
        lock_identities(workspace)
    entered = [(reason, enter(segment, who, reason, span.now)) for reason, who in _reasons(segment, entering, span)]
    left = [(reason, leave(segment, who, reason, span.now)) for reason, who in _reasons(segment, leaving, span)]
    changed = sum(count for _, count in (*entered, *left))
    said: dict[str, Any] = {}
    if changed:
        said["stamp"] = F("stamp") + 1
        span.moved[segment.pk] = union([entering, leaving])
        segment_days.note(
            workspace,
            segment,
            span.now,
            entered=_flow(entered),
            exited=_flow(left),
            grown=_grown(work, entered, left, span),
        )
    if work.asked is None:
        said |= {"as_of": span.now, "status": Segment.Status.LIVE, "failure": ""}
        if segment.as_of is None:
            said |= segment_history.beginning(workspace, work.condition, span.now)
    if work.inputs != segment.inputs:
        said["inputs"] = work.inputs
    if said:
        Segment.objects.filter(pk=segment.pk).update(**said)
    return changed


def _reasons(segment: Segment, who: Ints, span: Span) -> Iterator[tuple[str, Ints]]:
    """Each profile under the strongest reason there is for looking at it."""
    if segment.status == Segment.Status.COMPUTING or span.feed is None:
        yield Spell.Reason.DEFINITION, who
        return
    kinds = (
        (Spell.Reason.MERGE, union([span.feed.linked, span.feed.gone])),
        (Spell.Reason.EVENT, union(list(span.feed.acted.values()))),
        (Spell.Reason.ATTRIBUTE, span.feed.told),
    )
    for reason, named in kinds:
        yield reason, np.intersect1d(who, named)
        who = np.setdiff1d(who, named)
    yield Spell.Reason.TIME, who


def _grown(work: Work, entered: Counts, left: Counts, span: Span) -> int | None:
    """By how many, where that is all that can have changed."""
    if work.asked is None or span.feed is None or len(span.feed.linked) or len(span.feed.gone):
        return None
    return sum(count for _, count in entered) - sum(count for _, count in left)


def _flow(counts: Counts) -> int:
    still = (Spell.Reason.DEFINITION, Spell.Reason.MERGE)
    return sum(count for reason, count in counts if reason not in still)


def _note_place(workspace: Workspace, span: Span, *, has_news: bool) -> None:
    """A place that differs in the clock only is not worth a write every two seconds."""
    is_due = span.before is None or span.feed is None or span.feed.rows or span.before <= span.now - NOTED
    cursor = span.place
    if is_due or has_news:
        cursor = span.here.cursor()
        SegmentPlace.objects.update_or_create(workspace=workspace, defaults={"cursor": cursor, "as_of": span.now})
        _remember(workspace, cursor, span.everybody)
    if span.rfm is not None:
        transaction.on_commit(partial(segment_rfm.keep, workspace, cursor, span.rfm))


def _remember(workspace: Workspace, cursor: Cursor, everybody: Ints) -> None:
    while len(_known) >= REMEMBERED:
        _known.pop(next(iter(_known)), None)
    _known[workspace.pk] = (cursor, everybody)


def _fail(segment: Segment, sentence: str) -> None:
    log.error("The members of segment %s cannot be kept: %s", segment.pk, sentence)
    Segment.objects.filter(pk=segment.pk).update(status=Segment.Status.FAILED, failure=sentence)
