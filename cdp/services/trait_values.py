"""The values of computed traits kept current: only for those whom something concerns, and only where they change.

A version's values and its place in the change feed are written in one transaction, so every committed row reaches them
exactly once, whatever is killed when. A version without a place is computed for everybody.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction
from django.db.models import F, Q, QuerySet

from cdp.definitions.traits import TraitDefinition
from cdp.engine.arrays import Ints
from cdp.engine.base import Engine
from cdp.engine.events import is_named
from cdp.models import Trait, TraitChange, TraitValue, TraitVersion
from cdp.queries import arrays, attributed, changes, served_traits, trait_currencies
from cdp.queries.changes import Changes, union
from cdp.queries.engine import fresh_engine
from cdp.queries.position import Position
from cdp.queries.profiles import live
from cdp.queries.trait_filters import turns_by_itself
from cdp.queries.trait_outcomes import Outcome, evaluate
from cdp.queries.traits import zone_of
from cdp.services import trait_rows
from cdp.services.trait_rows import Written
from stratum.lib import periods
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

LOCK = 5_302  # namespace of the advisory lock under which the values that serve are written
RECOUNTED = timedelta(hours=1)  # how old the number of profiles on a trait's page may be, and a filter that looks back
CHANGES_KEPT = 100  # stamps
MOST_NOTED = 20_000  # profiles


@dataclass(frozen=True, eq=False)
class Work:
    """A version at work. `asked`: the profiles to be computed, None for everybody. `place`: its next one."""

    trait: Trait
    version: TraitVersion
    definition: TraitDefinition
    asked: Ints | None
    place: Position


def keep_current(workspace: Workspace, *, now: datetime) -> dict[str, Ints]:
    """Work out what the events, changes and hours since the last time concern; whose values are others now, by trait.

    Where another worker is at it, that is left to him.
    """
    if not _is_behind(workspace, now):
        return {}
    with transaction.atomic():
        if not _is_mine(workspace):
            return {}
        works = _plan(workspace, list(_looked_at(workspace, now)), now)
        return _carry_out(workspace, works, now) if works else {}


def _is_mine(workspace: Workspace) -> bool:
    """False where somebody else is at it."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])
        return bool((cursor.fetchone() or (False,))[0])


def hold(workspace: Workspace) -> None:
    """Until the transaction ends nobody else writes values that serve."""
    with raw_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, workspace.pk])


def catch_up(workspace: Workspace, trait: Trait, version: TraitVersion, now: datetime) -> None:
    """One version, which does not serve yet, up to what is committed by now. Under `hold`."""
    version.trait = trait
    for work in _plan(workspace, [version], now):
        outcome = evaluate(workspace, fresh_engine(workspace), [work.definition], now=now, profiles=work.asked)[0]
        _write(work, outcome, now)
        version.cursor = work.place.cursor()


# What there is to do


def _is_behind(workspace: Workspace, now: datetime) -> bool:
    """Mostly the answer is no, after a few quick looks."""
    versions = list(_looked_at(workspace, now))
    if any(_is_due(workspace, version, now) for version in versions):
        return True
    places = {Position.of(version.cursor) for version in versions}
    if any(changes.has_any(workspace, place) or not changes.is_of_here(place) for place in places):
        return True
    return TraitValue.objects.filter(version__in=versions, due_at__lte=now).exists()


def _is_due(workspace: Workspace, version: TraitVersion, now: datetime) -> bool:
    """Whether it is its time, whatever has happened."""
    if version.cursor is None or version.trait.frequency != Trait.Frequency.REALTIME:
        return True
    return _has_turned(version.trait, served_traits.definition_of(version, workspace.time_zone), now)


def _has_turned(trait: Trait, definition: TraitDefinition, now: datetime) -> bool:
    """Whether its filter may let others through by now, which is looked at once an hour."""
    if definition.profile_filter is None or not turns_by_itself(definition.profile_filter.predicate):
        return False
    return trait.counted_at is None or trait.counted_at <= now - RECOUNTED


def _looked_at(workspace: Workspace, now: datetime) -> QuerySet[TraitVersion]:
    """The versions that serve and are realtime, due, or without a place; ready-made ones also before they serve."""
    is_due = Q(trait__frequency=Trait.Frequency.REALTIME) | Q(trait__next_run_at__lte=now) | Q(cursor=None)
    is_served = Q(trait__status=Trait.Status.LIVE) | Q(trait__status=Trait.Status.COMPUTING, trait__is_system=True)
    return TraitVersion.objects.select_related("trait").filter(
        is_due, is_served, trait__workspace=workspace, trait__deleted_at=None, number=F("trait__version")
    )


def _plan(workspace: Workspace, versions: Sequence[TraitVersion], now: datetime) -> list[Work]:
    """What concerns each version. The places are read before the engine is asked, which so knows all of it."""
    here = changes.here(workspace)
    due = _due([version.pk for version in versions], now)
    feeds: dict[Position, Changes] = {}
    works = []
    for version in versions:
        place = Position.of(version.cursor)
        if place not in feeds and changes.is_of_here(place):
            feeds[place] = changes.since(workspace, place)
        works.append(_work(workspace, version, feeds.get(place), here, due.get(version.pk, arrays.NOBODY), now))
    return [
        work
        for work in works
        if work.asked is None or len(work.asked) or work.place != Position.of(work.version.cursor)
    ]


def _work(
    workspace: Workspace, version: TraitVersion, feed: Changes | None, here: Position, due: Ints, now: datetime
) -> Work:
    definition = served_traits.definition_of(version, workspace.time_zone)
    if feed is None or _is_for_everybody(version.trait, version.number, definition, feed, now):
        return Work(version.trait, version, settled(workspace, version, now), None, here)
    asked = union([concerned(definition, feed), due])
    definition = settled(workspace, version, now, asked)
    # A place that differs in its holes only is not worth a write every two seconds.
    return Work(version.trait, version, definition, asked, feed.position if feed.rows else Position.of(version.cursor))


def settled(
    workspace: Workspace, version: TraitVersion, now: datetime, profiles: Ints | None = None
) -> TraitDefinition:
    """What the version computes. A currency that it leaves open is settled with the first event that names one: what
    was counted before named none, and what comes in another currency later is left out and told."""
    definition = served_traits.definition_of(version, workspace.time_zone)
    if not trait_currencies.is_open(definition) or (profiles is not None and not len(profiles)):
        return definition
    version.currency = trait_currencies.settled(workspace, definition, now=now, profiles=profiles)
    if version.currency:
        TraitVersion.objects.filter(pk=version.pk).update(currency=version.currency)
    return served_traits.definition_of(version, workspace.time_zone)


def _is_for_everybody(trait: Trait, number: int, definition: TraitDefinition, feed: Changes, now: datetime) -> bool:
    if feed.retained and (trait.version != number or not all(part.window is None for part in definition.parts)):
        return True  # a version that does not serve yet may have been computed with or without what was carried
    if definition.profile_filter is None:
        return False
    if definition.uses and trait.frequency != Trait.Frequency.REALTIME:
        return True  # nobody has told it what has changed since its last run
    return _has_turned(trait, definition, now)


def concerned(definition: TraitDefinition, feed: Changes) -> Ints:
    """Whose value may be another one. A filter may ask for anything, and anything may be a touch: then whoever did
    anything is looked at."""
    if definition.profile_filter is not None or definition.name == attributed.NAME:
        return union([feed.everybody, feed.gone])
    names = [name for part in definition.parts for name in part.events]
    acted = [who for event, who in feed.acted.items() if any(is_named(event, name) for name in names)]
    return union([*acted, feed.linked, feed.gone])


def _due(versions: Sequence[int], now: datetime) -> dict[int, Ints]:
    with raw_cursor() as cursor:
        cursor.execute(_DUE, [list(versions), now], binary=True)
        return {version: arrays.received(sent) for version, sent in cursor.fetchall()}


_DUE = """
SELECT version_id, array_send(array_agg(profile_id)) FROM cdp_traitvalue
WHERE version_id = ANY (%s::bigint[]) AND due_at <= %s GROUP BY version_id
"""


# Doing it


def _carry_out(workspace: Workspace, works: Sequence[Work], now: datetime) -> dict[str, Ints]:
    engine = fresh_engine(workspace)
    changed: dict[str, Ints] = {}
    for wave in _waves(works):
        told = [_with_asked(work, changed) for work in wave]
        for work, outcome in _outcomes(workspace, engine, told, now):
            written = _write(work, outcome, now)
            changed[work.trait.name] = written.changed
            _note(workspace, work, outcome, written, now)
    return changed


def _waves(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Those first that others' filters ask. There is no circle: saving refuses it."""
    waiting = list(works)
    while waiting:
        names = {work.trait.name for work in waiting}
        ready = [work for work in waiting if not work.definition.uses & names] or waiting
        yield ready
        waiting = [work for work in waiting if work not in ready]


def _with_asked(work: Work, changed: Mapping[str, Ints]) -> Work:
    if work.asked is None or not work.definition.uses & changed.keys():
        return work
    return replace(work, asked=union([work.asked, *(changed[name] for name in work.definition.uses & changed.keys())]))


def _outcomes(
    workspace: Workspace, engine: Engine, works: Sequence[Work], now: datetime
) -> Iterator[tuple[Work, Outcome]]:
    """Those that ask for the same profiles are answered in one pass."""
    together: dict[bytes | None, list[Work]] = {}
    for work in works:
        together.setdefault(None if work.asked is None else work.asked.tobytes(), []).append(work)
    for alike in together.values():
        definitions = [work.definition for work in alike]
        found = evaluate(workspace, engine, definitions, now=now, profiles=alike[0].asked)
        yield from zip(alike, found, strict=True)


def _write(work: Work, outcome: Outcome, now: datetime) -> Written:
    version, rows = work.version, outcome.rows
    if work.asked is not None:
        return trait_rows.merge(version.pk, work.asked, rows, now)
    stored = served_traits.profiles_with_rows(version.pk)
    if len(stored):
        return trait_rows.merge(version.pk, union([stored, rows.profile]), rows, now)
    trait_rows.copy(version.pk, rows, now)
    return Written(rows.profile, rows.with_value)


def _note(workspace: Workspace, work: Work, outcome: Outcome, written: Written, now: datetime) -> None:
    """The place goes with the values, and what the trait's page says about them."""
    TraitVersion.objects.filter(pk=work.version.pk).update(cursor=work.place.cursor(), has_values=True)
    said: dict[str, object] = {
        "status": Trait.Status.LIVE,
        "as_of": now,
        "last_computed_at": now,
        "next_run_at": next_run(workspace, work.trait, now),
    }
    if len(written.changed):
        said["stamp"] = work.trait.stamp + 1
        _note_changed(work, written.changed)
    if work.asked is None:
        said |= counts(workspace, outcome, now)
    else:
        said["profiles_with_value"] = F("profiles_with_value") + written.with_value
        if work.trait.counted_at is None or work.trait.counted_at <= now - RECOUNTED:
            said |= {"profiles": live(workspace).count(), "counted_at": now}
    Trait.objects.filter(pk=work.trait.pk).update(**said)


def _note_changed(work: Work, changed: Ints) -> None:
    """For readers who keep everybody's values; beyond so many it is cheaper to read them anew."""
    stamp = work.trait.stamp + 1
    TraitChange.objects.filter(version=work.version, stamp__lte=stamp - CHANGES_KEPT).delete()
    if len(changed) <= MOST_NOTED:
        TraitChange.objects.create(version=work.version, stamp=stamp, profiles=np.sort(changed).tobytes())


def counts(workspace: Workspace, outcome: Outcome, now: datetime) -> dict[str, object]:
    """What a look at everybody says of coverage."""
    return {
        "profiles": live(workspace).count(),
        "profiles_with_value": outcome.rows.with_value,
        "skipped_values": outcome.skipped,
        "skipped_currencies": dict(outcome.currencies),
        "counted_at": now,
    }


def next_run(workspace: Workspace, trait: Trait, now: datetime) -> datetime | None:
    """The next full hour, or the next midnight of the workspace."""
    if trait.frequency == Trait.Frequency.REALTIME:
        return None
    if trait.frequency == Trait.Frequency.HOURLY:
        return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    zone = zone_of(workspace)
    return periods.start_of_day(now.astimezone(zone).date() + timedelta(days=1), zone)


def forget_places(workspace: Workspace) -> None:
    """Everybody is computed anew at the next look: rows of the truth were removed without a change that says so."""
    TraitVersion.objects.filter(trait__workspace=workspace).update(cursor=None)
