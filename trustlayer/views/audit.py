"""/dashboard/data-quality/audit-logs: the book with its filters, charts, evidence, and whether it is whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from stratum.lib.refusal import Invalid
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import Job
from trustlayer import asked as filters
from trustlayer.actions import ACTIONS, GROUPS
from trustlayer.asked import DECISIONS, Asked
from trustlayer.models import LedgerEntry
from trustlayer.queries import audit as queries
from trustlayer.queries.audit import Found
from trustlayer.services import checkpoints, verification
from trustlayer.shapes import entry_json
from trustlayer.signals import SIGNALS
from trustlayer.views.audit_charts import charts
from trustlayer.words import DECISION, PLATFORMS, Mark

RANGES = (("7d", "Last 7 days"), ("30d", "Last 30 days"), ("90d", "Last 90 days"), ("", "All time"))
BOOKED = Mark("", "neutral", "book")
LABELS = {"decision": "Decision", "action_type": "Action", "entity_type": "Entity type", "platform": "Platform"}


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    count: int
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with the words and looks of its row."""

    entry: LedgerEntry
    action: str
    tone: str
    icon: str


@require_safe
@access.page("view")
def audit_log_list(request: MemberRequest) -> HttpResponse:
    template = "trustlayer/audit/list.html"
    try:
        asked = _asked(request)
    except Invalid as refused:
        errors = {fault.pointer.strip("/"): fault.detail for fault in refused.faults}
        context: dict[str, Any] = {"typed": request.GET, "errors": errors}
        return render(request, f"{template}#results" if request.htmx else template, context, status=422)
    found = queries.find(request.workspace, asked)
    context = _results(request, found)
    if not request.htmx:
        context["typed"], context["nothing_yet"] = asked.parameters, not found.head
        context["checkpoints"] = queries.checkpoints(request.workspace)
        context["head"] = queries.head(request.workspace)
    return render(request, f"{template}#results" if request.htmx else template, context)


@require_safe
@access.page("view")
def audit_log_new(request: MemberRequest) -> HttpResponse:
    """How many entries have come since the page was read; asks again by itself."""
    asked = _asked(request)
    seen = _number(request.GET, "seen") or 0
    context = {"asked": asked, "seen": seen, "new": queries.count_newer(queries.find(request.workspace, asked), seen)}
    return render(request, "trustlayer/audit/list.html#newer", context)


@require_safe
@access.page("view")
def audit_log(request: MemberRequest, entry_id: UUID) -> HttpResponse:
    entry = queries.entry(request.workspace, entry_id)
    shown = entry_json(entry)
    signals = [
        (SIGNALS[one["name"]].label if one.get("name") in SIGNALS else one.get("name", ""), one)
        for one in shown["signals"]
    ]
    context = {"line": _line(entry), "entry": entry, "shown": shown, "signals": signals}
    template = "trustlayer/audit/detail.html"
    return render(request, f"{template}#evidence" if request.htmx else template, context)


@require_POST
@access.page("view")
def audit_log_verify(request: MemberRequest) -> HttpResponse:
    """At once where that takes a moment, else by a job."""
    answer = verification.ask(workspace=request.workspace, by=request.actor, now=request.now)
    if isinstance(answer, Job):
        return redirect("job_detail", answer.pk)
    if answer.broken:
        messages.error(request, f"The audit log was tampered with. {answer.broken.sentence}")
    else:
        messages.success(request, f"All {answer.entries:,} entries hold together; the last is {answer.last:,}.")
    return redirect("audit_log_list")


@require_safe
@access.page("export")
def audit_log_manifest(request: MemberRequest, checkpoint_id: int) -> JsonResponse:
    """A signed checkpoint to keep elsewhere: later it contradicts a book that was rewritten."""
    signed = queries.checkpoint(request.workspace, checkpoint_id)
    response = JsonResponse(checkpoints.manifest_of(signed), json_dumps_params={"indent": 2})
    response["Content-Disposition"] = (
        f'attachment; filename="audit-log-manifest-{signed.at:%Y-%m-%d}-{signed.seq}.json"'
    )
    return response


def _asked(request: MemberRequest) -> Asked:
    """Dates that were typed win over the range they stood beside."""
    given = filters.plain(request.GET.lists())
    if given.get("from") or given.get("to"):
        given.pop("range", None)
    return filters.parse(given, now=request.now, zone=ZoneInfo(request.workspace.time_zone))


def _results(request: MemberRequest, found: Found) -> dict[str, Any]:
    asked = found.asked
    page = queries.page(found, before=_number(request.GET, "before"), after=_number(request.GET, "after"))
    address = reverse("audit_log_list")
    counts = queries.facets(found)
    return {
        "asked": asked,
        "total": found.total,
        "seen": found.head,
        "lines": [_line(entry) for entry in page.entries],
        "previous_url": f"{address}?{asked.changed(after=str(page.newer))}" if page.newer else "",
        "next_url": f"{address}?{asked.changed(before=str(page.older))}" if page.older else "",
        "ranges": [
            (label, asked.changed(range=span, **{"from": "", "to": ""}), _is_range(asked, span))
            for span, label in RANGES
        ],
        "chips": [(LABELS[name], _chips(name, counts[name], asked)) for name in LABELS],
        "charts": charts(queries.analytics(found), asked),
        "may_export": request.actor.may("export"),
        "clear_reason": asked.changed(block_reason=""),
    }


def _is_range(asked: Asked, span: str) -> bool:
    given = asked.parameters
    return given.get("range", "") == span and not (given.get("from") or given.get("to"))


def _chips(name: str, counts: Mapping[str, int], asked: Asked) -> list[Chip]:
    """Known values in their usual order, then whatever else the book holds; what is chosen stays, at zero too."""
    usual = {"decision": list(DECISIONS), "action_type": list(GROUPS), "platform": list(PLATFORMS)}.get(name, [])
    chosen = [one for one in asked.parameters.get(name, "").split(",") if one]
    others = sorted({*counts, *chosen} - {"", *usual})
    shown = [one for one in [*usual, *others] if counts.get(one) or one in chosen or name == "decision"]
    return [Chip(_word(name, one), counts.get(one, 0), asked.toggled(name, one), one in chosen) for one in shown]


def _word(name: str, value: str) -> str:
    known = {"action_type": GROUPS, "platform": PLATFORMS}.get(name, {})
    action = ACTIONS.get(value)
    return known.get(value) or (action.label if action else value)


def _line(entry: LedgerEntry) -> Line:
    action = ACTIONS.get(entry.action)
    label = action.label if action else entry.action.replace("_", " ").capitalize()
    mark = DECISION.get(entry.decision, BOOKED)
    return Line(entry, label, mark.tone, mark.icon)


def _number(query: QueryDict, name: str) -> int | None:
    given = query.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


ROOM = "dashboard/data-quality/audit-logs"
urlpatterns = [
    route(ROOM, audit_log_list, name="audit_log_list"),
    route(f"{ROOM}/new", audit_log_new, name="audit_log_new"),
    route(f"{ROOM}/verify", audit_log_verify, name="audit_log_verify"),
    route(f"{ROOM}/manifests/<int:checkpoint_id>", audit_log_manifest, name="audit_log_manifest"),
    route(f"{ROOM}/<uuid:entry_id>", audit_log, name="audit_log"),
]
