"""/dashboard/integrations/pipedrive: how the sync is, what it did, and what waits for a person."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from cdp.queries import profiles
from integrations.models import PipedriveConnection, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_lists as lists
from integrations.queries.pipedrive import Status
from integrations.services.pipedrive import duplicates, previews, runs
from integrations.views import pipedrive_words as words
from integrations.views.pipedrive_rows import row_lines, row_sheet
from integrations.views.pipedrive_runs import progress_of, run_line
from stratum.lib import clock
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25
DAYS = 7  # of tokens by call
PAGE = "integrations/pipedrive/status/status.html"
Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tab:
    url: str
    label: str
    active: bool
    count: int | str = ""
    icon: str = ""


@require_safe
@access.page("view")
def pipedrive_status(request: MemberRequest) -> HttpResponse:
    queries.require_readable(request.workspace)
    connection = queries.connection_of(request.workspace)
    status = queries.status(request.workspace, now=request.now)
    context = _summary(request, connection, status)
    if connection is not None and status.connected:
        context |= _list(request, connection, status)
    return render(request, PAGE, context)


@require_safe
@access.page("view")
def pipedrive_summary(request: MemberRequest) -> HttpResponse:
    """The numbers alone, which ask for themselves again."""
    connection = queries.require(request.workspace)
    status = queries.status(request.workspace, now=request.now)
    return render(request, f"{PAGE}#summary", _summary(request, connection, status))


def _summary(request: MemberRequest, connection: PipedriveConnection | None, status: Status) -> Shown:
    return {
        "connection": connection,
        "status": status,
        "health": words.HEALTH[status.health],
        "queue_age": words.age_words(status.oldest_queued_seconds),
        "progress": progress_of(status.running) if status.running else None,
        "may_execute": request.actor.may("execute"),
        "may_export": request.actor.may("export"),
        "now": request.now,
    }


# Lists


def _list(request: MemberRequest, connection: PipedriveConnection, status: Status) -> Shown:
    asked = request.GET.get("tab", "runs")
    template, read = LISTS.get(asked, LISTS["runs"])
    address = reverse("pipedrive_status")
    counts = {"rejected": status.errors, "conflicts": status.conflicts, "duplicates": status.duplicates}
    tabs = [
        Tab(f"{address}?{urlencode({'tab': name})}", label, name == (asked if asked in LISTS else "runs"), count)
        for name, label in TABS
        for count in [counts.get(name, "")]
    ]
    return {"tabs": tabs, "list_template": f"integrations/pipedrive/status/{template}"} | read(request, connection)


def _page(request: MemberRequest, found: "QuerySet[Any]") -> Any:
    return Paginator(found, PER_PAGE).get_page(request.GET.get("page"))


def _runs(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    page = _page(request, queries.runs(connection))
    return {"page": page, "lines": [run_line(run) for run in page.object_list]}


def _rejected(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    page = _page(request, queries.open_rows(connection))
    return {"page": page, "rows": row_lines(request.workspace, list(page.object_list))}


@dataclass(frozen=True, slots=True)
class ConflictLine:
    id: int
    profile: int
    name: str
    field: str
    ours: str
    theirs: str
    ours_won: bool
    winner: str
    why: str
    at: Any
    is_new: bool


def _conflicts(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    page = _page(request, queries.conflicts(connection))
    cards = lists.conflict_cards(request.workspace, list(page.object_list))
    return {"page": page, "lines": [_conflict(card) for card in cards]}


def _conflict(card: lists.ConflictCard) -> ConflictLine:
    one = card.conflict
    return ConflictLine(
        one.pk,
        card.profile,
        card.name,
        card.field,
        words.value_words(one.ours),
        words.value_words(one.theirs),
        one.winner == "stratum",
        words.WINNERS.get(one.winner, one.winner),
        words.conflict_why(one.rule),
        one.at,
        one.seen_at is None,
    )


def _duplicates(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    page = _page(request, queries.duplicates(connection))
    return {"page": page, "lines": lists.duplicate_cards(request.workspace, list(page.object_list))}


def _budget(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    return {
        "budget": queries.budget_of(connection, now=request.now),
        "spendings": list(queries.spending(connection, days=DAYS, now=request.now)),
    }


def _test(request: MemberRequest, connection: PipedriveConnection) -> Shown:
    """The latest tests."""
    found = queries.runs(connection).filter(mode=PipedriveRun.Mode.TEST)[:10]
    return {"tests": [run_line(run) for run in found], "asked": request.GET.get("profile", "")}


TABS = (
    ("runs", "Run history"),
    ("rejected", "Rejected"),
    ("conflicts", "Conflicts"),
    ("duplicates", "Duplicates"),
    ("budget", "Tokens"),
    ("test", "Test one profile"),
)
LISTS: dict[str, tuple[str, Callable[[MemberRequest, PipedriveConnection], Shown]]] = {
    "runs": ("_runs.html", _runs),
    "rejected": ("_rejected.html", _rejected),
    "conflicts": ("_conflicts.html", _conflicts),
    "duplicates": ("_duplicates.html", _duplicates),
    "budget": ("_budget.html", _budget),
    "test": ("_test.html", _test),
}

# What people do


@require_POST
@access.page("execute")
def pipedrive_sync(request: MemberRequest) -> HttpResponse:
    is_dry = "dry_run" in request.POST
    mode = "full" if request.POST.get("mode") == "full" else "incremental"
    runs.start_sync(workspace=request.workspace, by=request.actor, now=request.now, mode=mode, dry_run=is_dry)
    messages.success(request, "The dry run has started: nothing is written." if is_dry else "The sync has started.")
    return redirect("pipedrive_status")


@require_POST
@access.page("execute")
def pipedrive_row_retry(request: MemberRequest, row_id: int) -> HttpResponse:
    row = runs.retry_row(workspace=request.workspace, by=request.actor, row_id=row_id, now=request.now)
    messages.success(request, f"“{row.title or row.kind}” is in line again and goes out with the next sync.")
    return redirect(f"{reverse('pipedrive_status')}?tab=rejected")


@require_POST
@access.page("execute")
def pipedrive_row_ignore(request: MemberRequest, row_id: int) -> HttpResponse:
    row = runs.ignore_row(workspace=request.workspace, by=request.actor, row_id=row_id, now=request.now)
    messages.success(request, f"“{row.title or row.kind}” is left alone until it changes.")
    return redirect(f"{reverse('pipedrive_status')}?tab=rejected")


@require_POST
@access.page("execute")
def pipedrive_conflict_seen(request: MemberRequest, conflict_id: int) -> HttpResponse:
    runs.see_conflict(workspace=request.workspace, by=request.actor, conflict_id=conflict_id, now=request.now)
    return redirect(f"{reverse('pipedrive_status')}?tab=conflicts")


@require_POST
@access.page("execute")
def pipedrive_duplicate(request: MemberRequest, duplicate_id: int) -> HttpResponse:
    """`do`: link with the person, merge the others into it first, or keep them apart."""
    settled = duplicates.resolve(
        workspace=request.workspace,
        by=request.actor,
        duplicate_id=duplicate_id,
        choice=request.POST.get("do", ""),
        person_id=_number(request.POST.get("person", "")),
        profile_id=_number(request.POST.get("profile", "")),
        now=request.now,
    )
    messages.success(request, f"{settled.resolution}.")
    return redirect(f"{reverse('pipedrive_status')}?tab=duplicates")


@require_POST
@access.page("execute")
def pipedrive_test(request: MemberRequest) -> HttpResponse:
    """One profile, for real, whatever the schedule: its run shows request and response."""
    asked = request.POST.get("profile", "").strip()
    found = profiles.search(request.workspace, asked) if asked else []
    if len(found) != 1:
        wrong = "Nobody" if not found else f"{len(found)} profiles"
        messages.error(request, f"{wrong} found by “{asked[:100]}”. Give the number or the whole e-mail address.")
        return redirect(f"{reverse('pipedrive_status')}?tab=test")
    run = previews.test_profile(workspace=request.workspace, by=request.actor, profile_id=found[0], now=clock.now)
    return redirect("pipedrive_run", run.pk)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


# Tables as CSV


def sheet(request: MemberRequest, name: str, rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="pipedrive-{name}-{request.now:%Y-%m-%d}.csv"'
    return response


@require_safe
@access.page("export")
def pipedrive_rejected_csv(request: MemberRequest) -> StreamingHttpResponse:
    connection = queries.require(request.workspace)
    return sheet(request, "rejected", row_sheet(queries.open_rows(connection).iterator()))


@require_safe
@access.page("export")
def pipedrive_conflicts_csv(request: MemberRequest) -> StreamingHttpResponse:
    found = queries.conflicts(queries.require(request.workspace)).iterator()
    columns = ("at", "profile", "field", "stratum", "pipedrive", "winner", "rule")
    rows = (
        (
            *(one.at, one.link.local_id, one.local),
            *(words.value_words(one.ours), words.value_words(one.theirs), one.winner, one.rule),
        )
        for one in found
    )
    return sheet(request, "conflicts", _headed(columns, rows))


@require_safe
@access.page("export")
def pipedrive_runs_csv(request: MemberRequest) -> StreamingHttpResponse:
    found = queries.runs(queries.require(request.workspace)).iterator()
    columns = ("run", "mode", "trigger", "dry_run", "state", "started", "finished", "calls", "tokens")
    rows = (
        (
            *(str(run.pk), run.mode, run.trigger, run.dry_run, run.state, run.started_at, run.finished_at),
            *(run.calls, run.tokens, *(run.counts.get(name, 0) for name in words.COUNTS), run.error, run.started_by),
        )
        for run in found
    )
    return sheet(request, "runs", _headed((*columns, *words.COUNTS, "error", "started_by"), rows))


@require_safe
@access.page("export")
def pipedrive_tokens_csv(request: MemberRequest) -> StreamingHttpResponse:
    found = queries.spending(queries.require(request.workspace), days=90, now=request.now)
    rows = ((one.day.isoformat(), one.call, one.calls, one.tokens) for one in found.iterator())
    return sheet(request, "tokens", _headed(("day", "call", "calls", "tokens"), rows))


def _headed(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterable[Sequence[object]]:
    yield columns
    yield from rows


ROOM = "dashboard/integrations/pipedrive"
urlpatterns = [
    route(ROOM, pipedrive_status, "pipedrive_status"),
    route(f"{ROOM}/summary", pipedrive_summary, "pipedrive_summary"),
    route(f"{ROOM}/sync", pipedrive_sync, "pipedrive_sync"),
    route(f"{ROOM}/runs.csv", pipedrive_runs_csv, "pipedrive_runs_csv"),
    route(f"{ROOM}/rejected.csv", pipedrive_rejected_csv, "pipedrive_rejected_csv"),
    route(f"{ROOM}/conflicts.csv", pipedrive_conflicts_csv, "pipedrive_conflicts_csv"),
    route(f"{ROOM}/tokens.csv", pipedrive_tokens_csv, "pipedrive_tokens_csv"),
    route(f"{ROOM}/rows/<int:row_id>/retry", pipedrive_row_retry, "pipedrive_row_retry"),
    route(f"{ROOM}/rows/<int:row_id>/ignore", pipedrive_row_ignore, "pipedrive_row_ignore"),
    route(f"{ROOM}/duplicates/<int:duplicate_id>", pipedrive_duplicate, "pipedrive_duplicate"),
    route(f"{ROOM}/test", pipedrive_test, "pipedrive_test"),
    route(f"{ROOM}/conflicts/<int:conflict_id>/seen", pipedrive_conflict_seen, "pipedrive_conflict_seen"),
]
