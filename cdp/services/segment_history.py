"""The past of a new segment: who would have been in at the end of each day, one day after the other, backwards.

Only conditions about events, and about traits, which are made of events: what attributes and lists were is not asked
of the past. Who somebody is and whether he is identified is taken as it is now. Each day is one transaction, so that a
kill costs nothing; the time a round takes is bounded, because members of today wait behind it.
"""

import json
import time
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from cdp.definitions.conditions import All, Condition, OfEvents, ProfileCondition, leaves, profile_refs
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.models import Segment, SegmentDay, SegmentForecast, Spell
from cdp.queries import arrays, rfm, segment_uses, served_traits
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_answers import answers
from cdp.queries.trait_outcomes import evaluate
from cdp.queries.traits import zone_of
from cdp.queries.universe import Universe, universe
from cdp.segments.evaluation import decide
from stratum.lib import clock, periods
from stratum.lib.raw import raw_cursor
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace

ROUND_S = 1.0
FOREVER = 3_660  # days, where the plan keeps events for ever
INSTANT = timedelta(microseconds=1)


def beginning(workspace: Workspace, condition: Condition, now: datetime) -> dict[str, Any]:
    """Fields of a segment whose members were just decided for the first time: where its past begins."""
    if not is_of_events(condition):
        return {}
    return {"history_day": now.astimezone(zone_of(workspace)).date() - timedelta(days=1), "history_edge": now}


def is_of_events(condition: Condition) -> bool:
    """RFM is made of events like every trait."""
    return all(
        isinstance(leaf, All)
        or (isinstance(leaf, OfEvents) and all(one.startswith(segment_uses.TRAITS) for one in profile_refs(leaf)))
        or (isinstance(leaf, ProfileCondition) and leaf.field.startswith(segment_uses.TRAITS))
        for leaf in leaves(condition)
    )


def reconstruct(workspace: Workspace, *, now: datetime, seconds: float = ROUND_S) -> int:
    """As many past days as fit, and at least one; how many."""
    done, ends = 0, time.monotonic() + seconds
    waiting = workspace.segments.filter(history_day__isnull=False, archived_at=None, status=Segment.Status.LIVE)
    for segment in list(waiting.order_by("created_at", "id")):
        engine = fresh_engine(workspace)
        earliest = _earliest(workspace, engine, segment, now)
        while segment.history_day is not None and (not done or time.monotonic() < ends):
            _one_day(workspace, engine, segment, earliest)
            done += 1
    return done


def _earliest(workspace: Workspace, engine: Engine, segment: Segment, now: datetime) -> date:
    """The first day whose end is asked: that of the first event, as far as raw events are kept. Scores of RFM need all
    orders of their look-back: where such have expired, only days that knew all of them are asked."""
    zone = zone_of(workspace)
    kept = now.astimezone(zone).date() - timedelta(days=(plans.of(workspace).retention_days or FOREVER) - 1)
    expired = rfm.kept_from(workspace)
    if expired is not None and segment_uses.asks_rfm(segment_uses.condition_of(segment, workspace.time_zone)):
        return expired + timedelta(days=rfm.look_back(workspace))
    first = engine.activity(clock.to_micros(now)).first_ts
    return kept if not len(first) else max(kept, clock.from_micros(int(first.min())).astimezone(zone).date())


def _one_day(workspace: Workspace, engine: Engine, segment: Segment, earliest: date) -> None:
    day, edge = segment.history_day, segment.history_edge
    assert day is not None and edge is not None
    if day < earliest:
        Segment.objects.filter(pk=segment.pk, history_day=day).update(history_day=None)
        SegmentForecast.objects.filter(segment=segment).delete()  # they knew less of the past
        segment.history_day = None
        return
    ends = periods.start_of_day(day + timedelta(days=1), zone_of(workspace))
    inside = _members_at(workspace, engine, segment, ends - INSTANT)
    with transaction.atomic():
        following = day - timedelta(days=1)
        is_mine = Segment.objects.filter(pk=segment.pk, history_day=day).update(
            history_day=following, history_edge=ends
        )
        if is_mine:
            _write(segment, day, inside, ends, edge)
    segment.refresh_from_db(fields=["history_day", "history_edge"])


def _members_at(workspace: Workspace, engine: Engine, segment: Segment, at: datetime) -> Ints:
    condition = segment_uses.condition_of(segment, workspace.time_zone)
    those = _born_by(workspace, at)

    def values(names: set[str], keys: Ints) -> dict[int, dict[str, Any]]:
        return _values_at(workspace, engine, names, keys, at)

    found = answers(workspace, engine, [condition], those, now=at, is_everybody=True, values=values)
    mask = decide(condition, found, len(those.profile)) & those.counted(segment.include_anonymous)
    chosen: Ints = those.profile[mask]
    return chosen


def _born_by(workspace: Workspace, at: datetime) -> Universe:
    with raw_cursor() as cursor:
        cursor.execute(_BORN, [workspace.pk, at], binary=True)
        born = np.sort(arrays.received((cursor.fetchone() or (None,))[0]))
    return universe(workspace, born)


_BORN = """
SELECT array_send(array_agg(id)) FROM cdp_profile
WHERE workspace_id = %s AND created_at <= %s AND merged_into IS NULL AND erased_at IS NULL
"""


def _values_at(
    workspace: Workspace, engine: Engine, names: set[str], keys: Ints, at: datetime
) -> dict[int, dict[str, Any]]:
    """The values that traits and RFM would have had, by profile and name."""
    found: dict[int, dict[str, Any]] = {key: {} for key in keys.tolist()}
    scored = names & segment_uses.RFM
    if scored:
        standing = rfm.standing(workspace, engine, at)
        for key, those in found.items():
            told = ((name, standing.value(name, key)) for name in scored)
            those |= {name: value for name, value in told if value is not None}
    for trait in served_traits.serving(workspace, names - scored):
        rows = evaluate(workspace, engine, [trait.definition], now=at, profiles=keys)[0].rows
        stored = dict(zip(rows.profile.tolist(), rows.text, strict=True))
        for key, those in found.items():
            text = stored.get(key)
            value = trait.value(
                None if text is None else json.loads(text), has_row=key in stored, now=at, zone=zone_of(workspace)
            )
            if value is not None:
                those[trait.name] = value
    return found


def _write(segment: Segment, day: date, inside: Ints, ends: datetime, edge: datetime) -> None:
    """Who is in at the end of this day and of the next one was in all the time between. Spells that begin at the edge
    of what is known go on into the past; those who were in and are not at the next day's end left in between."""
    begun = Spell.objects.filter(segment=segment, entered_at=edge)
    later = np.sort(np.array(list(begun.values_list("profile_id", flat=True)), np.int64))
    begun.filter(profile_id__in=np.intersect1d(later, inside).tolist()).update(entered_at=ends, reconstructed=True)
    left = np.setdiff1d(inside, later)
    Spell.objects.bulk_create(
        [
            Spell(
                segment=segment,
                profile_id=key,
                entered_at=ends,
                exited_at=edge,
                entry_reason=Spell.Reason.EVENT,
                exit_reason=Spell.Reason.EVENT,
                reconstructed=True,
            )
            for key in left.tolist()
        ],
        batch_size=2_000,
    )
    entered = len(np.setdiff1d(later, inside))
    after = SegmentDay.objects.filter(segment=segment, day=day + timedelta(days=1), reconstructed=True)
    after.update(entered=entered, exited=len(left))
    begun.update(entry_reason=Spell.Reason.EVENT, reconstructed=True)
    SegmentDay.objects.get_or_create(segment=segment, day=day, defaults={"size": len(inside), "reconstructed": True})
