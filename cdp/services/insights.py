"""Insights asked for: at once where that takes a moment, as a job where the events are many."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cdp.definitions.funnel_questions import Question
from cdp.definitions.funnels import parse_stored
from cdp.models import Funnel
from cdp.queries import funnels, segments
from cdp.queries import insights as queries
from cdp.queries.funnel_questions import require_readable
from cdp.queries.insights import Insights
from stratum.lib.periods import Period
from stratum.lib.refusal import Missing
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.jobs import Run
from stratum.workspaces.models import Job, Workspace
from stratum.workspaces.queries import job as job_of

KIND = "cdp.funnel_insights"
NO_JOB = "There are no insights with that address in this workspace."
KEPT = timedelta(hours=1)  # complete days hardly change any more
REUSED = (*jobs.UNFINISHED, Job.State.SUCCEEDED)


def ask(*, workspace: Workspace, by: Actor, funnel: Funnel, question: Question, now: datetime) -> Insights | Job:
    """The insights, or the job that makes them; what a job found for the same question lately is used again.

    Raises Refusal.
    """
    require_readable(workspace)
    if not queries.is_large(workspace):
        definition = funnels.definition_of(funnel, workspace)
        return queries.insights(workspace, definition, question=question, now=now)
    if question.segment is not None:
        segments.require_active(workspace, question.segment)
    job = _job(workspace, by, _arguments(funnel, question), now)
    return found(job) or job


def found(job: Job) -> Insights | None:
    """What the job has found; None until it has."""
    return queries.from_json(job.result) if job.state == Job.State.SUCCEEDED and job.result else None


def of_job(workspace: Workspace, job_id: str) -> Insights | Job:
    """What the job has found, or the job. Raises Missing."""
    try:
        number = UUID(job_id)
    except ValueError:
        raise Missing(NO_JOB) from None
    job = job_of(workspace, number)
    if job.kind != KIND:
        raise Missing(NO_JOB)
    return found(job) or job


def _job(workspace: Workspace, by: Actor, arguments: dict[str, Any], now: datetime) -> Job:
    same = workspace.jobs.filter(
        kind=KIND, arguments__key=arguments["key"], state__in=REUSED, created_at__gt=now - KEPT
    )
    return same.order_by("-created_at", "-pk").first() or jobs.start(
        workspace=workspace, kind=KIND, by=by, now=now, arguments=arguments, total=queries.STAGES
    )


def _arguments(funnel: Funnel, question: Question) -> dict[str, Any]:
    """The definition as it is now: the funnel may be changed while the job waits."""
    arguments = {
        "definition": funnel.definition,
        "start": question.period.start.isoformat(),
        "end": question.period.end.isoformat(),
        "window": question.window,
        "segment": str(question.segment) if question.segment else None,
    }
    key = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
    return {**arguments, "funnel": str(funnel.pk), "key": key}


def work(run: Run) -> None:
    """Do the job. Raises Refusal, and Stopped when it is no longer wanted."""
    workspace = run.job.workspace
    arguments = run.job.arguments
    definition = parse_stored(arguments["definition"], funnels.zone_of(workspace))
    insights = queries.insights(
        workspace, definition, question=_question(workspace, arguments), now=run.now(), progress=run.report
    )
    run.report(queries.STAGES, queries.STAGES, "Done")
    run.succeed(queries.as_json(insights))


def _question(workspace: Workspace, arguments: Mapping[str, Any]) -> Question:
    start, end = (datetime.fromisoformat(arguments[name]) for name in ("start", "end"))
    segment = arguments["segment"]
    return Question(
        Period(start, end, funnels.zone_of(workspace)),
        window=arguments["window"],
        segment=UUID(segment) if segment else None,
    )
