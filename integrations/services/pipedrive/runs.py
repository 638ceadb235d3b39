"""Runs asked for, and what people do with the rows that were refused."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveOutbox, PipedriveRow, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import outbox
from integrations.services.pipedrive.connecting import interval_of
from stratum.lib.refusal import Refusal
from stratum.workspaces import jobs, limits
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Job, Workspace

TASK = "integrations.pipedrive_sync"
KEPT = timedelta(days=90)
ENDED = (Job.State.SUCCEEDED, Job.State.FAILED, Job.State.CANCELLED)


@transaction.atomic
def start_sync(
    *,
    workspace: Workspace,
    by: Actor,
    now: datetime,
    mode: str = "incremental",
    dry_run: bool = False,
    trigger: str = "manual",
) -> PipedriveRun:
    """Put a run in line: `incremental`, or `full`, which looks at every person and profile. One at a time.

    A dry run reads and plans, and sends nothing that changes Pipedrive.
    """
    limits.require_feature(workspace, queries.FEATURE)
    connection = queries.require(workspace)
    connection = PipedriveConnection.objects.select_for_update().get(pk=connection.pk)
    _require_ready(connection)
    if connection.runs.filter(state__in=queries.UNFINISHED).exists():
        raise Refusal("sync_running", "A sync is running already. Wait for it, or cancel it.")
    if connection.next_sync_at is None and not dry_run:
        connection.next_sync_at = now + interval_of(connection)
        connection.save(update_fields=["next_sync_at"])
    return put_in_line(connection, by=by, now=now, mode=mode, dry_run=dry_run, trigger=trigger)


@transaction.atomic
def cancel(*, workspace: Workspace, by: Actor, run_id: UUID, now: datetime) -> bool:
    """False when it had ended already. Its worker stops at the next report; the next run goes on from there."""
    run = queries.run(workspace, run_id)
    unfinished = PipedriveRun.objects.filter(pk=run.pk, state__in=queries.UNFINISHED)
    reason = f"Cancelled by {by.label}."[:500]
    ended = unfinished.update(state=PipedriveRun.State.STOPPED, error=reason, finished_at=now)
    if run.job_id is not None:
        jobs.cancel(workspace=workspace, job_id=run.job_id, by=by, now=now)
    return bool(ended)


def put_in_line(
    connection: PipedriveConnection, *, by: Actor, now: datetime, mode: str, dry_run: bool, trigger: str
) -> PipedriveRun:
    """Inside the caller's transaction."""
    run = PipedriveRun.objects.create(
        workspace=connection.workspace,
        connection=connection,
        mode=mode,
        trigger=trigger,
        dry_run=dry_run,
        started_by=by.label[:120],
        created_at=now,
    )
    run.job = jobs.start(workspace=connection.workspace, kind=TASK, by=by, now=now, arguments={"run_id": str(run.pk)})
    run.save(update_fields=["job"])
    return run


def forget_old(connection: PipedriveConnection, now: datetime) -> None:
    """What old runs did is not kept for ever; a run with a row that still waits for a person is."""
    ended = connection.runs.filter(created_at__lt=now - KEPT).exclude(state__in=queries.UNFINISHED)
    ended.exclude(rows__state=PipedriveRow.State.OPEN).delete()


def _require_ready(connection: PipedriveConnection) -> None:
    if connection.state == PipedriveConnection.State.PAUSED:
        raise Refusal("paused", "The connection is paused. Resume it first.")
    if connection.state == PipedriveConnection.State.NEEDS_ATTENTION:
        raise Refusal("needs_attention", f"{connection.problem} Connect again.")


@transaction.atomic
def retry_row(*, workspace: Workspace, by: Actor, row_id: int, now: datetime) -> PipedriveRow:
    """Put its record back in line, at once."""
    row = _open_row(workspace, row_id)
    if row.local_id is not None:
        outbox.put(row.run.connection, row.kind, [row.local_id], now=now, forced=True, revive=True)
    row.state = PipedriveRow.State.RETRIED
    row.save(update_fields=["state"])
    return row


@transaction.atomic
def ignore_row(*, workspace: Workspace, by: Actor, row_id: int, now: datetime) -> PipedriveRow:
    """Leave its record alone until it changes again."""
    row = _open_row(workspace, row_id)
    if row.local_id is not None:
        _leave_alone(row.run.connection, row.kind, row.local_id)
    row.state = PipedriveRow.State.IGNORED
    row.save(update_fields=["state"])
    return row


def _leave_alone(connection: PipedriveConnection, kind: str, local_id: int) -> None:
    states = (PipedriveOutbox.State.DEAD, PipedriveOutbox.State.QUEUED)
    waiting = connection.outbox.filter(kind=kind, local_id=local_id, state__in=states)
    waiting.update(state=PipedriveOutbox.State.IGNORED)


def _open_row(workspace: Workspace, row_id: int) -> PipedriveRow:
    row = queries.row(workspace, row_id)
    if row.state != PipedriveRow.State.OPEN:
        raise Refusal("row_settled", "This row has been settled already.")
    return row


def see_conflict(*, workspace: Workspace, by: Actor, conflict_id: int, now: datetime) -> None:
    """Somebody has looked at it; it is counted no longer."""
    connection = queries.require(workspace)
    connection.conflicts.filter(pk=conflict_id, seen_at=None).update(seen_at=now)


def claim_due(now: datetime) -> list[dict[str, str]]:
    """For the tick: puts a run in line for every connection whose time has come. Jobs start themselves."""
    end_orphans(now)
    due = PipedriveConnection.objects.filter(
        state=PipedriveConnection.State.CONNECTED, next_sync_at__lte=now
    ).select_for_update(skip_locked=True, of=("self",))
    for connection in due.select_related("workspace"):
        start_due(connection, now)
    return []


def end_orphans(now: datetime) -> int:
    """Close the runs whose job has ended without them: its worker broke down, or was lost too often. Left open they
    would keep every later run of their connection from beginning; how many that were."""
    orphans = PipedriveRun.objects.filter(state__in=queries.UNFINISHED, job__state__in=ENDED)
    return sum(_end_like(run.pk, run.job, now) for run in orphans.select_related("job") if run.job is not None)


def _end_like(run_id: UUID, job: Job, now: datetime) -> int:
    was_cancelled = job.state == Job.State.CANCELLED
    state = PipedriveRun.State.STOPPED if was_cancelled else PipedriveRun.State.FAILED
    error = job.error or job.message or "Its worker ended without a word."
    unfinished = PipedriveRun.objects.filter(pk=run_id, state__in=queries.UNFINISHED)
    return unfinished.update(state=state, error=error[:500], finished_at=now)


def start_due(connection: PipedriveConnection, now: datetime) -> None:
    """Nothing where the plan has no CRM any more: what was synced stays, and syncing goes on with a larger plan."""
    connection.next_sync_at = now + interval_of(connection)
    connection.save(update_fields=["next_sync_at"])
    is_free = not connection.runs.filter(state__in=queries.UNFINISHED).exists()
    if is_free and queries.is_in_plan(connection.workspace):
        put_in_line(connection, by=SYSTEM, now=now, mode="incremental", dry_run=False, trigger="schedule")
