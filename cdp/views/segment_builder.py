"""/dashboard/cdp/segments/builder and …/edit: a condition built row by row, with a live preview."""

import json
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, trigger_client_event

from cdp.definitions.segments import parse_draft
from cdp.forms import segment_tree
from cdp.forms.segment_tree import Row
from cdp.models import Segment
from cdp.queries import segments as queries
from cdp.queries.traits import zone_of
from cdp.services import segments as services
from cdp.views.segment_builder_page import (
    Context,
    Fields,
    id_of,
    page_context,
    people_named,
    placed_rows,
    tried,
    trouble_of,
)
from cdp.views.segment_starts import start_of
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PAGE = "cdp/segments/builder.html"


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def segment_builder(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _answered(request, None)
    start = start_of(request)
    if start is None:
        return _page(request, None, segment_tree.EMPTY, {})
    fields = {
        "name": start.name,
        "description": start.description,
        "include_anonymous": "on" if start.include_anonymous else "",
    }
    return _page(request, None, segment_tree.of_condition(start.condition), fields, tries=True)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def segment_edit(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = queries.get(request.workspace, segment_id)
    if segment.is_static:
        return redirect("segment_detail", segment.pk)
    if request.method == "POST":
        return _answered(request, segment)
    fields = {
        "name": segment.name,
        "description": segment.description,
        "include_anonymous": "on" if segment.include_anonymous else "",
        "expected": queries.tag(segment),
    }
    return _page(request, segment, segment_tree.of_condition(segment.condition), fields, tries=True)


@require_POST
@access.page("build")
def segment_preview(request: MemberRequest) -> HttpResponse:
    """While a condition is incomplete the last good preview stays."""
    row = _sent_row(request)
    context = tried(request, row, request.POST)
    context |= {"is_answer": True, "root": placed_rows(row, context)}
    answer = render(request, "cdp/segments/_preview.html", context)
    return answer if "preview" in context else reswap(answer, "none")


def _answered(request: MemberRequest, segment: Segment | None) -> HttpResponse:
    """A button: of a row, of the JSON, or Save."""
    row, do = _sent_row(request), request.POST.get("do", "save")
    if do == "save":
        return _saved(request, segment, row)
    if do == "preview":
        return _page(request, segment, row, request.POST, tries=True)
    if do == "read":
        return _read(request, segment, row)
    verb, _, more = do.partition(":")
    path, _, goal = more.partition(":")
    act = f"{verb}:{goal}" if goal else verb
    after = segment_tree.acted(row, act, path)
    return _rows(request, segment, after, segment_tree.focus_after(row, act, path))


def _read(request: MemberRequest, segment: Segment | None, row: Row) -> HttpResponse:
    """The JSON instead of the rows, and who satisfies it."""
    try:
        read = segment_tree.of_condition(json.loads(request.POST.get("condition_json", "")))
    except (ValueError, RecursionError):
        context = {"json_error": "This is no JSON object. Paste a condition such as {“type”: “event”, …}."}
        return _page(request, segment, row, request.POST, context, status=422)
    return _page(request, segment, read, request.POST, tries=True)


def _rows(request: MemberRequest, segment: Segment | None, row: Row, focus: str) -> HttpResponse:
    if not request.htmx:
        return _page(request, segment, row, request.POST, {"focus": id_of(focus)})
    context = page_context(request, segment, row, request.POST) | {"focus": id_of(focus), "root": placed_rows(row, {})}
    return trigger_client_event(render(request, f"{PAGE}#rows", context), "rows-changed", after="settle")


def _saved(request: MemberRequest, segment: Segment | None, row: Row) -> HttpResponse:
    body = {
        "name": request.POST.get("name", ""),
        "description": request.POST.get("description", ""),
        "condition": segment_tree.condition(row),
        "include_anonymous": request.POST.get("include_anonymous") == "on",
    }
    try:
        draft = parse_draft(body, zone=zone_of(request.workspace))
        if segment is None:
            saved = services.create_from_draft(
                workspace=request.workspace, by=request.actor, draft=draft, now=request.now
            )
        else:
            saved = services.update(
                workspace=request.workspace,
                by=request.actor,
                segment_id=segment.pk,
                draft=draft,
                now=request.now,
                expected=request.POST.get("expected") or None,
            )
    except Refusal as refused:
        return _page(request, segment, row, request.POST, trouble_of(row, refused), status=422)
    messages.success(request, f"“{saved.name}” is saved. Its members are there in a moment.")
    return redirect("segment_detail", saved.pk)


def _sent_row(request: MemberRequest) -> Row:
    row = segment_tree.of_post(request.POST.dict(), request.POST.getlist("path"))
    return segment_tree.with_people(row, lambda words: people_named(request.workspace, words))


def _page(
    request: MemberRequest,
    segment: Segment | None,
    row: Row,
    fields: Fields,
    more: Context | None = None,
    *,
    tries: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = page_context(request, segment, row, fields)
    context |= (tried(request, row, fields) if tries else {}) | (more or {})
    context["root"] = placed_rows(row, context)
    return render(request, PAGE, context, status=status)


HERE = "dashboard/cdp/segments"
urlpatterns = [
    route(f"{HERE}/builder", segment_builder, "segment_builder"),
    route(f"{HERE}/preview", segment_preview, "segment_preview"),
    route(f"{HERE}/<uuid:segment_id>/edit", segment_edit, "segment_edit"),
]
