"""Raw events wherever they are: here, or for workspaces with a recent window in ClickHouse.

What lies in ClickHouse is asked for only by workspaces that have moved something there. A row that was moved and not
dropped yet is in both places: it counts as one of ClickHouse's.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import merge
from typing import Any
from uuid import UUID

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db.models import DateTimeField, JSONField
from django.utils.dateparse import parse_datetime

from cdp.engine import open_raw
from cdp.engine.errors import EngineError
from cdp.engine.raw import CHECKED, NAMES, DayCheck, RawEvent, RawKeeper
from cdp.models import ArchivedMessage, Event, RawArchive, RawDay, RawErasure
from cdp.models.fields import TransactionIdField
from cdp.queries.engine_places import opened
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

AT_ONCE = 1_000
Place = tuple[datetime, int]
NOTHING = DayCheck(0, 0)


@dataclass(frozen=True)
class Archive:
    """The raw events of one workspace in ClickHouse; `rounds` are those that count."""

    row: RawArchive
    rounds: tuple[int, ...]
    keeper: RawKeeper


def archive_of(workspace_id: int) -> Archive | None:
    """None where all raw events are here."""
    row = RawArchive.objects.filter(workspace_id=workspace_id).first()
    if row is None:
        return None
    rounds = RawDay.objects.filter(workspace_id=workspace_id).values_list("round", flat=True).distinct()
    return Archive(row, tuple(sorted(rounds)), open_raw(opened(row.address), workspace_id))


def has_any(workspace: Workspace) -> bool:
    return RawDay.objects.filter(workspace=workspace).exists()


def count(workspace_id: int) -> int:
    with raw_cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(rows), 0) FROM cdp_rawday WHERE workspace_id = %s", [workspace_id])
        return int((cursor.fetchone() or (0,))[0])


class DaysDiffer(EngineError):
    """One place does not hold what the other one, or its record, says."""

    def __init__(self, days: Iterable[int], ending: str) -> None:
        named = ", ".join(f"{clock.EPOCH.date() + timedelta(days=day):%Y-%m-%d}" for day in sorted(days))
        super().__init__(f"The raw events of {named} differ between PostgreSQL and ClickHouse. {ending}")


def whole_days(archive: Archive) -> dict[int, DayCheck]:
    """By day, all rounds together; raises DaysDiffer unless ClickHouse still has what it was given."""
    named, pending = _expected(archive.row.workspace_id)
    there = archive.keeper.days(archive.rounds, pending)
    different = {day for (number, day), check in named.items() if there.get((number, day), NOTHING) != check}
    if different:
        raise DaysDiffer(different, "Restore ClickHouse's table raw from its backup, then try again.")
    whole: dict[int, DayCheck] = {}
    for (_, day), check in named.items():
        known = whole.get(day, NOTHING)
        whole[day] = DayCheck(known.rows + check.rows, known.checksum + check.checksum)
    return whole


def _expected(workspace_id: int) -> tuple[dict[tuple[int, int], DayCheck], list[tuple[int, int, int]]]:
    """By round and day what has to be there when all erasures are done, and the rows of those that may not be."""
    with raw_cursor() as cursor:
        cursor.execute(_EXPECTED, {"workspace": workspace_id})
        found = {(number, day): DayCheck(int(rows), int(total)) for number, day, rows, total in cursor.fetchall()}
    under_way = RawErasure.objects.filter(workspace_id=workspace_id, is_done=False)
    keys = under_way.values_list("round", "day", "profile_id")
    return found, [(number, number_of(day), profile) for number, day, profile in keys]


_EXPECTED = """
SELECT d.round, d.day - date '1970-01-01', d.rows - coalesce(sum(e.rows), 0), d.checksum - coalesce(sum(e.checksum), 0)
FROM cdp_rawday d
LEFT JOIN cdp_rawerasure e ON e.workspace_id = d.workspace_id AND e.round = d.round AND e.day = d.day
WHERE d.workspace_id = %(workspace)s
GROUP BY d.id
"""


def number_of(day: date) -> int:
    """Since 1970."""
    return (day - clock.EPOCH.date()).days


# One event, and those of a profile


def get(workspace: Workspace, event_id: int) -> Event | None:
    archive = archive_of(workspace.pk)
    found = archive.keeper.by_id(archive.rounds, [event_id]) if archive else []
    return next(iter(as_events(workspace.pk, found)), None)


def timeline(workspace_id: int, profiles: Sequence[int], most: int, before: Place | None = None) -> list[Event]:
    """Newest first, of both places."""
    here = Event.objects.filter(profile_id__in=profiles).order_by("-ts", "-id")
    if before is not None:
        at, key = before
        here = here.filter(ts__lte=at).exclude(ts=at, id__gte=key)
    archive, found = archive_of(workspace_id), {event.pk: event for event in here[:most]}
    if archive is not None:
        place = None if before is None else (clock.to_micros(before[0]), before[1])
        there = archive.keeper.timeline(archive.rounds, profiles, most, place)
        found |= {event.pk: event for event in as_events(workspace_id, there) if event.pk not in found}
    return sorted(found.values(), key=lambda event: (event.ts, event.pk), reverse=True)[:most]


def whole_life(workspace_id: int, profiles: Sequence[int]) -> Iterator[Event]:
    """Oldest first, of both places, a few at a time."""
    archive = archive_of(workspace_id)
    here = Event.objects.filter(profile_id__in=profiles).order_by("ts", "id")
    if archive is None:
        yield from here.iterator(AT_ONCE)
        return
    there = sorted(archive.keeper.of_profiles(archive.rounds, profiles), key=lambda one: (one.ts, one.id))
    moved = {one.id for one in there}
    rest = (event for event in here.iterator(AT_ONCE) if event.pk not in moved)
    yield from merge(as_events(workspace_id, there), rest, key=lambda event: (event.ts, event.pk))


class Life:
    """Events of one profile that pages of the API are cut from, as from a query ordered by (ts, id)."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events

    def order_by(self, first: str, *rest: str) -> "Life":
        newest_first = first.startswith("-")
        return Life(sorted(self.events, key=lambda event: (event.ts, event.pk), reverse=newest_first))

    def filter(self, **place: object) -> "Life":
        """What a cursor asks for: ts__lt or ts__gt an instant."""
        ((name, value),) = place.items()
        at = _read(value)
        return Life([event for event in self.events if (event.ts < at if name == "ts__lt" else event.ts > at)])

    def __getitem__(self, part: slice) -> list[Event]:
        return self.events[part]


def _read(value: object) -> datetime:
    at = value if isinstance(value, datetime) else parse_datetime(str(value))
    if at is None:
        raise ValueError("This is no place in the list.")
    return at


def as_events(workspace_id: int, rows: Iterable[RawEvent]) -> Iterator[Event]:
    """As if they had been read here; not to be saved."""
    for row in rows:
        read = {one.attribute: one.read(getattr(row, name)) for name, one in COLUMNS.items()}
        yield Event(workspace_id=workspace_id, **read)


# Numbers of events


def facts(
    archive: Archive, profiles: Sequence[int], name: str, as_of: datetime
) -> Mapping[int, tuple[int, int, int, int]]:
    """By profile as ingested, of what was moved: events that count, those called `name`, the last time of each."""
    return archive.keeper.facts(archive.rounds, profiles, name, clock.to_micros(as_of), voided(archive))


def voided(archive: Archive) -> list[int]:
    """Numbers of moved events that were voided."""
    with raw_cursor() as cursor:
        cursor.execute(_VOIDED, [archive.row.workspace_id])
        return [event for (event,) in cursor.fetchall()]


_VOIDED = """
SELECT c.event_id FROM cdp_change c JOIN cdp_archivedmessage m ON m.event_id = c.event_id
WHERE c.workspace_id = %s AND c.kind = 'void'
"""


def ids_of(workspace_id: int, profiles: Sequence[int]) -> list[int]:
    """Numbers of the moved events of these profiles."""
    archive = archive_of(workspace_id)
    return archive.keeper.ids_of(archive.rounds, profiles) if archive else []


def key_of(text: str) -> UUID:
    """What stays here of a message id or a pair."""
    return UUID(bytes=hashlib.md5(text.encode(), usedforsecurity=False).digest())


def moved_ids(workspace: Workspace, message_ids: Iterable[str]) -> dict[str, int]:
    """Numbers of the moved events among these messages."""
    keys = {key_of(one): one for one in message_ids}
    found = ArchivedMessage.objects.filter(workspace=workspace, message__in=list(keys))
    return {keys[key]: event for key, event in found.values_list("message", "event_id")}


def by_message(workspace: Workspace, message_ids: Iterable[str]) -> list[Event]:
    """The moved ones of these messages."""
    found = moved_ids(workspace, message_ids)
    archive = archive_of(workspace.pk) if found else None
    return (
        list(as_events(workspace.pk, archive.keeper.by_id(archive.rounds, sorted(found.values())))) if archive else []
    )


# What the engine is told of them


def projected(archive: Archive, rounds: Sequence[int]) -> Iterator[list[Any]]:
    """Rows as `projection` reads them from PostgreSQL."""
    for row in archive.keeper.events(rounds):
        properties, context = orjson.loads(row.properties), orjson.loads(row.context)
        head = ["event", row.xid, row.id, row.profile, row.name, row.kind, row.ts, row.received, properties]
        yield [*head, row.platform, row.device, row.campaign, source_of(properties, context)]


def source_of(properties: Mapping[str, Any], context: Mapping[str, Any]) -> str | None:
    """As projection's SQL finds it."""
    campaign = context.get("campaign")
    told = _text(campaign.get("source")) if isinstance(campaign, dict) else None
    return (told or "").strip(" ") or _text(properties.get("utm_source"))


def _text(value: object) -> str | None:
    """As `->>` gives it."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


# The same rows here, as ClickHouse gets them


@dataclass(frozen=True, slots=True)
class Column:
    """A column of cdp_event: its name here, how ClickHouse gets a value, and how that is read again."""

    attribute: str
    sql: str
    read: Callable[[Any], Any]


def _column(name: str) -> Column:
    attribute = OTHER_NAMES.get(name, name)
    match Event._meta.get_field(attribute):
        case DateTimeField():
            return Column(attribute, f"(extract(epoch FROM t.{attribute}) * 1000000)::bigint", _instant)
        case JSONField():
            return Column(attribute, f"t.{attribute}::text", json.loads)
        case ArrayField():
            return Column(attribute, f"to_json(t.{attribute})::text", json.loads)
        case TransactionIdField():
            return Column(attribute, f"t.{attribute}::text::bigint", str)
    return Column(attribute, f"t.{attribute}", lambda value: value)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else clock.from_micros(micros)


OTHER_NAMES = {"profile": "profile_id", "received": "received_at", "sent": "sent_at"}
COLUMNS = {name: _column(name) for name in NAMES}
ROW = ", ".join(one.sql for one in COLUMNS.values())
TEXT = (
    "concat_ws(E'\\x1f', "
    + ", ".join(f"coalesce(({one})::text, E'\\x1e')" for one in (COLUMNS[name].sql for name in CHECKED))
    + ")"
)
CHECKSUM = f"coalesce(sum(('x' || substr(md5({TEXT}), 1, 15))::bit(60)::bigint), 0)"
DAY = "floor(extract(epoch FROM t.ts) / 86400)::int"
# Whether a row of cdp_event was moved, dropped here or not.
IS_MOVED = """(
    t.ts < coalesce((SELECT before FROM cdp_rawarchive WHERE workspace_id = t.workspace_id), '-infinity')
    AND t.xid <= (SELECT through::text::xid8 FROM cdp_rawarchive WHERE workspace_id = t.workspace_id)
)"""


def days_here(workspace_id: int, condition: str, bound: Sequence[Any]) -> dict[int, DayCheck]:
    """By day since 1970 UTC, of the rows of cdp_event that satisfy the condition."""
    asked = f"SELECT {DAY}, count(*), {CHECKSUM} FROM cdp_event t WHERE t.workspace_id = %s AND {condition} GROUP BY 1"
    with raw_cursor() as cursor:
        cursor.execute(asked, [workspace_id, *bound])
        return {day: DayCheck(rows, int(total)) for day, rows, total in cursor.fetchall()}
