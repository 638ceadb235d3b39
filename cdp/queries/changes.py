"""The change feed: whom the rows committed since a place in the truth concern.

Whoever keeps something per profile reads it, works out anew what it names, and stores the new place together with the
result: what a crash interrupts is then simply read again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cdp.engine.arrays import Ints
from cdp.models import Change, Kind
from cdp.queries import arrays
from cdp.queries.arrays import NOBODY
from cdp.queries.position import ABOVE, DATABASE, HOLES, Position, statement
from cdp.queries.survivors import survivors
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

_LINKING = (Change.Kind.MERGE, Change.Kind.SPLIT, Change.Kind.ERASE)


@dataclass(frozen=True, eq=False)
class Changes:
    """Numbers of profiles, ascending, as they stand now: of merged ones the survivor.

    `acted`: by event name, whose events came or were voided. `told`: whose attributes may be others. `linked`: to whom
    events of a merge or split now belong. `gone`: numbers that stopped being a profile, merged or erased. `retained`:
    whether old events were removed.
    """

    position: Position
    rows: int
    acted: Mapping[str, Ints]
    told: Ints
    linked: Ints
    gone: Ints
    retained: bool

    @property
    def everybody(self) -> Ints:
        return union([*self.acted.values(), self.told, self.linked])


def union(parts: list[Ints]) -> Ints:
    return np.unique(np.concatenate(parts)) if parts else NOBODY


def here(workspace: Workspace) -> Position:
    """The place behind everything that is committed by now."""
    with raw_cursor() as cursor:
        cursor.execute(statement(_HERE, Position(), workspace.pk))
        return _position(Position(), cursor.fetchone() or ())


def is_current(workspace: Workspace, position: Position) -> bool:
    """Whether nothing was committed since, in this database: cheaper than reading nothing."""
    with raw_cursor() as cursor:
        cursor.execute(statement(_CURRENT, position, workspace.pk))
        return bool((cursor.fetchone() or (False,))[0])


def has_any(workspace: Workspace, position: Position) -> bool:
    with raw_cursor() as cursor:
        cursor.execute(statement(_ANY, position, workspace.pk))
        return bool((cursor.fetchone() or (False,))[0])


def is_of_here(position: Position) -> bool:
    """False for a place in another database, such as one that was restored from a backup: it means nothing here."""
    with raw_cursor() as cursor:
        cursor.execute(f"SELECT {DATABASE}")
        return position.database == (cursor.fetchone() or ("",))[0]


def since(workspace: Workspace, position: Position) -> Changes:
    """What was committed after the place, in one snapshot. The engine, asked for afterwards, knows all of it."""
    with raw_cursor() as cursor:
        cursor.execute(statement(_SINCE, position, workspace.pk), binary=True)
        rows = cursor.fetchall()
    return _read(workspace, position, rows)


def _read(workspace: Workspace, before: Position, rows: list[tuple[Any, ...]]) -> Changes:
    (position, total), acted, named = (before, 0), {}, {}
    for what, name, *place, count, sent in rows:
        if what == "position":
            position, total = _position(before, (name, *place)), count
        elif what == "acted":
            acted[name] = survivors(workspace, arrays.received(sent))
        else:
            named[what] = arrays.received(sent)
    concerned = union([named[kind] for kind in _LINKING if kind in named])
    linked = survivors(workspace, concerned)
    told = survivors(workspace, named.get("told", NOBODY))
    gone = np.setdiff1d(concerned, linked)
    return Changes(position, total, acted, told, linked, gone, Change.Kind.RETAIN in named)


def _position(before: Position, row: tuple[Any, ...]) -> Position:
    database, xid, row_id, snapshot = row
    last = max((int(xid or 0), row_id or 0), (before.xid, before.id))
    running = (int(each) for each in snapshot.split(":")[2].split(",") if each)
    return Position(database, *last, tuple(each for each in running if each < last[0]))


_SNAPSHOT = f"{DATABASE}, last.xid::text, last.id, pg_current_snapshot()::text"
_LAST = "SELECT t.xid, t.id FROM {table} t WHERE t.workspace_id = {{workspace}} ORDER BY t.xid DESC, t.id DESC LIMIT 1"
_HERE = f"""
SELECT {_SNAPSHOT} FROM (SELECT) one LEFT JOIN (
    ({_LAST.format(table="cdp_event")}) UNION ALL ({_LAST.format(table="cdp_change")}) ORDER BY 1 DESC, 2 DESC LIMIT 1
) last ON true
"""

_ANY = f"""
SELECT EXISTS (SELECT FROM cdp_event t WHERE {ABOVE}) OR EXISTS (SELECT FROM cdp_event t WHERE {HOLES})
    OR EXISTS (SELECT FROM cdp_change t WHERE {ABOVE}) OR EXISTS (SELECT FROM cdp_change t WHERE {HOLES})
"""

_CURRENT = f"SELECT {DATABASE} = {{database}} AND NOT (SELECT any_row FROM ({_ANY}) found(any_row))"

_EVENT = "SELECT t.xid, t.id, t.kind, t.name, t.profile_id FROM cdp_event t WHERE "
_CHANGE = """SELECT t.xid, t.id, t.kind, t.profile_id, t.into_id,
    CASE t.kind WHEN 'void' THEN coalesce(e.profile_id, t.profile_id) END AS actor,
    CASE t.kind WHEN 'void' THEN coalesce(e.name, t.before ->> 'name') END AS name
    FROM cdp_change t LEFT JOIN cdp_event e ON e.id = t.event_id WHERE """

# Each profile once per event name, as it was when the event came.
_SINCE = f"""
WITH event AS MATERIALIZED ({_EVENT} {ABOVE} UNION ALL {_EVENT} {HOLES}),
change AS MATERIALIZED ({_CHANGE} {ABOVE} UNION ALL {_CHANGE} {HOLES}),
last AS (SELECT xid, id FROM event UNION ALL SELECT xid, id FROM change ORDER BY 1 DESC, 2 DESC LIMIT 1),
acted AS (
    SELECT name, profile_id FROM event WHERE kind <= {Kind.SCREEN}
    UNION SELECT name, actor FROM change WHERE actor IS NOT NULL AND name IS NOT NULL
),
named AS (
    SELECT DISTINCT change.kind AS what, who.id FROM change
        CROSS JOIN LATERAL (VALUES (change.profile_id), (change.into_id), (change.actor)) who(id)
    UNION SELECT 'told', profile_id FROM event WHERE kind > {Kind.SCREEN}
)
SELECT 'position' AS what, {_SNAPSHOT}, (SELECT count(*) FROM event) + (SELECT count(*) FROM change), NULL::bytea
FROM (SELECT) one LEFT JOIN last ON true
UNION ALL SELECT 'acted', name, NULL, NULL, NULL, NULL, array_send(array_agg(profile_id)) FROM acted GROUP BY name
UNION ALL SELECT what, NULL, NULL, NULL, NULL, NULL, array_send(array_agg(id) FILTER (WHERE id IS NOT NULL))
    FROM named GROUP BY what
"""
