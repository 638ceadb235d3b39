"""Jobs from request to result: a row that a worker claims, keeps alive with its heartbeat and closes.

A worker that died leaves a silent heartbeat; the tick puts its job back in the queue. Should the worker be alive after
all, its next report finds a newer attempt and stops it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from stratum.lib import clock, jobs
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Job, Workspace

LOST_AFTER = timedelta(minutes=2)
MOST_ATTEMPTS = 5
UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)


class Stopped(Exception):
    """The job was cancelled, or another worker has taken it over: leave off."""


@dataclass(frozen=True, slots=True)
class Run:
    """A worker's hold on a job; every report doubles as its heartbeat."""

    job: Job
    now: Callable[[], datetime]

    def report(self, done: int, total: int, message: str = "") -> None:
        """Progress for the page. Raises Stopped when the work is no longer wanted."""
        self._write(done=done, total=total, message=message[:300], heartbeat_at=self.now())

    def succeed(self, result: Any = None) -> None:
        self._end(Job.State.SUCCEEDED, result=result)

    def fail(self, sentence: str) -> None:
        self._end(Job.State.FAILED, error=sentence)

    def _end(self, state: str, **fields: object) -> None:
        ended = self.now()
        self._write(state=state, finished_at=ended, heartbeat_at=ended, **fields)

    def _write(self, **fields: Any) -> None:
        mine = Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, attempts=self.job.attempts)
        if not mine.update(**fields):
            raise Stopped


def start(
    *,
    workspace: Workspace,
    kind: str,
    by: Actor,
    now: datetime,
    arguments: dict[str, Any] | None = None,
    total: int = 0,
) -> Job:
    """Write the job and start the task `kind(job_id=…)` after commit."""
    job = Job.objects.create(
        workspace=workspace,
        kind=kind,
        arguments=arguments or {},
        total=total,
        created_by=by.user,
        created_at=now,
        heartbeat_at=now,
    )
    jobs.after_commit(kind, job_id=str(job.pk))
    return job


@contextmanager
def running(job_id: UUID | str) -> Iterator[Run | None]:
    """Hold the job while the block runs; None when there is nothing to do (taken, cancelled or gone).

    The block ends the job with `succeed`; a Refusal or an error inside fails it, and an error is raised on.
    """
    run = begin(job_id)
    try:
        yield run
    except Stopped:
        return
    except Refusal as refusal:
        _fail(run, refusal.sentence)
    except Exception:
        _fail(run, "Something broke on our side. The error was noted; try again.")
        raise


def begin(job_id: UUID | str) -> Run | None:
    """Claim a queued job: of several workers only one gets it. Heartbeats need the clock again and again."""
    now = clock.now()
    queued = Job.objects.filter(pk=job_id, state=Job.State.QUEUED)
    if not queued.update(state=Job.State.RUNNING, attempts=F("attempts") + 1, started_at=now, heartbeat_at=now):
        return None
    return Run(Job.objects.select_related("workspace", "created_by").get(pk=job_id), clock.now)


def cancel(*, workspace: Workspace, job_id: UUID | str, by: Actor, now: datetime) -> bool:
    """False when it had ended already. A running worker notices at its next report."""
    unfinished = Job.objects.filter(workspace=workspace, pk=job_id, state__in=UNFINISHED)
    message = f"Cancelled by {by.label}."[:300]
    return bool(unfinished.update(state=Job.State.CANCELLED, finished_at=now, message=message))


def requeue_lost(*, now: datetime) -> int:
    """Start again what no worker keeps alive; how many jobs that were."""
    with transaction.atomic():
        silent = Q(heartbeat_at__lt=now - LOST_AFTER) | Q(heartbeat_at=None, created_at__lt=now - LOST_AFTER)
        lost = list(Job.objects.filter(silent, state__in=UNFINISHED).select_for_update(skip_locked=True))
        for job in lost:
            _start_again(job, now)
        return len(lost)


def _start_again(job: Job, now: datetime) -> None:
    job.heartbeat_at = now
    if job.attempts >= MOST_ATTEMPTS:
        job.state, job.finished_at = Job.State.FAILED, now
        job.error = f"Its worker was lost {job.attempts} times, so it was given up."
    else:
        job.state = Job.State.QUEUED
        jobs.after_commit(job.kind, job_id=str(job.pk))
    job.save(update_fields=["state", "heartbeat_at", "finished_at", "error"])


def _fail(run: Run | None, sentence: str) -> None:
    try:
        if run is not None:
            run.fail(sentence)
    except Stopped:
        return
