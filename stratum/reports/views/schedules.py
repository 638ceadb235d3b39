"""/dashboard/settings/exports/schedules: tables that are sent by e-mail again and again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from stratum.lib.forms import show
from stratum.lib.refusal import Missing, Refusal
from stratum.reports import queries
from stratum.reports.forms import ScheduleForm
from stratum.reports.models import Delivery, ExportSchedule
from stratum.reports.registry import Exporter, exporters
from stratum.reports.services import deliveries, schedules
from stratum.reports.services.schedules import wanted_of
from stratum.reports.views.tabs import tabs
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.forms import zone_names

PER_PAGE = 20
PREFIX = "filter-"  # of the table's own parameters among the form's
OWN = ("exporter", "format", "page", "csrfmiddlewaretoken", "sent_from")
STILL = ("from", "to")  # dates that stay as they are while time goes on


@dataclass(frozen=True, slots=True)
class Line:
    schedule: ExportSchedule
    table: str
    last: Delivery | None


@require_safe
@access.page("export")
def listed(request: MemberRequest) -> HttpResponse:
    last = queries.last_deliveries(request.workspace)
    lines = [Line(one, _table(one.exporter), last.get(one.pk)) for one in queries.schedules(request.workspace)]
    standalone = [exporter for exporter in exporters.values() if exporter.standalone]
    context = {"lines": lines, "tabs": tabs("schedules"), "standalone": standalone}
    return render(request, "reports/schedules/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("export")
def new(request: MemberRequest) -> HttpResponse:
    """`?exporter=` and its parameters, as the table's own export has them."""
    given = request.POST if request.method == "POST" else request.GET
    exporter = _exporter(given.get("exporter", ""))
    parameters = _posted(request.POST) if request.method == "POST" else _asked(request.GET)
    initial = {
        "name": f"{exporter.label}, weekly",
        "format": request.GET.get("format", "csv"),
        "time_zone": request.workspace.time_zone,
        "recipients": request.user.email,
    }
    form = ScheduleForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            schedule = schedules.create(
                workspace=request.workspace,
                by=request.actor,
                wanted=form.wanted(exporter.name, parameters),
                now=request.now,
            )
        except Refusal as refusal:
            show(form, refusal)
        else:
            messages.success(request, f"“{schedule.name}” is scheduled.")
            return redirect("export_schedule", schedule.pk)
    return _form(request, form, exporter, parameters)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("export")
def edit(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    schedule = queries.schedule(request.workspace, schedule_id)
    exporter = _exporter(schedule.exporter)
    initial = {**asdict(wanted_of(schedule)), "recipients": "\n".join(schedule.recipients)}
    form = ScheduleForm(request.POST or None, initial=initial)
    if form.is_valid():
        wanted = form.wanted(exporter.name, schedule.parameters)
        changes = {name: getattr(wanted, name) for name in form.cleaned_data}
        try:
            schedules.change(
                workspace=request.workspace,
                by=request.actor,
                schedule_id=schedule_id,
                changes=changes,
                now=request.now,
            )
        except Refusal as refusal:
            show(form, refusal)
        else:
            messages.success(request, f"“{wanted.name}” is changed.")
            return redirect("export_schedule", schedule_id)
    return _form(request, form, exporter, schedule.parameters, schedule)


@require_safe
@access.page("export")
def detail(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    """As a fragment the deliveries, which ask again while one is under way."""
    schedule = queries.schedule(request.workspace, schedule_id)
    page = Paginator(queries.deliveries(schedule), PER_PAGE).get_page(request.GET.get("page"))
    team = queries.teammates(request.workspace)
    context = {
        "schedule": schedule,
        "table": _table(schedule.exporter),
        "filters": _words(schedule.parameters),
        "still": _still(schedule.parameters),
        "page": page,
        "working": any(delivery.next_attempt_at for delivery in page.object_list),
        "people": [(one, one not in team) for one in schedule.recipients],
        "now": request.now,
    }
    template = "reports/schedules/detail.html"
    return render(request, f"{template}#deliveries" if request.htmx else template, context)


@require_POST
@access.page("export")
def run(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    deliveries.run_now(workspace=request.workspace, by=request.actor, schedule_id=schedule_id, now=request.now)
    messages.success(request, "It is being written and sent. Below you see how far it is.")
    return redirect("export_schedule", schedule_id)


@require_POST
@access.page("export")
def switch(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    enabled = request.POST.get("enabled") == "1"
    schedule = schedules.switch(
        workspace=request.workspace, by=request.actor, schedule_id=schedule_id, enabled=enabled, now=request.now
    )
    messages.success(request, f"“{schedule.name}” {'runs again' if enabled else 'is paused'}.")
    return redirect("export_schedule", schedule_id)


@require_POST
@access.page("export")
def delete(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    name = schedules.delete(workspace=request.workspace, by=request.actor, schedule_id=schedule_id, now=request.now)
    messages.success(request, f"“{name}” is deleted. Nothing of it is sent any more.")
    return redirect("export_schedule_list")


def _form(
    request: MemberRequest,
    form: ScheduleForm,
    exporter: Exporter,
    parameters: Mapping[str, str],
    schedule: ExportSchedule | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "schedule": schedule,
        "exporter": exporter,
        "hidden": [(f"{PREFIX}{name}", value) for name, value in parameters.items()],
        "filters": _words(parameters),
        "still": _still(parameters),
        "zones": zone_names(),
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "reports/schedules/form.html", context, status=status)


def _exporter(name: str) -> Exporter:
    if name not in exporters:
        raise Missing("There is no export of that name.")
    return exporters[name]


def _table(name: str) -> str:
    return exporters[name].label if name in exporters else name


def _asked(query: QueryDict) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if name not in OWN}


def _posted(body: QueryDict) -> dict[str, str]:
    named = ((name.removeprefix(PREFIX), value) for name, value in body.items() if name.startswith(PREFIX))
    return {name: str(value) for name, value in named}


def _words(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " ").capitalize(), value) for name, value in sorted(parameters.items()) if value]


def _still(parameters: Mapping[str, str]) -> bool:
    return any(parameters.get(name) for name in STILL)
