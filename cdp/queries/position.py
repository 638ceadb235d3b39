"""A place in the truth from which a reader goes on, so that it sees every committed row exactly once.

The cursor is the (xid, id) of the last row read and the *holes*: transactions below it that were still running in the
same snapshot. A read takes what lies above the position and what the holes have committed since, in one statement and
so in one snapshot. Never stored: a snapshot's own bounds, because ids of transactions that were rolled back are used
again after a crash.
"""

from dataclasses import dataclass

from psycopg import sql

from cdp.engine.base import Cursor
from stratum.lib.raw import raw_cursor


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reader stands in the truth of one database."""

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


def database() -> str:
    with raw_cursor() as cursor:
        cursor.execute(f"SELECT {DATABASE}")
        return str(cursor.fetchone()[0])  # type: ignore[index]


def statement(template: str, position: Position, workspace_id: int) -> sql.Composed:
    """Literals in place of parameters; all of these are numbers of ours."""
    return sql.SQL(template).format(
        workspace=sql.Literal(workspace_id),
        xid=sql.Literal(str(position.xid)),
        id=sql.Literal(position.id),
        holes=sql.Literal("{" + ",".join(map(str, position.holes)) + "}"),
        database=sql.Literal(position.database),
    )


DATABASE = """(SELECT system_identifier FROM pg_control_system()) || '/' ||
    (SELECT oid FROM pg_database WHERE datname = current_database())"""

# A row belongs to the unread when it lies above the position or its transaction was a hole.
ABOVE = "t.workspace_id = {workspace} AND (t.xid, t.id) > ({xid}::xid8, {id}::bigint)"
HOLES = "t.workspace_id = {workspace} AND t.xid = ANY ({holes}::xid8[])"
