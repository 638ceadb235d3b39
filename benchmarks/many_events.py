"""The demo workspace many times over: its profiles and events again under other numbers, until there are enough."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction

from cdp.models import Event, SegmentPlace
from cdp.services import engine
from cdp.services.trait_values import forget_places
from cdp.tasks import bring_definitions_up_to_date
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Job, Workspace

GROWN = "benchmarks.grown"  # kind of the Job row that says: complete
TABLES = ("cdp_profile", "cdp_identifier", "cdp_event", "cdp_change")
GAP = 1_000  # numbers between copies, so that whatever takes a block of numbers takes a new one

# A copy's rows are the demo's, `offset` numbers further; what has to be unique ends with the copy's number.
MOVED = {"id", "event_id", "profile_id", "into_id", "merged_into"}
ENDED = {"cdp_profile.user_id", "cdp_identifier.value", "cdp_event.message_id", "cdp_event.pair_key"}
GIVEN_BY_POSTGRESQL = {"xid"}
# Whom the loser of a merge had been merged with before.
ALIASES = """
CASE WHEN jsonb_array_length(before #> '{loser,aliases}') > 0 THEN jsonb_set(before, '{loser,aliases}', (
    SELECT jsonb_agg(one::bigint + %(offset)s) FROM jsonb_array_elements_text(before #> '{loser,aliases}') one
)) ELSE before END
"""


def grow(workspace: Workspace, events: int, *, told: Callable[[str], None]) -> int:
    """So many events or a few more, with everything that is computed from them; how many there are."""
    if not Job.objects.filter(workspace=workspace, kind=GROWN).exists():
        _copy(workspace, events, told)
        with raw_cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        told("filling the engine")
        engine.rebuild(workspace)
        told("computing traits and segments")
        forget_places(workspace)
        SegmentPlace.objects.filter(workspace=workspace).delete()  # everybody is decided, instead of all news read
        bring_definitions_up_to_date(workspace)
        with raw_cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        Job.objects.create(workspace=workspace, kind=GROWN, state=Job.State.SUCCEEDED, created_at=workspace.created_at)
    return Event.objects.filter(workspace=workspace).count()


@transaction.atomic
def _copy(workspace: Workspace, events: int, told: Callable[[str], None]) -> None:
    """All or nothing: interrupted, it begins again."""
    stored = Event.objects.filter(workspace=workspace).count()
    copies = -(-events // stored) - 1
    with raw_cursor() as cursor:
        cursor.execute("SELECT nextval('cdp_block')")
        (span,) = cursor.fetchone() or (0,)
        for table in TABLES:
            chosen = f"SELECT * FROM {table} WHERE workspace_id = {workspace.pk:d}"
            cursor.execute(f"CREATE TEMPORARY TABLE demo_{table} ON COMMIT DROP AS {chosen}")
        with _without_indexes(told):
            for copy in range(1, copies + 1):
                told(f"copy {copy} of {copies}: {(copy + 1) * stored:,} events")
                for table in TABLES:
                    cursor.execute(_again(table), {"offset": copy * (span + GAP), "tail": f".{copy}"})
        cursor.execute("SELECT setval('cdp_block', %s)", [(copies + 1) * (span + GAP) // 1_000 * 1_000 + 1])


def _again(table: str) -> str:
    with raw_cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        columns = [name for (name,) in cursor.fetchall() if name not in GIVEN_BY_POSTGRESQL]
    values = [_value(table, name) for name in columns]
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM demo_{table}"


def _value(table: str, name: str) -> str:
    if (table, name) == ("cdp_change", "before"):
        return ALIASES
    if name in MOVED:
        return f"{name} + %(offset)s"
    return f"{name} || %(tail)s" if f"{table}.{name}" in ENDED else name


@contextmanager
def _without_indexes(told: Callable[[str], None]) -> Iterator[None]:
    """Making them anew in the end takes a fraction of what keeping them with every row does."""
    with raw_cursor() as cursor:
        cursor.execute(_INDEXES, [list(TABLES)])
        known = cursor.fetchall()
        for table, name, constraint, _ in known:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if constraint else f"DROP INDEX {name}")
        yield
        told("indexes")
        for table, name, constraint, definition in known:
            made = f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}" if constraint else definition
            cursor.execute(made)


_INDEXES = """
SELECT c.relname, i.relname, pg_get_constraintdef(k.oid), pg_get_indexdef(i.oid)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.contype IN ('p', 'u') AND k.conrelid = c.oid
WHERE c.relname = ANY (%s) AND c.relnamespace = 'public'::regnamespace
"""
