"""The outbox: what has to be looked at. One row per record, however often it changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import Q

from integrations.models import PipedriveConnection, PipedriveOutbox

LEASE = timedelta(minutes=5)
MOST_ATTEMPTS = 8
PAUSES = (60, 300, 900, 3_600, 3_600, 7_200, 14_400)  # seconds after each failure
State = PipedriveOutbox.State

# A waiting duplicate, a record that was ignored or gave up stays so unless somebody asks, or it changes again.
_PUT = """
INSERT INTO integrations_pipedriveoutbox (connection_id, kind, local_id, state, forced, changes, queued_at, scans,
    attempts, not_before, last_error)
SELECT %(connection)s, %(kind)s, id, 'queued', %(forced)s, 1, %(now)s, 0, 0, %(now)s, ''
FROM unnest(%(ids)s::bigint[]) AS id ORDER BY id
ON CONFLICT (connection_id, kind, local_id) DO UPDATE SET
    changes = integrations_pipedriveoutbox.changes + 1,
    forced = integrations_pipedriveoutbox.forced OR excluded.forced,
    state = CASE WHEN integrations_pipedriveoutbox.state IN ('ignored', 'dead')
        OR (%(revive)s AND integrations_pipedriveoutbox.state = 'waiting')
        THEN 'queued' ELSE integrations_pipedriveoutbox.state END,
    attempts = CASE WHEN integrations_pipedriveoutbox.state IN ('ignored', 'dead') OR %(revive)s
        THEN 0 ELSE integrations_pipedriveoutbox.attempts END,
    not_before = CASE WHEN %(revive)s THEN excluded.not_before ELSE integrations_pipedriveoutbox.not_before END
"""


def put(
    connection: PipedriveConnection,
    kind: str,
    local_ids: Iterable[int],
    *,
    now: datetime,
    forced: bool = False,
    revive: bool = False,
) -> int:
    """In the caller's transaction. `forced`: look at Pipedrive although ours is unchanged. `revive`: somebody asked."""
    ids = sorted(set(local_ids))
    if not ids:
        return 0
    parameters: dict[str, Any] = {
        "connection": connection.pk,
        "kind": kind,
        "forced": forced,
        "now": now,
        "ids": ids,
        "revive": revive,
    }
    with database.cursor() as cursor:
        cursor.execute(_PUT, parameters)
    return len(ids)


def claim(
    connection: PipedriveConnection, kind: str, *, most: int, now: datetime, only: Sequence[int] | None = None
) -> list[PipedriveOutbox]:
    """The oldest that are due and that nobody holds; held by the caller until the lease ends."""
    due = PipedriveOutbox.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now),
        connection=connection,
        kind=kind,
        state__in=(State.QUEUED, State.IN_FLIGHT, State.AMBIGUOUS),
        not_before__lte=now,
    )
    if only is not None:
        due = due.filter(local_id__in=only)
    with transaction.atomic():
        rows = list(due.order_by("queued_at", "id").select_for_update(skip_locked=True)[:most])
        PipedriveOutbox.objects.filter(pk__in=[row.pk for row in rows]).update(lease_until=now + LEASE)
    return rows


def done(rows: Sequence[PipedriveOutbox], *, now: datetime) -> None:
    """Off the list, unless something changed since they were claimed: those are looked at again."""
    if not rows:
        return
    keys = [row.pk for row in rows]
    with database.cursor() as cursor:
        cursor.execute(_DONE, [keys, [row.changes for row in rows]])
    PipedriveOutbox.objects.filter(pk__in=keys).update(
        state=State.QUEUED, lease_until=None, intent_at=None, attempts=0, scans=0, last_error="", not_before=now
    )


_DONE = """
DELETE FROM integrations_pipedriveoutbox o USING unnest(%s::bigint[], %s::int[]) AS d(id, changes)
WHERE o.id = d.id AND o.changes = d.changes
"""


def give_back(rows: Iterable[PipedriveOutbox], *, now: datetime) -> None:
    """Unfinished through no fault of theirs: as they were, to be claimed again."""
    for row in rows:
        PipedriveOutbox.objects.filter(pk=row.pk).update(lease_until=None, not_before=now)


def intend(rows: Iterable[PipedriveOutbox], *, now: datetime) -> None:
    """Committed before the call that creates: whoever finds the row so knows that the call may have been made."""
    keys = [row.pk for row in rows]
    PipedriveOutbox.objects.filter(pk__in=keys).update(state=State.IN_FLIGHT, intent_at=now)


def doubt(row: PipedriveOutbox, *, settles_at: datetime, error: str) -> None:
    """Nobody knows whether it was created: looked for once things have settled."""
    PipedriveOutbox.objects.filter(pk=row.pk).update(
        state=State.AMBIGUOUS, not_before=settles_at, lease_until=None, last_error=error[:500]
    )


def fail(row: PipedriveOutbox, *, error: str, now: datetime, is_final: bool = False) -> bool:
    """Later again, or never: True when it gave up."""
    attempts = row.attempts + 1
    gives_up = is_final or attempts >= MOST_ATTEMPTS
    pause = PAUSES[min(attempts, len(PAUSES)) - 1]
    PipedriveOutbox.objects.filter(pk=row.pk).update(
        state=State.DEAD if gives_up else State.QUEUED,
        attempts=attempts,
        not_before=now + timedelta(seconds=pause),
        lease_until=None,
        intent_at=None,
        last_error=error[:500],
    )
    return gives_up


def wait(row: PipedriveOutbox, *, reason: str) -> None:
    """For a person to decide."""
    PipedriveOutbox.objects.filter(pk=row.pk).update(
        state=State.WAITING, lease_until=None, intent_at=None, last_error=reason[:500]
    )


def forget(connection: PipedriveConnection, kind: str, local_ids: Iterable[int]) -> None:
    PipedriveOutbox.objects.filter(connection=connection, kind=kind, local_id__in=list(local_ids)).delete()
