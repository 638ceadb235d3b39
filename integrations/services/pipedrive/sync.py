"""A run from its beginning to its end: what is there is read, what is ours is sent, and what stops it is said.

Every step can be interrupted anywhere: the next run goes on where this one stopped.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection as database

from integrations.models import PipedriveConnection, PipedriveRun
from integrations.pipedrive.client import Blocked, Client, Closed, DailySpent
from integrations.services.pipedrive import (
    activities,
    deals,
    following,
    gateway,
    inbox,
    labels,
    mapping,
    outbound,
    outbox,
    runs,
    waking,
    walking,
)
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.spending import Halt, Ledger
from stratum.lib.http import Failure, NotAuthorised, Throttled
from stratum.lib.refusal import Refusal
from stratum.workspaces.jobs import Run, Stopped

LOCK = 5_304  # namespace of the advisory lock under which a connection is synchronised
QUICK = frozenset({"webhook", "change"})  # triggers that need no look at the lists
FIELDS_FRESH = timedelta(hours=1)
RECONCILED = timedelta(hours=22)
TRIED_AGAIN = timedelta(minutes=10)
SLOWED = timedelta(minutes=5)
State = PipedriveRun.State

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended. `again_at`: when the next one is due, where that is not up to the schedule."""

    state: str
    error: str = ""
    again_at: datetime | None = None


def work(held: Run) -> None:
    """The job of a run."""
    run = PipedriveRun.objects.select_related("connection__workspace").get(pk=held.job.arguments["run_id"])
    ending = carry_out(run, now=held.now, report=held.report)
    if ending.state == State.FAILED:
        raise Refusal("sync_failed", ending.error)
    held.succeed({"state": ending.state, **run.counts})


def carry_out(
    run: PipedriveRun,
    *,
    now: Callable[[], datetime],
    report: Callable[[int, int, str], None] = lambda done, total, message: None,
    phases: Callable[[Work], None] | None = None,
) -> Ending:
    """Do it, once at a time for a connection, and write down how it ended."""
    with _alone(run.connection) as is_mine:
        if not is_mine:
            return _end(run, Ending(State.FAILED, "Another worker is synchronising this connection."), now())
        connection = PipedriveConnection.objects.select_related("workspace").get(pk=run.connection_id)
        run.connection = connection
        _begin(run, now())
        ledger = Ledger(connection, now(), dry_run=run.dry_run)
        client = gateway.client_of(connection, ledger)
        return _guarded(run, client, ledger, now, report, phases or _phases)


@contextmanager
def _alone(connection: PipedriveConnection) -> Iterator[bool]:
    """A lock of the session: whoever is killed lets go of it at once."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, connection.pk])
        is_mine = bool(cursor.fetchone()[0])
    try:
        yield is_mine
    finally:
        if is_mine and database.is_usable():
            with database.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, connection.pk])


def _begin(run: PipedriveRun, now: datetime) -> None:
    run.state, run.started_at = State.RUNNING, run.started_at or now
    stream = run.connection.cursors.filter(stream=walking.PERSONS).first()
    run.hwm_before = stream.hwm if stream else None
    run.save(update_fields=["state", "started_at", "hwm_before"])


def _guarded(
    run: PipedriveRun,
    client: Client,
    ledger: Ledger,
    now: Callable[[], datetime],
    report: Callable[[int, int, str], None],
    phases: Callable[[Work], None],
) -> Ending:
    at_work: Work | None = None
    try:
        _require_open(run.connection, client, now())
        at_work = Work(run.connection, run, client, ledger, now, report, tally=Counter(run.counts))
        phases(at_work)
        ending = Ending(State.SUCCEEDED)
    except Halt as halt:
        ending = Ending(State.STOPPED, halt.sentence, halt.retry_at)
    except Stopped:
        ending = Ending(State.STOPPED, "It was cancelled.")
        _close(run, at_work, ledger, ending, now())
        raise
    except Failure as failure:
        ending = _after(run.connection, failure, now())
    _close(run, at_work, ledger, ending, now())
    return ending


def _close(run: PipedriveRun, at_work: Work | None, ledger: Ledger, ending: Ending, now: datetime) -> None:
    if at_work is not None:
        at_work.flush()
    else:
        ledger.flush(now)
    _end(run, ending, now)


# What stops everything


def _require_open(connection: PipedriveConnection, client: Client, now: datetime) -> None:
    """While the circuit is open nothing is sent at all; then one small question decides."""
    if connection.state != PipedriveConnection.State.CONNECTED:
        raise Halt("The connection is paused or disconnected.")
    if connection.circuit_until is None:
        return
    if connection.circuit_until > now:
        raise Halt(connection.circuit_reason, retry_at=connection.circuit_until)
    client.me()
    connection.circuit_until, connection.circuit_reason = None, ""
    connection.save(update_fields=["circuit_until", "circuit_reason"])


def _after(connection: PipedriveConnection, failure: Failure, now: datetime) -> Ending:
    """Each kind of failure has its fate."""
    sentence = failure.sentence
    if isinstance(failure, NotAuthorised):
        problem = sentence if isinstance(failure, Closed) else "Pipedrive does not accept the API token any more."
        PipedriveConnection.objects.filter(pk=connection.pk).update(
            state=PipedriveConnection.State.NEEDS_ATTENTION, problem=problem[:300]
        )
        return Ending(State.STOPPED, sentence)
    if isinstance(failure, Throttled):
        waits = failure.retry_at or now + SLOWED
        if isinstance(failure, DailySpent):
            waits = now + timedelta(hours=1)
        elif isinstance(failure, Blocked):
            waits = now + timedelta(minutes=30)
        PipedriveConnection.objects.filter(pk=connection.pk).update(circuit_until=waits, circuit_reason=sentence[:300])
        return Ending(State.STOPPED, sentence, waits)
    return Ending(State.FAILED, sentence, now + TRIED_AGAIN)


def _end(run: PipedriveRun, ending: Ending, now: datetime) -> Ending:
    run.state, run.error, run.finished_at, run.phase = ending.state, ending.error[:500], now, ""
    stream = run.connection.cursors.filter(stream=walking.PERSONS).first()
    run.hwm_after = stream.hwm if stream else None
    run.save(update_fields=["state", "error", "finished_at", "phase", "hwm_after"])
    rows = PipedriveConnection.objects.filter(pk=run.connection_id)
    if ending.state == State.SUCCEEDED and not run.dry_run and run.mode != PipedriveRun.Mode.TEST:
        rows.update(last_sync_at=now)
    if ending.again_at is not None:
        rows.update(next_sync_at=ending.again_at)
    return ending


# The phases


def _phases(work: Work) -> None:
    is_quick = work.run.trigger in QUICK
    _phase(work, "fields")
    _refresh_fields(work)
    labels.prepare(work)
    if not work.dry_run and not is_quick:
        waking.ensure_webhooks(work)
    work.step("Fields and labels")
    _phase(work, "webhooks")
    if not work.dry_run:
        inbox.process(work)
    _phase(work, "persons")
    if not is_quick or is_behind(work):
        walking.persons(work, everybody=_wants_everybody(work))
        _phase(work, "deals")
        if work.connection.syncs("deals") and work.plan.comes_in and not work.dry_run:
            walking.all_deals(work)
    _phase(work, "changes")
    following.follow(work, everybody=work.run.mode == "full" or work.dry_run)
    work.step("Changes")
    _send(work)
    if not (is_quick or work.dry_run):
        runs.forget_old(work.connection, work.now())


def _phase(work: Work, name: str) -> None:
    work.run.phase = name


def _refresh_fields(work: Work) -> None:
    """When they are old, everything is looked at, or a label turned out to be unknown."""
    connection = work.connection
    is_old = connection.remote_fields_at is None or work.now() - connection.remote_fields_at > FIELDS_FRESH
    is_stale = bool(connection.capabilities.get("stale_labels"))
    if not (is_stale or work.run.mode == "full" or (is_old and work.run.trigger not in QUICK)):
        return
    mapping.load(connection, work.client, now=work.now())
    if is_stale:
        connection.capabilities = {key: one for key, one in connection.capabilities.items() if key != "stale_labels"}
        connection.save(update_fields=["capabilities"])


def _wants_everybody(work: Work) -> bool:
    looked = work.connection.reconciled_at
    return work.run.mode == "full" or looked is None or work.now() - looked > RECONCILED


def is_behind(work: Work) -> bool:
    """Whether the mirror is too old to look for persons in it."""
    stream = work.connection.cursors.filter(stream=walking.PERSONS).first()
    return stream is None or stream.hwm is None or work.now() - stream.hwm > outbound.FRESH


def _send(work: Work) -> None:
    if work.dry_run:
        _phase(work, "plan")
        for start in range(0, len(work.dry_rows), outbound.BATCH):
            outbound.push(work, work.dry_rows[start : start + outbound.BATCH])
            work.step("Planning", start, len(work.dry_rows))
        return
    _phase(work, "records")
    _drain(work)
    if work.connection.syncs("deals"):
        deals.settle_parked(work)
    _phase(work, "activities")
    while rows := outbox.claim(work.connection, activities.KIND, most=activities.BATCH, now=work.now()):
        activities.push(work, rows)
        work.step("Activities")


def _drain(work: Work) -> None:
    """Until nothing is due. The mirror is read on when that takes long."""
    sent = 0
    while rows := outbox.claim(work.connection, "person", most=outbound.BATCH, now=work.now()):
        outbound.push(work, rows)
        sent += len(rows)
        work.step("Records", sent, sent + work.connection.outbox.filter(kind="person").count())
        if is_behind(work):
            walking.persons(work, everybody=False)
