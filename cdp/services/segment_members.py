"""Who is in which segment, kept current: only those whom something concerns, and where a condition turned by itself.

What was decided and the place in the change feed are written in one transaction, so every committed row reaches the
segments exactly once, whatever is killed when. A segment that is computing is decided for everybody.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F

from cdp.definitions.conditions import Condition
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.models import Segment, Spell
from cdp.queries import segment_uses
from cdp.queries import segments as queries
from cdp.queries.changes import union
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_answers import answers
from cdp.queries.segment_members import members_among_each, members_of
from cdp.queries.universe import universe
from cdp.segments.evaluation import decide
from cdp.services import segment_days, segment_history, segment_rfm
from cdp.services.event_store import lock_identities
from cdp.services.segment_concern import concerned, inputs_of
from cdp.services.segment_span import Span, note_place, span_until
from cdp.services.segment_spells import enter, leave
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Invalid
from stratum.workspaces.models import Workspace

LOCK = 5_303  # namespace of the advisory lock under which members are written

Turning = tuple[Ints, Ints]  # who enters and who leaves
Counts = Sequence[tuple[str, int]]  # of those who entered or left, by reason

log = logging.getLogger(__name__)


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
        return _carry_out(workspace, segments, span_until(workspace, now, traits or {})) if segments else 0


def _is_mine(workspace: Workspace) -> bool:
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])
        return bool((cursor.fetchone() or (False,))[0])


def hold(workspace: Workspace) -> None:
    """Until the transaction ends nobody else decides who is in a segment."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])


def _carry_out(workspace: Workspace, segments: Sequence[Segment], span: Span) -> int:
    engine = fresh_engine(workspace)
    if any(segment_uses.asks_rfm(condition) for _, condition in segment_uses.read(workspace, segments)):
        span = replace(span, rfm=segment_rfm.scored(workspace, engine, span.feed, span.place, span.now))
    changed = 0
    for wave in _waves(workspace, segments):
        works = [work for work in _plan(workspace, engine, wave, span) if work.asked is None or len(work.asked)]
        for work, turning in _decided(workspace, engine, works, span):
            changed += _write(workspace, work, turning, span)
    note_place(workspace, span, has_news=bool(changed))
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


def _plan(workspace: Workspace, engine: Engine, segments: Iterable[Segment], span: Span) -> Iterator[Work]:
    for segment in segments:
        try:
            condition = segment_uses.condition_of(segment, workspace.time_zone)
        except Invalid as error:
            _fail(segment, error.faults[0].detail)
            continue
        inputs = inputs_of(workspace, condition, span)
        if any(f"{segment_uses.TRAITS}{name}" not in inputs for name in segment_uses.traits_in(condition)):
            _lose_touch(segment)
            continue  # a trait has no values yet, or none at present: whoever is in stays
        yield Work(segment, condition, concerned(workspace, engine, segment, condition, inputs, span), inputs)


def _lose_touch(segment: Segment) -> None:
    """Whom events concern in the meantime is not noted, so everybody is decided once it has values again."""
    if segment.inputs:
        Segment.objects.filter(pk=segment.pk).update(inputs={})


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
        among = None if asked is None else members_among_each(workspace, kept, those.profile)
        for work in alike:
            counted = those.counted(work.segment.include_anonymous)
            inside = those.profile[decide(work.condition, found, len(those.profile)) & counted]
            present = members_of(workspace, work.segment) if among is None else among[work.segment.pk]
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


def _fail(segment: Segment, sentence: str) -> None:
    log.error("The members of segment %s cannot be kept: %s", segment.pk, sentence)
    Segment.objects.filter(pk=segment.pk).update(status=Segment.Status.FAILED, failure=sentence)
