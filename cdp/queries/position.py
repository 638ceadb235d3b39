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

    def is_within(self, goal: "Position") -> bool:
        """Whether who stands at the goal has read all that who stands here has."""
        missed = {hole for hole in goal.holes if hole < self.xid} - set(self.holes)
        return (self.xid, self.id) <= (goal.xid, goal.id) and not missed

    def cursor(self) -> Cursor:
        return {"database": self.database, "xid": self.xid, "id": self.id, "holes": list(self.holes)}


def database() -> str:
    with raw_cursor() as cursor:
        cursor.execute(f"SELECT {DATABASE}")
        return str(cursor.fetchone()[0])  # type: ignore[index]


def statement(
    template: str, position: Position, workspace_id: int, goal: Position | None = None, most: int = 0
) -> sql.Composed:
    """Literals in place of parameters; all of these are numbers of ours."""
    named = {"": position, "goal_": goal or Position()}
    places = {
        f"{prefix}{name}": literal
        for prefix, place in named.items()
        for name, literal in (
            ("xid", sql.Literal(str(place.xid))),
            ("id", sql.Literal(place.id)),
            ("holes", sql.Literal("{" + ",".join(map(str, place.holes)) + "}")),
            ("database", sql.Literal(place.database)),
        )
    }
    return sql.SQL(template).format(workspace=sql.Literal(workspace_id), most=sql.Literal(most), **places)


DATABASE = """(SELECT system_identifier FROM pg_control_system()) || '/' ||
    (SELECT oid FROM pg_database WHERE datname = current_database())"""

# A row belongs to the unread when it lies above the position or its transaction was a hole.
ABOVE = "t.workspace_id = {workspace} AND (t.xid, t.id) > ({xid}::xid8, {id}::bigint)"
HOLES = "t.workspace_id = {workspace} AND t.xid = ANY ({holes}::xid8[])"

# It was read by who stands at the goal.
_UP_TO = "(t.xid, t.id) <= ({goal_xid}::xid8, {goal_id}::bigint) AND NOT t.xid = ANY ({goal_holes}::xid8[])"
ABOVE_UP_TO = f"{ABOVE} AND {_UP_TO}"
HOLES_UP_TO = f"{HOLES} AND {_UP_TO}"
