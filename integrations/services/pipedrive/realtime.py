"""The real-time schedule: every few seconds a look at what changed on our side, and a run only where there is work."""

from collections import Counter
from datetime import datetime

from django.db import transaction

from cdp.queries import changes
from cdp.queries.position import Position
from integrations.models import PipedriveConnection, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import following, gateway, runs, waking
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.spending import Ledger
from stratum.workspaces.access import SYSTEM


def look(now: datetime) -> int:
    """Of every connection that is to be synchronised in real time; how many runs that began."""
    due = PipedriveConnection.objects.filter(
        state=PipedriveConnection.State.CONNECTED,
        schedule=PipedriveConnection.Schedule.REALTIME,
        next_sync_at__isnull=False,
    )
    return sum(_look_at(connection, now) for connection in due.select_related("workspace"))


def look_at(connection_id: int, now: datetime) -> None:
    """After a webhook came."""
    rows = PipedriveConnection.objects.filter(pk=connection_id, state=PipedriveConnection.State.CONNECTED)
    for connection in rows.select_related("workspace"):
        _begin(connection, now, "webhook")


def _look_at(connection: PipedriveConnection, now: datetime) -> bool:
    if queries.schedule_of(connection) != PipedriveConnection.Schedule.REALTIME:
        return False
    if connection.circuit_until is not None and connection.circuit_until > now:
        return False
    if _has_changed(connection):
        _follow(connection, now)
    return waking.has_work(connection, now=now) and _begin(connection, now, "change")


def _has_changed(connection: PipedriveConnection) -> bool:
    place = Position.of(connection.followed.get("place"))
    return not connection.followed or changes.has_any(connection.workspace, place)


def _follow(connection: PipedriveConnection, now: datetime) -> None:
    """Into the outbox, without a run: most changes concern nobody's person."""
    run = PipedriveRun(workspace=connection.workspace, connection=connection, mode="incremental", trigger="change")
    ledger = Ledger(connection, now)
    client = gateway.client_of(connection, ledger)
    following.follow(Work(connection, run, client, ledger, lambda: now, _silently, tally=Counter()))


def _silently(done: int, total: int, message: str) -> None:
    pass


def _begin(connection: PipedriveConnection, now: datetime, trigger: str) -> bool:
    if not queries.is_in_plan(connection.workspace):
        return False
    with transaction.atomic():
        PipedriveConnection.objects.select_for_update().get(pk=connection.pk)
        if connection.runs.filter(state__in=queries.UNFINISHED).exists():
            return False
        runs.put_in_line(connection, by=SYSTEM, now=now, mode="incremental", dry_run=False, trigger=trigger)
    return True
