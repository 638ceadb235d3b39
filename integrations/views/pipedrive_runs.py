"""/dashboard/integrations/pipedrive/runs/…: one run with its rows, its progress, cancel."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from integrations.models import PipedriveRow, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import runs
from integrations.views import pipedrive_words as words
from integrations.views.pipedrive_rows import row_lines, row_sheet
from integrations.views.pipedrive_words import Mark
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PER_PAGE = 50
RUN_PAGE = "integrations/pipedrive/status/run.html"


@dataclass(frozen=True, slots=True)
class RunLine:
    run: PipedriveRun
    kind: str
    mark: Mark
    told: str
    took: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`total` is 0 where nobody knows how much there is."""

    label: str
    numbers: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    count: int
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """A call of a test, with request and answer as JSON."""

    line: str
    mark: Mark
    request: str
    answer: str
    writes: bool


def run_line(run: PipedriveRun) -> RunLine:
    return RunLine(run, words.run_kind(run), words.RUN_STATES[run.state], words.run_told(run), words.took(run))


def progress_of(run: PipedriveRun) -> Progress:
    done, total = (run.job.done, run.job.total) if run.job else (0, 0)
    label = (run.job.message if run.job else "") or words.PHASES.get(run.phase, "") or "Waiting for a worker"
    numbers = f"{done:,} of {total:,}" if total else f"{done:,}" if done else ""
    return Progress(label, numbers, done, total)


@require_safe
@access.page("view")
def pipedrive_run(request: MemberRequest, run_id: UUID) -> HttpResponse:
    run = queries.run(request.workspace, run_id)
    asked = request.GET.get("outcome", "")
    found = queries.rows(run)
    counts = dict(found.order_by().values_list("action").annotate(Count("pk")))
    shown = found.filter(action=asked) if asked in counts else found
    page = Paginator(shown.select_related("run"), PER_PAGE).get_page(request.GET.get("page"))
    running = run.state in queries.UNFINISHED
    context = {
        "run": run,
        "line": run_line(run),
        "running": running,
        "progress": progress_of(run) if running else None,
        "counts": [(word, run.counts[name]) for name, word in words.COUNTS.items() if run.counts.get(name)],
        "chips": _chips(counts, asked),
        "page": page,
        "rows": row_lines(request.workspace, list(page.object_list)),
        "exchanges": [_exchange(one) for one in run.exchanges],
        "total": sum(counts.values()),
        "query": urlencode({"outcome": asked} if asked in counts else {}),
        "nothing": "No record was changed: both sides agree." if not running else "No record so far.",
        "may_execute": request.actor.may("execute"),
        "may_export": request.actor.may("export"),
    }
    return render(request, f"{RUN_PAGE}#rows" if request.htmx else RUN_PAGE, context)


def _exchange(given: Mapping[str, Any]) -> ExchangeLine:
    method = given["call"].partition(" ")[0]
    asked = f"?{urlencode(given['params'])}" if given["params"] else ""
    status = given["status"]
    went_well = status is not None and status < 400
    mark = Mark(
        f"HTTP {status}" if status else "No answer", "check" if went_well else "x", "ok" if went_well else "danger"
    )
    request, answer = (
        json.dumps(one, indent=2, ensure_ascii=False) if one else "" for one in (given["request"], given["answer"])
    )
    return ExchangeLine(f"{method} /{given['path']}{asked}", mark, request, answer, method != "GET")


def _chips(counts: dict[str, int], asked: str) -> list[Chip]:
    chosen = asked if asked in counts else ""
    every = Chip("All", sum(counts.values()), "", not chosen)
    marks = ((action, words.ACTIONS.get(action)) for action in PipedriveRow.Action.values if action in counts)
    return [
        every,
        *(
            Chip(mark.word if mark else action, counts[action], urlencode({"outcome": action}), action == chosen)
            for action, mark in marks
        ),
    ]


@require_safe
@access.page("view")
def pipedrive_running(request: MemberRequest, run_id: UUID) -> HttpResponse:
    """The bar, which asks for itself again until the run has ended; then the page is loaded anew."""
    run = queries.run(request.workspace, run_id)
    if run.state not in queries.UNFINISHED:
        return HttpResponseClientRefresh() if request.htmx else redirect("pipedrive_run", run_id)
    context = {"run": run, "progress": progress_of(run), "may_execute": request.actor.may("execute")}
    return render(request, "integrations/pipedrive/status/_running.html", context)


@require_POST
@access.page("execute")
def pipedrive_cancel(request: MemberRequest, run_id: UUID) -> HttpResponse:
    if runs.cancel(workspace=request.workspace, by=request.actor, run_id=run_id, now=request.now):
        messages.success(request, "Cancelled. What was done stays done; the next sync goes on from there.")
    else:
        messages.info(request, "It had ended before it could be cancelled.")
    return redirect("pipedrive_run", run_id)


@require_safe
@access.page("export")
def pipedrive_rows_csv(request: MemberRequest, run_id: UUID) -> StreamingHttpResponse:
    found = queries.rows(queries.run(request.workspace, run_id))
    if asked := request.GET.get("outcome", ""):
        found = found.filter(action=asked)
    response = StreamingHttpResponse(csv_lines(row_sheet(found.iterator())), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="pipedrive-run-{run_id}.csv"'
    return response


ROOM = "dashboard/integrations/pipedrive/runs"
urlpatterns = [
    route(f"{ROOM}/<uuid:run_id>", pipedrive_run, "pipedrive_run"),
    route(f"{ROOM}/<uuid:run_id>/progress", pipedrive_running, "pipedrive_running"),
    route(f"{ROOM}/<uuid:run_id>/cancel", pipedrive_cancel, "pipedrive_cancel"),
    route(f"{ROOM}/<uuid:run_id>/rows.csv", pipedrive_rows_csv, "pipedrive_rows_csv"),
]
