"""The projection: every committed event, void, merge and erasure reaches the engine exactly once."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import numpy as np
import orjson
from psycopg import sql

from cdp.engine.base import Engine, Writer
from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.errors import EngineOvertaken, EngineRebuilding
from cdp.engine.overviews import Stored
from cdp.models import Change, Kind
from cdp.queries import raw_archive
from cdp.queries.position import ABOVE, ABOVE_UP_TO, DATABASE, HOLES, HOLES_UP_TO, Position, database, statement
from stratum.lib.raw import raw_cursor

CHUNK = 20_000  # events handed to the engine at a time
PARSED = 2_000  # rows of one JSON document: read together in a third of the time of one by one
PIECE = 200_000  # rows that a rebuild makes one run of
FOLD_ROWS = 1_000_000  # events in runs, beyond half of the base, that a rebuild folds
WAIT = 30.0  # seconds for another process that brings the engine up to date
ATTEMPTS = 10  # when another host changes the engine at the same moment
CONTEXT = ("$platform", "$device", "$campaign", "$source")

Row = list[Any]
COUNTED = {Kind.TRACK, Kind.PAGE, Kind.SCREEN}


def project(engine: Engine, workspace_id: int, *, patience: float = WAIT, most_again: int | None = None) -> int:
    """Bring the engine up to every row committed by now; how many rows that took.

    An engine that was never filled, or from another database, is rebuilt, unless that means reading more than
    `most_again` events: EngineRebuilding. Raises EngineBusy after `patience` seconds, and EngineDamaged, which calls
    for `rebuild`.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _catch_up(engine, workspace_id, patience, most_again)
        except EngineOvertaken:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _catch_up(engine: Engine, workspace_id: int, patience: float, most_again: int | None = None) -> int:
    position = Position.of(engine.cursor())
    if not _is_behind(position, workspace_id):
        return 0
    if position.database == database():
        with engine.writing(patience) as writer:
            return _advance(writer, Position.of(writer.cursor), workspace_id)
    if most_again is not None and has_more_than(most_again, workspace_id):
        raise EngineRebuilding("The analytics engine of this workspace is being rebuilt.")
    return rebuild(engine, workspace_id, patience=patience)


def rebuild(engine: Engine, workspace_id: int, *, patience: float = WAIT) -> int:
    """Read the whole truth into a new state, which takes the place of the old one in the end; how many rows that took.

    Raises EngineBusy when somebody else is at it for longer than `patience` seconds.
    """

    def catch_up(draft: Engine) -> None:
        _catch_up(draft, workspace_id, patience)

    with engine.rebuilding(patience, catch_up) as draft:
        _restamp(workspace_id)
        rows = _read_whole(draft, workspace_id)
        return rows + _catch_up(draft, workspace_id, patience)


def advance_to(engine: Engine, workspace_id: int, goal: Position, *, most: int, patience: float = WAIT) -> int:
    """Bring an engine that nobody else writes to closer to a place where another engine stands, in one commit of about
    `most` rows; how many rows that took. At the goal it has read the very rows that the other one has. Raises
    EngineOvertaken when it has read others already.
    """
    with engine.writing(patience) as writer:
        position = Position.of(writer.cursor)
        if not position.is_within(goal):
            raise EngineOvertaken
        stop = _stop(position, goal, workspace_id, most)
        intake = _Intake()
        with _told(statement(_READ_UP_TO, position, workspace_id, stop)) as rows:
            intake.take_all(rows, writer)
        intake.finish(writer)
        writer.commit(stop.cursor())
    return intake.rows


def count_up_to(workspace_id: int, position: Position, goal: Position) -> int:
    """How many rows lie between the two places."""
    with raw_cursor() as cursor:
        cursor.execute(statement(_COUNT_UP_TO, position, workspace_id, goal))
        return int((cursor.fetchone() or (0,))[0])


def _stop(position: Position, goal: Position, workspace_id: int, most: int) -> Position:
    """The goal, or the place of the last one of the next `most` rows on the way to it."""
    with raw_cursor() as cursor:
        cursor.execute(statement(_STOP, position, workspace_id, goal, most))
        found = cursor.fetchone()
    if found is None:
        return goal
    xid, row_id = int(found[0]), found[1]
    return Position(goal.database, xid, row_id, tuple(hole for hole in goal.holes if hole < xid))


def belongs_here(engine: Engine) -> bool:
    """Whether the engine was filled from this database."""
    return Position.of(engine.cursor()).database == database()


def has_more_than(events: int, workspace_id: int) -> bool:
    with raw_cursor() as cursor:
        cursor.execute("SELECT FROM cdp_event WHERE workspace_id = %s OFFSET %s LIMIT 1", [workspace_id, events])
        return cursor.fetchone() is not None or raw_archive.count(workspace_id) > events


def _advance(writer: Writer, position: Position, workspace_id: int) -> int:
    intake = _Intake()
    with _unread(position, workspace_id) as rows:
        intake.take_all(rows, writer)
    intake.finish(writer)
    if intake.rows:  # else who held the lock before has read them
        writer.commit(intake.position(position).cursor())
    return intake.rows


def _read_whole(draft: Engine, workspace_id: int) -> int:
    """Piece by piece, so that memory does not grow with the truth; only the last cursor means anything."""
    intake, archive = _Intake(), raw_archive.archive_of(workspace_id)
    if archive is not None:
        raw_archive.whole_days(archive)  # what was lost there must not be left out here in silence
    with _told(statement(_READ if archive is None else _READ_REST, Position(), workspace_id)) as rows:
        _take_pieces(intake, rows, draft)
    if archive is not None:
        place = intake.last
        _take_pieces(intake, raw_archive.projected(archive, intake.rounds), draft)
        intake.last = place  # what lies elsewhere says nothing about how far PostgreSQL was read
    with draft.writing(timeout=WAIT) as writer:
        intake.finish(writer)
        writer.commit(intake.position(Position()).cursor())
    if draft.stored().events > CHUNK:
        draft.compact()
    return intake.rows


def _take_pieces(intake: "_Intake", rows: Iterator[Row], draft: Engine) -> None:
    while intake.take_piece(rows, draft):
        if is_foldable(draft.stored()):
            draft.compact()


def is_foldable(stored: Stored) -> bool:
    """A base that is written again when it has grown by half is written three times in all."""
    return stored.pending > max(FOLD_ROWS, (stored.events - stored.pending) // 2)


@contextmanager
def _unread(position: Position, workspace_id: int) -> Iterator[Iterator[Row]]:
    """Rows of one snapshot."""
    with _told(statement(_READ, position, workspace_id)) as rows:
        yield rows


@contextmanager
def _told(asked: sql.Composed) -> Iterator[Iterator[Row]]:
    """As they come from the server."""
    with raw_cursor() as cursor:
        told = cursor.stream(asked, binary=True, size=PARSED)
        with closing(cast("Generator[tuple[Any, ...]]", told)):  # who stops half-way leaves the connection free
            yield _parsed(told)


def _parsed(told: Iterator[tuple[Any, ...]]) -> Iterator[Row]:
    while texts := [text for (text,) in islice(told, PARSED)]:
        yield from orjson.loads(f"[{','.join(texts)}]")


class _Intake:
    """Sorts the rows of one read: events to the engine by chunks, changes after them in their order."""

    def __init__(self) -> None:
        self.rows = 0
        self.events: list[Row] = []
        self.traits: list[Row] = []
        self.changes: list[_Change] = []
        self.last = (0, 0)
        self.database = ""
        self.running: list[int] = []
        self.rounds: list[int] = []  # of raw events elsewhere, as that snapshot names them

    def take_all(self, rows: Iterable[Row], writer: Writer) -> None:
        for row in rows:
            self.take(row)
            if len(self.events) + len(self.traits) >= CHUNK:
                self._hand_over(writer)
        self._hand_over(writer)

    def take_piece(self, rows: Iterator[Row], engine: Engine) -> bool:
        """One run of the next rows; false when there are none left."""
        before = self.rows
        with engine.writing(timeout=WAIT) as writer:
            self.take_all(islice(rows, PIECE), writer)
            writer.commit(Position().cursor())
        return self.rows > before

    def take(self, row: Row) -> None:
        what = row[0]
        if what == "snapshot":
            _, self.database, snapshot = row
            self.running = [int(xid) for xid in snapshot.split(":")[2].split(",") if xid]
            return
        if what == "rounds":
            _, self.rounds, *last = row
            self.last = max(self.last, tuple(last))
            return
        self.rows += 1
        self.last = max(self.last, (row[1], row[2]))
        if what == "event":
            self._take_event(row)
        else:
            self.changes.append(_Change.of(row))

    def _take_event(self, row: Row) -> None:
        if row[5] in COUNTED:
            self.events.append(row)
        elif row[5] == Kind.IDENTIFY:
            self.traits.append(row)

    def _hand_over(self, writer: Writer) -> None:
        if self.events:
            writer.append(_event_batch(self.events))
        if self.traits:
            writer.set_attributes(_attribute_batch(self.traits))
        self.events, self.traits = [], []

    def finish(self, writer: Writer) -> None:
        for change in sorted(self.changes, key=lambda change: change.place):
            change.apply(writer)

    def position(self, before: Position) -> Position:
        xid, row_id = max(self.last, (before.xid, before.id))
        return Position(self.database, xid, row_id, tuple(run for run in self.running if run < xid))


def _event_batch(rows: list[Row]) -> EventBatch:
    _, _, seq, profile, name, kind, ts, received, *_ = zip(*rows, strict=True)
    return EventBatch(
        seq=np.array(seq, dtype=np.int64),
        profile=np.array(profile, dtype=np.int64),
        ts=np.array(ts, dtype=np.int64),
        received=np.array(received, dtype=np.int64),
        name=list(name),
        kind=np.array(kind, dtype=np.uint8),
        properties=[_with_context(row[8], row[9:]) for row in rows],
    )


def _with_context(properties: dict[str, Any], context: list[str | None]) -> dict[str, Any]:
    return properties | {name: value for name, value in zip(CONTEXT, context, strict=True) if value}


def _attribute_batch(rows: list[Row]) -> AttributeBatch:
    told = [(row[3], name, value, row[6]) for row in rows for name, value in row[8].items()]
    return AttributeBatch(
        profile=np.array([profile for profile, *_ in told], dtype=np.int64),
        name=[name for _, name, _, _ in told],
        value=[value for _, _, value, _ in told],
        ts=np.array([ts for *_, ts in told], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class _Change:
    """What a row of cdp_change asks of the engine. `place` is its (xid, id), `cluster` the profile and those merged
    into it earlier, `target` the voided event, the survivor, or the instant before which events go."""

    place: tuple[int, int]
    kind: str
    cluster: tuple[int, ...]
    target: int

    @classmethod
    def of(cls, row: Row) -> "_Change":
        kind, xid, row_id, profile, into, event, before = row
        image = before or {}
        target = event if kind == Change.Kind.VOID else image.get("before_ts", into)
        cluster = (profile, *image.get("loser", {}).get("aliases", ())) if profile else ()
        return cls((xid, row_id), kind, cluster, int(target or 0))

    def apply(self, writer: Writer) -> None:
        if self.kind == Change.Kind.VOID:
            writer.retract([self.target])
        elif self.kind == Change.Kind.MERGE:
            writer.relink(dict.fromkeys(self.cluster, self.target))
        elif self.kind == Change.Kind.SPLIT:
            writer.relink(dict.fromkeys(self.cluster, self.cluster[0]))
        elif self.kind == Change.Kind.ERASE:
            writer.forget(self.cluster)
        elif self.kind == Change.Kind.RETAIN:
            writer.purge(self.target)


# Reading


def _is_behind(position: Position, workspace_id: int) -> bool:
    with raw_cursor() as cursor:
        cursor.execute(statement(_BEHIND, position, workspace_id))
        (behind,) = cursor.fetchone() or (False,)
        return bool(behind)


def _restamp(workspace_id: int) -> None:
    """After a dump was restored elsewhere, rows carry transactions of another server: give those in the future ours."""
    with raw_cursor() as cursor:
        for table in ("cdp_event", "cdp_change"):
            statement = f"UPDATE {table} SET xid = DEFAULT WHERE workspace_id = %s AND xid > pg_current_xact_id()"
            cursor.execute(statement, [workspace_id])


_BEHIND = f"""
SELECT EXISTS (SELECT FROM cdp_event t WHERE {ABOVE}) OR EXISTS (SELECT FROM cdp_event t WHERE {HOLES})
    OR EXISTS (SELECT FROM cdp_change t WHERE {ABOVE}) OR EXISTS (SELECT FROM cdp_change t WHERE {HOLES})
    OR {{database}} NOT IN ('', {DATABASE})
"""

_EVENT = """SELECT json_build_array('event', t.xid::text::bigint, t.id, t.profile_id, t.name, t.kind,
    (extract(epoch FROM t.ts) * 1000000)::bigint, (extract(epoch FROM t.received_at) * 1000000)::bigint,
    t.properties, t.platform, t.device, t.campaign,
    coalesce(nullif(btrim(t.context #>> '{{campaign,source}}'), ''), t.properties ->> 'utm_source'))::text
    FROM cdp_event t WHERE """
_CHANGE = """SELECT json_build_array(t.kind, t.xid::text::bigint, t.id, t.profile_id, t.into_id, t.event_id,
    t.before)::text FROM cdp_change t WHERE """

_READ = f"""
SELECT json_build_array('snapshot', {DATABASE}, pg_current_snapshot())::text
UNION ALL {_EVENT} {ABOVE} UNION ALL {_EVENT} {HOLES}
UNION ALL {_CHANGE} {ABOVE} UNION ALL {_CHANGE} {HOLES}
"""

_READ_UP_TO = f"""
{_EVENT} {ABOVE_UP_TO} UNION ALL {_EVENT} {HOLES_UP_TO}
UNION ALL {_CHANGE} {ABOVE_UP_TO} UNION ALL {_CHANGE} {HOLES_UP_TO}
"""
_READ_REST = f"""
SELECT json_build_array('snapshot', {DATABASE}, pg_current_snapshot())::text
UNION ALL SELECT json_build_array('rounds', ARRAY(
    SELECT DISTINCT round FROM cdp_rawday WHERE workspace_id = {{workspace}}
), coalesce(last.xid::text::bigint, 0), coalesce(last.id, 0))::text
FROM (SELECT) one LEFT JOIN (
    SELECT t.xid, t.id FROM cdp_event t WHERE t.workspace_id = {{workspace}} ORDER BY t.xid DESC, t.id DESC LIMIT 1
) last ON true
UNION ALL {_EVENT} {ABOVE} AND NOT {raw_archive.IS_MOVED} UNION ALL {_CHANGE} {ABOVE}
"""
_TABLES = ("cdp_event", "cdp_change")
_NEXT = " UNION ALL ".join(
    f"(SELECT t.xid, t.id FROM {table} t WHERE {ABOVE_UP_TO} ORDER BY t.xid, t.id LIMIT {{most}})" for table in _TABLES
)
_STOP = f"""
SELECT found.xid::text, found.id FROM ({_NEXT}) found ORDER BY found.xid, found.id OFFSET {{most}} - 1 LIMIT 1
"""
_COUNT_UP_TO = "SELECT " + " + ".join(
    f"(SELECT count(*) FROM {table} t WHERE {part})" for table in _TABLES for part in (ABOVE_UP_TO, HOLES_UP_TO)
)
