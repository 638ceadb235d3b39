"""The connection to Pipedrive as pages and programs see it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet, Sum

from integrations.models import (
    PipedriveConflict,
    PipedriveConnection,
    PipedriveDeal,
    PipedriveDuplicate,
    PipedriveField,
    PipedriveLabel,
    PipedriveLink,
    PipedriveOutbox,
    PipedriveRow,
    PipedriveRun,
    PipedriveSpending,
)
from integrations.pipedrive.limits import DAILY_BASE
from stratum.lib.refusal import Missing, Refusal
from stratum.workspaces import limits, plans
from stratum.workspaces.models import Workspace

FEATURE, REALTIME, METER = "crm_pipedrive", "crm_realtime", "crm_connections"
Health = Literal["healthy", "warning", "critical", "paused", "disconnected"]

UNFINISHED = (PipedriveRun.State.QUEUED, PipedriveRun.State.RUNNING)
WAITING_IN_LINE = (
    PipedriveOutbox.State.QUEUED,
    PipedriveOutbox.State.IN_FLIGHT,
    PipedriveOutbox.State.AMBIGUOUS,
)
LATE: Mapping[str, timedelta] = {
    "realtime": timedelta(hours=1),
    "hourly": timedelta(hours=3),
    "daily": timedelta(hours=30),
}
OLD_QUEUE = timedelta(hours=26)
WARN_ERRORS, STOP_ERRORS = 0.02, 0.2  # of what the last run looked at
WARN_BUDGET = 0.8
Schedule = PipedriveConnection.Schedule


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of this UTC day. `limit` is the company's, `share` ours of it; `remaining` as Pipedrive said last."""

    spent: int
    share: int
    limit: int
    is_limit_known: bool
    remaining: int | None
    calls: int

    @property
    def used(self) -> float:
        return self.spent / self.share if self.share else 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """What the status page and its API say. `warnings` are sentences; `errors` counts open rows of runs."""

    connected: bool
    health: Health
    state: str
    reasons: tuple[str, ...]
    last_sync_at: datetime | None
    next_sync_at: datetime | None
    records_synced: Mapping[str, int]
    errors: int
    warnings: tuple[str, ...]
    queue_depth: int
    oldest_queued_seconds: int | None
    waiting: int
    dead: int
    conflicts: int
    duplicates: int
    parked_deals: int
    budget: Budget | None
    schedule: str | None
    running: PipedriveRun | None
    last_webhook_at: datetime | None


def connection_of(workspace: Workspace) -> PipedriveConnection | None:
    """Also a disconnected one, which keeps its links."""
    return PipedriveConnection.objects.filter(workspace=workspace).first()


def is_in_plan(workspace: Workspace) -> bool:
    return FEATURE in plans.of(workspace).features


def schedule_of(connection: PipedriveConnection) -> str:
    """What it goes by: every hour where real-time was chosen on a plan that had it."""
    if connection.schedule == Schedule.REALTIME and REALTIME not in plans.of(connection.workspace).features:
        return Schedule.HOURLY
    return connection.schedule


def require_readable(workspace: Workspace) -> None:
    """What was synced on a plan with a CRM stays readable on one without."""
    limits.require_readable(workspace, FEATURE, PipedriveConnection.objects.filter(workspace=workspace).exists)


def require(workspace: Workspace) -> PipedriveConnection:
    """The connection, unless it is disconnected."""
    found = connection_of(workspace)
    if found is None or found.state == PipedriveConnection.State.DISCONNECTED:
        raise Refusal("not_connected", "Pipedrive is not connected. Connect it under Settings > Integrations > CRM.")
    return found


def has_begun(connection: PipedriveConnection) -> bool:
    """Whether anything was ever synchronised: before the first sync, its setting up goes on step by step."""
    return connection.runs.filter(dry_run=False).exclude(mode=PipedriveRun.Mode.TEST).exists()


def counted(workspace: Workspace) -> int:
    """For the meter of the plan."""
    rows = PipedriveConnection.objects.filter(workspace=workspace)
    return rows.exclude(state=PipedriveConnection.State.DISCONNECTED).count()


def status(workspace: Workspace, *, now: datetime) -> Status:
    connection = connection_of(workspace)
    if connection is None:
        return _NOTHING
    queue = _queue(connection)
    oldest = queue["oldest"]
    errors = open_rows(connection).count()
    budget = budget_of(connection, now=now)
    warnings = _warnings(connection, budget)
    health, reasons = _health(connection, budget, oldest, now)
    return Status(
        connected=connection.state != PipedriveConnection.State.DISCONNECTED,
        health=health,
        state=connection.state,
        reasons=tuple(reasons),
        last_sync_at=connection.last_sync_at,
        next_sync_at=connection.next_sync_at if connection.is_active else None,
        records_synced=records_synced(connection),
        errors=errors,
        warnings=tuple(warnings),
        queue_depth=queue["depth"],
        oldest_queued_seconds=None if oldest is None else max(0, int((now - oldest).total_seconds())),
        waiting=queue["waiting"],
        dead=queue["dead"],
        conflicts=connection.conflicts.filter(seen_at=None).count(),
        duplicates=connection.duplicates.filter(state=PipedriveDuplicate.State.OPEN).count(),
        parked_deals=connection.deals.exclude(parked="").count(),
        budget=budget,
        schedule=connection.schedule,
        running=connection.runs.filter(state__in=UNFINISHED).order_by("-created_at", "-pk").first(),
        last_webhook_at=connection.webhook_at,
    )


_NOTHING = Status(
    connected=False,
    health="disconnected",
    state="disconnected",
    reasons=(),
    last_sync_at=None,
    next_sync_at=None,
    records_synced={"persons": 0, "activities": 0, "labels": 0, "deals": 0},
    errors=0,
    warnings=(),
    queue_depth=0,
    oldest_queued_seconds=None,
    waiting=0,
    dead=0,
    conflicts=0,
    duplicates=0,
    parked_deals=0,
    budget=None,
    schedule=None,
    running=None,
    last_webhook_at=None,
)


def records_synced(connection: PipedriveConnection) -> dict[str, int]:
    """How many records agree with Pipedrive now: linked persons, written activities, labels, deals that count."""
    live = Q(remote_state=PipedriveLink.RemoteState.LIVE)
    links = connection.links.aggregate(
        persons=Count("pk", filter=live & Q(kind="person")), activities=Count("pk", filter=Q(kind="activity"))
    )
    labels = connection.labels.filter(retired_at=None, option_id__isnull=False).count()
    return {**links, "labels": labels, "deals": connection.deals.exclude(message_id="").count()}


def budget_of(connection: PipedriveConnection, *, now: datetime) -> Budget:
    today = PipedriveSpending.objects.filter(connection=connection, day=now.date())
    sums = today.aggregate(tokens=Sum("tokens"), calls=Sum("calls"))
    limit = connection.daily_limit or DAILY_BASE
    return Budget(
        spent=sums["tokens"] or 0,
        share=limit * connection.budget_share // 100,
        limit=limit,
        is_limit_known=connection.daily_limit is not None,
        remaining=connection.daily_remaining,
        calls=sums["calls"] or 0,
    )


def spending(connection: PipedriveConnection, *, days: int, now: datetime) -> QuerySet[PipedriveSpending]:
    """By day and call, the newest first."""
    since = now.date() - timedelta(days=days)
    return connection.spendings.filter(day__gt=since).order_by("-day", "-tokens")


# Lists


def fields(connection: PipedriveConnection) -> list[PipedriveField]:
    return list(connection.fields.order_by("position", "id"))


def labels(connection: PipedriveConnection) -> list[PipedriveLabel]:
    return list(connection.labels.filter(retired_at=None).order_by("name"))


def runs(connection: PipedriveConnection) -> QuerySet[PipedriveRun]:
    return connection.runs.order_by("-created_at", "-pk")


def run(workspace: Workspace, run_id: UUID | str) -> PipedriveRun:
    found = PipedriveRun.objects.filter(workspace=workspace, pk=run_id).select_related("connection", "job").first()
    if found is None:
        raise Missing("There is no such run.")
    return found


def rows(of: PipedriveRun) -> QuerySet[PipedriveRow]:
    return of.rows.order_by("id")


def open_rows(connection: PipedriveConnection) -> QuerySet[PipedriveRow]:
    """What was refused and nobody has looked after yet, the newest first."""
    return PipedriveRow.objects.filter(run__connection=connection, state=PipedriveRow.State.OPEN).order_by("-id")


def row(workspace: Workspace, row_id: int) -> PipedriveRow:
    found = PipedriveRow.objects.filter(run__workspace=workspace, pk=row_id).select_related("run__connection").first()
    if found is None:
        raise Missing("There is no such row.")
    return found


def duplicates(connection: PipedriveConnection) -> QuerySet[PipedriveDuplicate]:
    return connection.duplicates.filter(state=PipedriveDuplicate.State.OPEN).order_by("-id")


def duplicate(workspace: Workspace, duplicate_id: int) -> PipedriveDuplicate:
    found = PipedriveDuplicate.objects.filter(connection__workspace=workspace, pk=duplicate_id).first()
    if found is None:
        raise Missing("There is no such duplicate.")
    return found


def conflicts(connection: PipedriveConnection) -> QuerySet[PipedriveConflict]:
    return connection.conflicts.select_related("link").order_by("-id")


def parked_deals(connection: PipedriveConnection) -> QuerySet[PipedriveDeal]:
    return connection.deals.exclude(parked="").order_by("-update_time", "-id")


def link_of(connection: PipedriveConnection, profile_id: int) -> PipedriveLink | None:
    return connection.links.filter(kind="person", local_id=profile_id).first()


def failing(connection: PipedriveConnection) -> Sequence[PipedriveOutbox]:
    """Records that gave up, for the list of rejected rows."""
    return list(connection.outbox.filter(state=PipedriveOutbox.State.DEAD).order_by("queued_at", "pk")[:500])


# Health


def _queue(connection: PipedriveConnection) -> dict[str, Any]:
    in_line = Q(state__in=WAITING_IN_LINE)
    return connection.outbox.aggregate(
        depth=Count("pk", filter=in_line),
        oldest=Min("queued_at", filter=in_line),
        waiting=Count("pk", filter=Q(state=PipedriveOutbox.State.WAITING)),
        dead=Count("pk", filter=Q(state=PipedriveOutbox.State.DEAD)),
    )


def _warnings(connection: PipedriveConnection, budget: Budget) -> list[str]:
    told = [
        f"{one.remote_name}: {one.problem}" for one in connection.fields.exclude(problem="").order_by("position", "pk")
    ]
    told += [f"Label {one.name}: {one.problem}" for one in connection.labels.exclude(problem="").order_by("name", "pk")]
    if budget.used >= WARN_BUDGET:
        told.append(f"{budget.spent:,} of today's {budget.share:,} tokens are used.")
    return told


def _health(connection: PipedriveConnection, budget: Budget, oldest: object, now: datetime) -> tuple[Health, list[str]]:
    """The worst that is known, and why."""
    state = PipedriveConnection.State
    if connection.state == state.DISCONNECTED:
        return "disconnected", []
    if connection.state == state.PAUSED:
        return "paused", ["It was paused."]
    critical: list[str] = []
    warning: list[str] = []
    if connection.state == state.NEEDS_ATTENTION:
        critical.append(connection.problem)
    if connection.circuit_until is not None and connection.circuit_until > now:
        critical.append(connection.circuit_reason)
    since = connection.last_sync_at or connection.created_at
    late = LATE[connection.schedule]
    if now - since > late:
        (critical if now - since > 2 * late else warning).append(f"The last sync is from {since:%Y-%m-%d %H:%M} UTC.")
    if isinstance(oldest, datetime) and now - oldest > OLD_QUEUE:
        warning.append("Records have been waiting for more than a day.")
    if budget.used >= WARN_BUDGET:
        warning.append("Today's share of tokens is nearly used up.")
    rate = _error_rate(connection)
    if rate >= WARN_ERRORS:
        (critical if rate >= STOP_ERRORS else warning).append(f"{rate:.0%} of the last run's records failed.")
    reasons = critical + warning
    return ("critical" if critical else "warning" if warning else "healthy"), reasons


def _error_rate(connection: PipedriveConnection) -> float:
    last = connection.runs.filter(dry_run=False, finished_at__isnull=False).order_by("-created_at", "-pk").first()
    if last is None:
        return 0.0
    if last.state == PipedriveRun.State.FAILED:
        return 1.0
    failed = last.counts.get("failed", 0)
    looked_at = failed + sum(last.counts.get(name, 0) for name in ("scanned", "created", "updated"))
    return failed / looked_at if looked_at else 0.0


# Who uses what


def lines_with(workspace: Workspace, fields: Iterable[str]) -> list[PipedriveField]:
    """The lines of the mapping that name one of these fields of ours; of a disconnected one none."""
    lines = PipedriveField.objects.filter(connection__workspace=workspace, local__in=list(fields))
    return list(lines.exclude(connection__state=PipedriveConnection.State.DISCONNECTED))


def uses_of_segments(workspace: Workspace) -> list[tuple[str, str]]:
    """The id of each segment that is used, and for what."""
    connection = connection_of(workspace)
    if connection is None or connection.state == PipedriveConnection.State.DISCONNECTED:
        return []
    found = [(str(one.segment_id), f"Label “{one.name}” in Pipedrive") for one in labels(connection)]
    return [*found, (str(connection.segment_id), "Who is synchronised with Pipedrive")]
