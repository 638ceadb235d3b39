"""The projection: every committed event, void, merge and erasure reaches the engine exactly once.

The cursor is the (xid, id) of the last row read and the *holes*: transactions below it that were still running in the
same snapshot. A read takes what lies above the position and what the holes have committed since, in one statement and
so in one snapshot. Never stored: a snapshot's own bounds, because ids of transactions that were rolled back are used
again after a crash.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from psycopg import sql

from cdp.engine.base import AttributeBatch, Cursor, Engine, EventBatch, Writer
from cdp.models import Change, Kind
from stratum.lib.raw import raw_cursor

CHUNK = 20_000  # events handed to the engine at a time
WAIT = 30.0  # seconds for another process that brings the engine up to date

COUNTED = {Kind.TRACK, Kind.PAGE, Kind.SCREEN}


@dataclass(frozen=True, slots=True)
class Position:
    """Where the engine stands in the truth of one database."""

    database: str = ""
    xid: int = 0
    id: int = 0
    holes: tuple[int, ...] = ()

    @classmethod
    def of(cls, cursor: Cursor | None) -> "Position":
        if cursor is None:
            return cls()
        return cls(cursor["database"], cursor["xid"], cursor["id"], tuple(cursor["holes"]))

    def cursor(self) -> Cursor:
        return {"database": self.database, "xid": self.xid, "id": self.id, "holes": list(self.holes)}


def project(engine: Engine, workspace_id: int) -> int:
    """Bring the engine up to every row committed by now; how many rows that took."""
    if not _is_behind(Position.of(engine.cursor()), workspace_id):
        return 0
    with engine.writing(timeout=WAIT) as writer:
        position = Position.of(writer.cursor)
        if position.database in {"", _database()}:
            return _advance(writer, position, workspace_id)
    return rebuild(engine, workspace_id)  # its transactions mean nothing in this database


def rebuild(engine: Engine, workspace_id: int) -> int:
    """Throw the engine's state away and read the whole truth again."""
    engine.drop()
    _restamp(workspace_id)
    return project(engine, workspace_id)


def _advance(writer: Writer, position: Position, workspace_id: int) -> int:
    intake = _Intake(writer)
    with raw_cursor() as cursor, cursor.copy(_statement(_READ, position, workspace_id)) as copy:
        for row in copy.rows():
            intake.take(row)
    intake.finish()
    writer.commit(intake.position(position).cursor())
    return intake.rows


class _Intake:
    """Sorts the rows of one read: events to the engine by chunks, changes after them in their order."""

    def __init__(self, writer: Writer) -> None:
        self.rows = 0
        self.writer = writer
        self.events: list[tuple[Any, ...]] = []
        self.traits: list[tuple[Any, ...]] = []
        self.changes: list[tuple[Any, ...]] = []
        self.last = (0, 0)
        self.database = ""
        self.running: list[int] = []

    def take(self, row: tuple[Any, ...]) -> None:
        what = row[0]
        if what == "snapshot":
            self.database = row[3]
            running = row[4].split(":")[2]
            self.running = [int(xid) for xid in running.split(",") if xid]
            return
        self.rows += 1
        self.last = max(self.last, (int(row[1]), int(row[2])))
        if what == "event":
            self._take_event(row)
        else:
            self.changes.append(row)

    def _take_event(self, row: tuple[Any, ...]) -> None:
        kind = int(row[5])
        if kind in COUNTED:
            self.events.append(row)
        elif kind == Kind.IDENTIFY:
            self.traits.append(row)
        if len(self.events) + len(self.traits) >= CHUNK:
            self._hand_over()

    def _hand_over(self) -> None:
        if self.events:
            self.writer.append(_event_batch(self.events))
        if self.traits:
            self.writer.set_attributes(_attribute_batch(self.traits))
        self.events, self.traits = [], []

    def finish(self) -> None:
        self._hand_over()
        for row in sorted(self.changes, key=lambda row: (int(row[1]), int(row[2]))):
            _apply(self.writer, what=row[0], profile=row[3], into=row[4], event=row[5], before=row[8])

    def position(self, before: Position) -> Position:
        xid, row_id = max(self.last, (before.xid, before.id))
        return Position(self.database, xid, row_id, tuple(run for run in self.running if run < xid))


def _event_batch(rows: list[tuple[Any, ...]]) -> EventBatch:
    _, _, seq, profile, name, kind, ts, received, properties, platform, device, campaign = zip(*rows, strict=True)
    return EventBatch(
        seq=np.array(seq, dtype=np.int64),
        profile=np.array(profile, dtype=np.int64),
        ts=np.array(ts, dtype=np.int64),
        received=np.array(received, dtype=np.int64),
        name=list(name),
        kind=np.array(kind, dtype=np.uint8),
        properties=[
            _with_context(orjson.loads(text), *context)
            for text, *context in zip(properties, platform, device, campaign, strict=True)
        ],
    )


def _with_context(
    properties: dict[str, Any], platform: str | None, device: str | None, campaign: str | None
) -> dict[str, Any]:
    if platform:
        properties["$platform"] = platform
    if device:
        properties["$device"] = device
    if campaign:
        properties["$campaign"] = campaign
    return properties


def _attribute_batch(rows: list[tuple[Any, ...]]) -> AttributeBatch:
    told = [(int(row[3]), name, value, int(row[6])) for row in rows for name, value in orjson.loads(row[8]).items()]
    return AttributeBatch(
        profile=np.array([profile for profile, *_ in told], dtype=np.int64),
        name=[name for _, name, _, _ in told],
        value=[value for _, _, value, _ in told],
        ts=np.array([ts for *_, ts in told], dtype=np.int64),
    )


def _apply(writer: Writer, *, what: str, profile: str, into: str, event: str, before: str) -> None:
    if what == Change.Kind.VOID:
        writer.retract([int(event)])
    elif what == Change.Kind.MERGE:
        writer.relink(dict.fromkeys(_cluster(profile, before), int(into)))
    elif what == Change.Kind.SPLIT:
        writer.relink(dict.fromkeys(_cluster(profile, before), int(profile)))
    elif what == Change.Kind.ERASE:
        writer.forget(_cluster(profile, before))
    elif what == Change.Kind.RETAIN:
        writer.purge(orjson.loads(before)["before_ts"])


def _cluster(profile: str, before: str | None) -> list[int]:
    """The profile and those merged into it earlier."""
    image = orjson.loads(before)["loser"] if before else {"aliases": []}
    return [int(profile), *image["aliases"]]


# Reading


def _database() -> str:
    with raw_cursor() as cursor:
        cursor.execute(f"SELECT {_DATABASE}")
        return str(cursor.fetchone()[0])  # type: ignore[index]


def _is_behind(position: Position, workspace_id: int) -> bool:
    with raw_cursor() as cursor:
        cursor.execute(_statement(_BEHIND, position, workspace_id))
        (behind,) = cursor.fetchone() or (False,)
        return bool(behind)


def _restamp(workspace_id: int) -> None:
    """After a dump was restored elsewhere, rows carry transactions of another server: give those in the future ours."""
    with raw_cursor() as cursor:
        for table in ("cdp_event", "cdp_change"):
            statement = f"UPDATE {table} SET xid = DEFAULT WHERE workspace_id = %s AND xid > pg_current_xact_id()"
            cursor.execute(statement, [workspace_id])


def _statement(template: str, position: Position, workspace_id: int) -> sql.Composed:
    """COPY takes no parameters; all of these are numbers of ours."""
    return sql.SQL(template).format(
        workspace=sql.Literal(workspace_id),
        xid=sql.Literal(str(position.xid)),
        id=sql.Literal(position.id),
        holes=sql.Literal("{" + ",".join(map(str, position.holes)) + "}"),
        database=sql.Literal(position.database),
    )


_DATABASE = """(SELECT system_identifier FROM pg_control_system()) || '/' ||
    (SELECT oid FROM pg_database WHERE datname = current_database())"""

# A row belongs to the unread when it lies above the position or its transaction was a hole.
_ABOVE = "t.workspace_id = {workspace} AND (t.xid, t.id) > ({xid}::xid8, {id}::bigint)"
_HOLES = "t.workspace_id = {workspace} AND t.xid = ANY ({holes}::xid8[])"

_BEHIND = f"""
SELECT EXISTS (SELECT FROM cdp_event t WHERE {_ABOVE}) OR EXISTS (SELECT FROM cdp_event t WHERE {_HOLES})
    OR EXISTS (SELECT FROM cdp_change t WHERE {_ABOVE}) OR EXISTS (SELECT FROM cdp_change t WHERE {_HOLES})
    OR {{database}} NOT IN ('', {_DATABASE})
"""

_EVENT = """SELECT 'event', t.xid::text, t.id, t.profile_id::text, t.name, t.kind::text,
    (extract(epoch FROM t.ts) * 1000000)::bigint, (extract(epoch FROM t.received_at) * 1000000)::bigint,
    t.properties::text, t.platform, t.device, t.campaign FROM cdp_event t WHERE """
_CHANGE = """SELECT t.kind, t.xid::text, t.id, t.profile_id::text, t.into_id::text, t.event_id::text,
    0, 0, t.before::text, NULL, NULL, NULL FROM cdp_change t WHERE """

_READ = f"""COPY (
SELECT 'snapshot', '0', 0::bigint, {_DATABASE}, pg_current_snapshot()::text, '', 0::bigint, 0::bigint,
    '', '', '', ''
UNION ALL {_EVENT} {_ABOVE} UNION ALL {_EVENT} {_HOLES}
UNION ALL {_CHANGE} {_ABOVE} UNION ALL {_CHANGE} {_HOLES}
) TO STDOUT"""
