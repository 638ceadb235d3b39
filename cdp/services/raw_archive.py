"""The recent window: with ClickHouse, PostgreSQL keeps raw events of some days only.

A round copies whole days, then both databases count and sum up checksums by day. Only if they agree, one transaction
names the round, and with it ClickHouse is where these rows count; their message ids are kept here. A while later the
rows are dropped here, in small batches. Killed at any instant, the next run goes on or begins the round anew.
"""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, cast

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from cdp.engine.errors import EngineError
from cdp.engine.raw import DAY, NAMES, DayCheck, RawEvent
from cdp.models import ArchivedMessage, EnginePlace, Profile, RawArchive, RawDay, RawErasure
from cdp.queries.engine import settled_engine
from cdp.queries.engine_places import address_of, is_same, opened
from cdp.queries.raw_archive import (
    IS_MOVED,
    ROW,
    Archive,
    DaysDiffer,
    archive_of,
    days_here,
    number_of,
    whole_days,
)
from cdp.services.blocks import ids
from cdp.services.engine_alone import alone
from cdp.services.event_store import lock_identities
from stratum.lib import clock, seal
from stratum.lib.raw import document, raw_cursor
from stratum.workspaces.models import Workspace

TASK = "cdp.keep_window"
FORGET = "cdp.forget_erased"
EVERY = timedelta(days=1)
SETTLED = timedelta(days=7)  # after its arrival everybody who follows the events has seen one
DROP_AFTER = timedelta(minutes=10)  # a message on its way that does not know of the kept ids yet has arrived by then
ROUND_DAYS = 7
BLOCK = 50_000  # rows of one insertion
BATCH = 5_000  # rows of one deletion
MOST_AT_ONCE = 20  # workspaces in one minute

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """What one run did: rows that ClickHouse got, and rows that were dropped here."""

    copied: int = 0
    dropped: int = 0


# When


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with something to move, once a day, or something to drop."""
    if not settings.RECENT_EVENTS_DAYS and not RawArchive.objects.exists():
        return []
    is_due = Q(raw_archive=None) | Q(raw_archive__ran_at=None) | Q(raw_archive__ran_at__lte=now - EVERY)
    has_to_drop = Q(raw_archive__verified_at__lte=now - DROP_AFTER)
    found = Workspace.objects.filter(is_due | has_to_drop).order_by("pk")
    return [{"workspace_id": one.pk} for one in islice(filter(may_move, found), MOST_AT_ONCE)]


def may_move(workspace: Workspace) -> bool:
    """Sample data is taken out again by message id, so it stays here."""
    if RawArchive.objects.filter(workspace=workspace).exists():
        return True
    return bool(settings.RECENT_EVENTS_DAYS) and is_on_clickhouse(workspace) and not workspace.holds_sample_data


def is_on_clickhouse(workspace: Workspace) -> bool:
    return address_of(workspace).startswith("clickhouse")


# One run


def keep_window(*, workspace: Workspace, now: datetime) -> Kept:
    """Move what is older than the window, and drop here what was moved earlier. Raises EngineError and Refusal."""
    with alone(workspace):
        forget_erased(workspace)
        archive = archive_of(workspace.pk)
        if archive is not None:
            archive.keeper.forget_rounds_but(archive.rounds)
        dropped = _drop(workspace, now) if archive is not None else 0
        copied = _copy(workspace, now)
        if copied:
            forget_erased(workspace)  # who was erased meanwhile
        RawArchive.objects.filter(workspace=workspace).update(ran_at=now)
    return Kept(copied, dropped)


def _copy(workspace: Workspace, now: datetime) -> int:
    days = settings.RECENT_EVENTS_DAYS
    if not days or not is_on_clickhouse(workspace) or workspace.holds_sample_data:
        return 0
    if EnginePlace.objects.filter(workspace=workspace).exclude(moving_to="").exists():
        return 0  # a move reads all of them here
    settled_engine(workspace)  # what is dropped here must have reached it
    archive = _opened(workspace)
    window = datetime.combine((now - timedelta(days=days)).date(), time(), now.tzinfo)
    return sum(_rounds(workspace, archive, window, _horizon(workspace, now), now))


def _opened(workspace: Workspace) -> Archive:
    address = address_of(workspace)
    row, _ = RawArchive.objects.get_or_create(workspace=workspace, defaults={"address": seal.seal(address)})
    if not is_same(opened(row.address), address):
        raise EngineError("Older raw events of this workspace lie in another ClickHouse: move back to it first.")
    archive = archive_of(workspace.pk)
    assert archive is not None
    return archive


def _horizon(workspace: Workspace, now: datetime) -> int:
    """Rows of transactions below it are complete, and arrived long enough ago."""
    with raw_cursor() as cursor:
        cursor.execute(_HORIZON, {"workspace": workspace.pk, "settled": now - SETTLED})
        return int((cursor.fetchone() or (0,))[0])


# A snapshot names the running transactions of the whole server. Those of other databases write nothing here, so they
# hold nothing up. OFFSET 0 makes it find the recent rows first, by when they arrived, instead of walking past all older
# ones.
_HORIZON = """
WITH snapshot AS MATERIALIZED (SELECT pg_current_snapshot() AS taken)
SELECT least(
    (SELECT min(one.xid::text::bigint) FROM snapshot, pg_snapshot_xip(taken) one(xid) WHERE NOT EXISTS (
        SELECT FROM pg_locks held JOIN pg_stat_activity session USING (pid)
        WHERE held.transactionid = one.xid::xid AND held.mode = 'ExclusiveLock'
            AND session.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
    )),
    (SELECT pg_snapshot_xmax(taken)::text::bigint FROM snapshot),
    (SELECT xid::text::bigint FROM (
        SELECT xid FROM cdp_event WHERE workspace_id = %(workspace)s AND received_at >= %(settled)s OFFSET 0
    ) recent ORDER BY recent.xid LIMIT 1)
)
"""
# What a round copies: below both bounds, and not moved before.
_WHICH = f"t.ts < %s AND t.xid < %s::text::xid8 AND NOT {IS_MOVED}"


def _rounds(workspace: Workspace, archive: Archive, window: datetime, horizon: int, now: datetime) -> Iterator[int]:
    """The oldest days first, a few at a time; how many rows each had."""
    before = archive.row.before or clock.EPOCH
    while True:
        oldest = _oldest(workspace, window, horizon)
        if oldest is None:
            return
        end = datetime.combine(oldest.date() + timedelta(days=ROUND_DAYS), time(), window.tzinfo)
        before = max(before, min(end, window))
        yield _round(workspace, archive, before, horizon, now)


def _oldest(workspace: Workspace, window: datetime, horizon: int) -> datetime | None:
    with connection.cursor() as cursor:
        asked = f"SELECT min(t.ts) FROM cdp_event t WHERE t.workspace_id = %s AND {_WHICH}"
        cursor.execute(asked, [workspace.pk, window, str(horizon)])
        found: datetime | None = (cursor.fetchone() or (None,))[0]
        return found


def _round(workspace: Workspace, archive: Archive, before: datetime, horizon: int, now: datetime) -> int:
    number, bound = ids.take_one(), (before, str(horizon))
    for block, rows in enumerate(_blocks(workspace, bound)):
        archive.keeper.write(number, rows, block)
    here = days_here(workspace.pk, _WHICH, bound)
    there = {day: check for (_, day), check in archive.keeper.days([number]).items()}
    if here != there:
        archive.keeper.forget_rounds_but(archive.rounds)
        different = (day for day in here.keys() | there.keys() if here.get(day) != there.get(day))
        raise DaysDiffer(different, "Nothing was dropped.")
    _name(workspace, number, there, bound, now)
    return sum(check.rows for check in there.values())


def _blocks(workspace: Workspace, bound: tuple[datetime, str]) -> Iterator[list[RawEvent]]:
    with raw_cursor() as cursor:
        asked = f"SELECT {ROW} FROM cdp_event t WHERE t.workspace_id = %s AND {_WHICH}"
        told = cursor.stream(asked, [workspace.pk, *bound], size=BLOCK)
        with closing(cast("Generator[tuple[Any, ...]]", told)) as rows:  # who stops half-way leaves the connection free
            while block := [RawEvent(*row) for row in islice(rows, BLOCK)]:
                yield block


@transaction.atomic
def _name(
    workspace: Workspace, number: int, days: Mapping[int, DayCheck], bound: tuple[datetime, str], now: datetime
) -> None:
    """From here on these rows count as ClickHouse's."""
    RawDay.objects.bulk_create(
        RawDay(workspace=workspace, round=number, day=_date(day), rows=check.rows, checksum=check.checksum)
        for day, check in days.items()
    )
    with raw_cursor() as cursor:
        cursor.execute(_KEEP_IDS, [workspace.pk, workspace.pk, *bound])
        cursor.execute(_BOUNDS, [workspace.pk, *bound])
        through, first = cursor.fetchone() or (None, None)
    row = RawArchive.objects.select_for_update().get(workspace=workspace)
    row.before, row.verified_at = bound[0], now
    row.through = max(row.through or 0, through or 0)
    row.first_received_at = min(filter(None, (row.first_received_at, first)), default=None)
    row.save(update_fields=["before", "through", "verified_at", "first_received_at"])


_BOUNDS = f"""
SELECT max(t.xid::text::bigint), min(t.received_at) FROM cdp_event t WHERE t.workspace_id = %s AND {_WHICH}
"""
_KEEP_IDS = f"""
INSERT INTO cdp_archivedmessage (event_id, workspace_id, message, pair, day)
SELECT t.id, %s, md5(t.message_id)::uuid, md5(t.pair_key)::uuid, (t.ts AT TIME ZONE 'UTC')::date
FROM cdp_event t WHERE t.workspace_id = %s AND {_WHICH}
ON CONFLICT DO NOTHING
"""


def _date(day: int) -> date:
    return clock.from_micros(day * DAY).date()


def _drop(workspace: Workspace, now: datetime) -> int:
    """Rows that ClickHouse was verified to hold a while ago."""
    if not RawArchive.objects.filter(workspace=workspace, verified_at__lte=now - DROP_AFTER).exists():
        return 0
    dropped, place = 0, ("0", -1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_DROP, [workspace.pk, *place, BATCH])
            gone = cursor.fetchall()
        if not gone:
            break
        dropped, place = dropped + len(gone), gone[-1]
    RawArchive.objects.filter(workspace=workspace).update(verified_at=None)
    return dropped


# Walks the index once, in the order of arrival; a statement is short, so nobody waits for it.
_DROP = f"""
WITH piece AS (
    SELECT t.id, t.xid FROM cdp_event t
    WHERE t.workspace_id = %s AND (t.xid, t.id) > (%s::xid8, %s) AND {IS_MOVED}
    ORDER BY t.xid, t.id LIMIT %s
), gone AS (
    DELETE FROM cdp_event USING piece WHERE cdp_event.id = piece.id
)
SELECT xid::text, id FROM piece ORDER BY piece.xid, id
"""


# Forgetting there as well


def forget_erased(workspace: Workspace) -> int:
    """Events of erased profiles go; their message ids stay. Repeats are cheap, so whoever was erased in the middle of a
    round is found by the next run.

    What is there to be removed is noted first, and only that is taken off what has to be there: what was lost stays
    missing. Killed at any instant, and by two processes at once, nothing is taken off twice.
    """
    archive = archive_of(workspace.pk)
    if archive is None:
        return 0
    erased = list(Profile.objects.filter(workspace=workspace, erased_at__isnull=False).values_list("pk", flat=True))
    found = archive.keeper.profile_days(archive.rounds, erased)
    _note_erasures(workspace, found)
    gone = archive.keeper.forget_profiles(archive.rounds, sorted({profile for _, _, profile in found}))
    _note_done(workspace, archive)
    return gone


def _note_erasures(workspace: Workspace, found: Mapping[tuple[int, int, int], DayCheck]) -> None:
    rows = [
        {"round": number, "day": _date(day), "profile_id": profile, "rows": check.rows, "checksum": str(check.checksum)}
        for (number, day, profile), check in found.items()
    ]
    if rows:
        with raw_cursor() as cursor:
            cursor.execute(_NOTE, {"workspace": workspace.pk, "rows": document(rows)})


# A repeat after a kill finds fewer of them, one after a backup was restored all of them.
_NOTE = """
INSERT INTO cdp_rawerasure AS known (workspace_id, round, day, profile_id, rows, checksum, is_done)
SELECT %(workspace)s, r.*, false
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(round bigint, day date, profile_id bigint, rows bigint, checksum numeric)
ON CONFLICT (workspace_id, round, day, profile_id) DO UPDATE SET is_done = false,
    checksum = CASE WHEN excluded.rows > known.rows THEN excluded.checksum ELSE known.checksum END,
    rows = greatest(excluded.rows, known.rows)
"""


def _note_done(workspace: Workspace, archive: Archive) -> None:
    """Of those whose rows are seen to be gone."""
    open_ones = list(RawErasure.objects.filter(workspace=workspace, is_done=False))
    if not open_ones:
        return
    left = archive.keeper.profile_days(archive.rounds, sorted({one.profile_id for one in open_ones}))
    done = [one.pk for one in open_ones if (one.round, number_of(one.day), one.profile_id) not in left]
    RawErasure.objects.filter(pk__in=done).update(is_done=True)


def forget_expired(workspace: Workspace, before: datetime) -> int:
    """Days that are wholly beyond retention go, message ids too; how many rows. What has to be there is told first:
    what a kill leaves is nobody's, and the next run removes it."""
    archive = archive_of(workspace.pk)
    if archive is None:
        return 0
    for model in (RawDay, RawErasure, ArchivedMessage):
        model.objects.filter(workspace=workspace, day__lt=before.date()).delete()
    return archive.keeper.forget_days_before(number_of(before.date()))


# The way back


def bring_back(*, workspace: Workspace, tell: Callable[[int, int], None]) -> int:
    """Put every raw event into PostgreSQL again, compare by day, and only then take them out of ClickHouse; how many
    rows that were. The caller holds `alone`. Raises DaysDiffer."""
    forget_erased(workspace)
    archive = archive_of(workspace.pk)
    if archive is None:
        return 0
    days, rows = whole_days(archive), 0
    for number, (day, check) in enumerate(sorted(days.items()), 1):
        rows += _bring_day(workspace, archive, day, check)
        tell(number, len(days))
    _name_none(workspace)
    archive.keeper.forget_rounds_but([])
    RawArchive.objects.filter(workspace=workspace).delete()
    return rows


def _bring_day(workspace: Workspace, archive: Archive, day: int, expected: DayCheck) -> int:
    """With their numbers and transactions, so that nobody reads them twice. A repeat adds nothing."""
    rows, written = archive.keeper.of_day(archive.rounds, day), 0
    while block := list(islice(rows, BATCH)):
        with raw_cursor() as cursor:
            told = document([{name: getattr(row, name) for name in NAMES} for row in block])
            cursor.execute(_BRING, {"workspace": workspace.pk, "rows": told})
            written += cursor.rowcount
    here = days_here(workspace.pk, _OF_DAY, [clock.from_micros(day * DAY), clock.from_micros((day + 1) * DAY)])
    if here.get(day, DayCheck(0, 0)) != expected:
        raise DaysDiffer([day], "Nothing was taken out of ClickHouse.")
    return written


# Of who was erased before the rows were dropped here, only empty ones are left.
_OF_DAY = f"""{IS_MOVED} AND t.ts >= %s AND t.ts < %s
    AND NOT EXISTS (SELECT FROM cdp_profile p WHERE p.id = t.profile_id AND p.erased_at IS NOT NULL)"""

_BRING = """
INSERT INTO cdp_event (workspace_id, id, xid, profile_id, kind, name, message_id, pair_key, source_id, original_name,
    ts, received_at, sent_at, original_timestamp, properties, context, platform, device, campaign, flags)
SELECT %(workspace)s, r.id,
    -- A transaction from the future is one of the database whose dump this one was made from.
    CASE WHEN r.xid::text::xid8 > pg_current_xact_id() THEN '3'::xid8 ELSE r.xid::text::xid8 END,
    r.profile, r.kind, r.name, r.message_id, r.pair_key, r.source_id, r.original_name,
    'epoch'::timestamptz + r.ts * interval '1 microsecond',
    'epoch'::timestamptz + r.received * interval '1 microsecond',
    'epoch'::timestamptz + r.sent * interval '1 microsecond',
    'epoch'::timestamptz + r.original_timestamp * interval '1 microsecond',
    r.properties::jsonb, r.context::jsonb, r.platform, r.device, r.campaign,
    ARRAY(SELECT one FROM jsonb_array_elements_text(r.flags::jsonb) WITH ORDINALITY AS flag(one, place) ORDER BY place)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r(id bigint, xid bigint, profile bigint, kind smallint, name text,
    message_id text, pair_key text, source_id bigint, original_name text, ts bigint, received bigint, sent bigint,
    original_timestamp bigint, properties text, context text, platform text, device text, campaign text, flags text)
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def _name_none(workspace: Workspace) -> None:
    """From here on all rows count as PostgreSQL's. Message ids stay of what is nowhere any more."""
    lock_identities(workspace)
    RawDay.objects.filter(workspace=workspace).delete()
    RawErasure.objects.filter(workspace=workspace).delete()
    RawArchive.objects.filter(workspace=workspace).update(before=None, through=None, verified_at=None)
    with raw_cursor() as cursor:
        cursor.execute(_FORGET_IDS, [workspace.pk])
        cursor.execute(_EMPTY_ERASED, [workspace.pk])


_FORGET_IDS = """
DELETE FROM cdp_archivedmessage m USING cdp_event t WHERE m.workspace_id = %s AND t.id = m.event_id
"""
# Of who was erased while their rows came back.
_EMPTY_ERASED = """
UPDATE cdp_event t SET properties = '{}', context = '{}', platform = NULL, device = NULL, campaign = NULL
FROM cdp_profile p
WHERE p.workspace_id = %s AND p.erased_at IS NOT NULL AND t.profile_id = p.id
    AND (t.properties, t.context) <> ('{}', '{}')
"""
