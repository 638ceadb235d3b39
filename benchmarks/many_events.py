"""The demo workspace many times over: its profiles and events again under other numbers, until there are enough."""

from collections.abc import Callable

from django.db import transaction

from cdp.models import Event
from cdp.tasks import bring_definitions_up_to_date, bring_up_to_date
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Job, Workspace

GROWN = "benchmarks.grown"  # kind of the Job row that says: complete

# A copy's rows are the demo's, `offset` numbers further; what has to be unique ends with the copy's number.
PROFILES = """
INSERT INTO cdp_profile
    (id, workspace_id, merged_into, user_id, attributes, attribute_times, created_at, merges, erased_at)
SELECT id + %(offset)s, workspace_id, merged_into + %(offset)s, user_id || %(tail)s, attributes, attribute_times,
       created_at, merges, erased_at
FROM cdp_profile WHERE workspace_id = %(workspace)s AND id <= %(span)s
"""
IDENTIFIERS = """
INSERT INTO cdp_identifier (id, workspace_id, kind, value, profile_id, created_at)
SELECT id + %(offset)s, workspace_id, kind, value || %(tail)s, profile_id + %(offset)s, created_at
FROM cdp_identifier WHERE workspace_id = %(workspace)s AND id <= %(span)s
"""
EVENTS = """
INSERT INTO cdp_event
    (id, workspace_id, message_id, pair_key, profile_id, source_id, kind, name, original_name, ts, received_at, sent_at,
     original_timestamp, properties, context, platform, device, campaign, flags)
SELECT id + %(offset)s, workspace_id, message_id || %(tail)s, pair_key || %(tail)s, profile_id + %(offset)s, source_id,
       kind, name, original_name, ts, received_at, sent_at, original_timestamp, properties, context, platform, device,
       campaign, flags
FROM cdp_event WHERE workspace_id = %(workspace)s AND id <= %(span)s
"""
CHANGES = """
INSERT INTO cdp_change ({columns}) SELECT {values} FROM cdp_change
WHERE workspace_id = %(workspace)s AND id <= %(span)s
"""
MOVED = {"id", "event_id", "profile_id", "into_id"}


def grow(workspace: Workspace, events: int, *, told: Callable[[str], None]) -> int:
    """So many events or a few more, with everything that is computed from them; how many there are."""
    if not Job.objects.filter(workspace=workspace, kind=GROWN).exists():
        _copy(workspace, events, told)
        told("bringing the engine, traits and segments up to date")
        bring_up_to_date(workspace)
        bring_definitions_up_to_date(workspace)
        with raw_cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        Job.objects.create(workspace=workspace, kind=GROWN, state=Job.State.SUCCEEDED, created_at=workspace.created_at)
    return Event.objects.filter(workspace=workspace).count()


def _copy(workspace: Workspace, events: int, told: Callable[[str], None]) -> None:
    mine = Event.objects.filter(workspace=workspace)
    stored = mine.count()
    with raw_cursor() as cursor:
        cursor.execute("SELECT nextval('cdp_block')")
        (span,) = cursor.fetchone() or (0,)
    for copy in range(1, -(-events // stored)):
        told(f"copy {copy}: {(copy + 1) * stored:,} events")
        _copy_once(workspace, copy, span)


@transaction.atomic
def _copy_once(workspace: Workspace, copy: int, span: int) -> None:
    given = {"workspace": workspace.pk, "span": span, "offset": copy * (span + 1_000), "tail": f".{copy}"}
    with raw_cursor() as cursor:
        for statement in (PROFILES, IDENTIFIERS, EVENTS, _changes()):
            cursor.execute(statement, given)
        cursor.execute("SELECT setval('cdp_block', %s)", [(copy + 1) * (span + 1_000) // 1_000 * 1_000 + 1])


def _changes() -> str:
    with raw_cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'cdp_change'")
        columns = [name for (name,) in cursor.fetchall() if name != "xid"]
    values = [f"{name} + %(offset)s" if name in MOVED else name for name in columns]
    return CHANGES.format(columns=", ".join(columns), values=", ".join(values))
