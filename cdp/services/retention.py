"""Once a day each workspace's raw events beyond its retention go; what they came to for traits of all time stays.

A workspace that moves to a plan with fewer days loses nothing by it: what was promised longer is kept that long.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from cdp.models import EventCopy, RejectedItem, Retention
from cdp.services import expiry, raw_archive
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace

TASK = "cdp.retain"
EVERY = timedelta(days=1)
MARGIN = timedelta(days=1)  # so far behind the limit no message is accepted any more
MOST_AT_ONCE = 20  # workspaces in one minute
BATCH = 5_000  # rows of one statement
REFUSED_DAYS = 30  # refused items serve to mend a sender, not to be kept
FROM_UNLIMITED = timedelta(days=365)

BEFORE_EVERYTHING = "0", -1

# Walks the index once, in the order of arrival; a statement is short, so nobody waits for it.
REMOVE = """
WITH piece AS (
    SELECT id, xid FROM cdp_event
    WHERE workspace_id = %s AND (xid, id) > (%s::xid8, %s) AND ts < %s
    ORDER BY cdp_event.xid, id LIMIT %s
), gone AS (
    DELETE FROM cdp_event USING piece WHERE cdp_event.id = piece.id
)
SELECT xid::text, id FROM piece ORDER BY piece.xid, id
"""


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces that were not looked at for a day."""
    limited = [code for code, plan in plans.PLANS.items() if plan.retention_days is not None]
    due = Workspace.objects.filter(Q(plan__in=limited) | Q(retention__days__isnull=False))
    due = due.filter(Q(retention=None) | Q(retention__ran_at__lte=now - EVERY)).order_by("pk")[:MOST_AT_ONCE]
    return [{"workspace_id": workspace.pk} for workspace in due if _claim(workspace, now)]


def _claim(workspace: Workspace, now: datetime) -> bool:
    """Move its day on, so that the next tick does not start it again; a failed run is tried the day after."""
    _, is_new = Retention.objects.get_or_create(
        workspace=workspace, defaults={"days": plans.of(workspace).retention_days, "ran_at": now}
    )
    known = Retention.objects.filter(workspace=workspace, ran_at__lte=now - EVERY)
    return is_new or bool(known.update(ran_at=now))


def retain(*, workspace: Workspace, now: datetime) -> int:
    """Remove what has expired; how many events that were. Can be killed and run again at any time."""
    days = _days_in_force(workspace, now)
    RejectedItem.objects.filter(workspace=workspace, received_at__lt=now - timedelta(days=REFUSED_DAYS)).delete()
    if days is None:
        return 0
    before = now - timedelta(days=days) - MARGIN
    expiry.expire(workspace=workspace, before=before, now=now)
    removed = sum(_removed(workspace, before))
    if elsewhere := raw_archive.forget_expired(workspace, before):
        Retention.objects.filter(workspace=workspace).update(removed=F("removed") + elsewhere)
        removed += elsewhere
    EventCopy.objects.filter(workspace=workspace, received_at__lt=before).delete()
    Retention.objects.filter(workspace=workspace).update(ran_at=now)
    return removed


@transaction.atomic
def _days_in_force(workspace: Workspace, now: datetime) -> int | None:
    promised = plans.of(workspace).retention_days
    Retention.objects.get_or_create(workspace=workspace, defaults={"days": promised, "ran_at": now})
    row = Retention.objects.select_for_update().get(workspace=workspace)
    row.days, row.shrinks_at = in_force(row.days, promised, row.shrinks_at, now)
    row.save(update_fields=["days", "shrinks_at"])
    return row.days


def in_force(
    days: int | None, promised: int | None, shrinks_at: datetime | None, now: datetime
) -> tuple[int | None, datetime | None]:
    """The days that hold now and, while a smaller plan waits for what was promised longer, when its own will."""
    if promised is None or (days is not None and promised >= days):
        return promised, None
    if shrinks_at is None:
        return days, now + (timedelta(days=days) if days is not None else FROM_UNLIMITED)
    return (promised, None) if now >= shrinks_at else (days, shrinks_at)


def _removed(workspace: Workspace, before: datetime) -> Iterator[int]:
    """Each batch is committed by itself, with its count."""
    xid, last = BEFORE_EVERYTHING
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(REMOVE, [workspace.pk, xid, last, before, BATCH])
            gone = cursor.fetchall()
            Retention.objects.filter(workspace=workspace).update(removed=F("removed") + len(gone))
        if not gone:
            return
        yield len(gone)
        xid, last = gone[-1]
