"""/dashboard/cdp/segments/builder and …/edit: a condition built row by row, with a live preview."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import reswap, trigger_client_event

from cdp.definitions import condition_words
from cdp.definitions.predicate_words import OPERATORS
from cdp.definitions.segment_questions import parse_question
from cdp.definitions.segment_templates import TEMPLATES
from cdp.definitions.segments import parse_draft
from cdp.forms import segment_tree
from cdp.forms.segment_tree import Placed, Row
from cdp.models import Segment
from cdp.queries import segment_uses, served_traits
from cdp.queries import segments as queries
from cdp.queries.segment_preview import Preview, preview
from cdp.queries.segment_why import Why, explain
from cdp.queries.traits import zone_of
from cdp.services import segments as services
from cdp.views.event_picker import event_picker
from cdp.views.funnel_words import percent
from stratum.lib.refusal import Fault, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

Context = dict[str, Any]
KINDS = (
    ("event", "Performed an event"),
    ("not_event", "Did NOT perform an event"),
    ("sequence", "Sequence of events"),
    ("profile", "Trait or attribute"),
    ("segment", "In another segment"),
    ("group", "Group (any of …)"),
    ("json", "Anything else, as JSON"),
)
TIMES = (
    ("", "at least once"),
    ("gte", "at least"),
    ("gt", "more than"),
    ("lte", "at most"),
    ("lt", "less than"),
    ("eq", "exactly"),
    ("neq", "any number but"),
    ("between", "between (2, 5)"),
)
OWN_FIELDS = ("lifecycle_stage", "email", "phone", "first_name", "last_name", "user_id", "created_at", "last_seen_at")


@dataclass(frozen=True, slots=True)
class Shown:
    """A row with what is wrong in it."""

    placed: Placed
    error: str

    @property
    def row(self) -> Row:
        return self.placed.row


@dataclass(frozen=True, slots=True)
class Line:
    """A node of the condition in the preview, with how many satisfy it alone."""

    depth: int
    words: str
    size: int
    rate: str


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def segment_builder(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _answered(request, None)
    chosen = TEMPLATES.get(request.GET.get("template", ""))
    if chosen is None:
        return _page(request, None, segment_tree.EMPTY, {})
    fields = {"name": chosen.name, "description": chosen.description}
    return _page(request, None, segment_tree.of_condition(chosen.condition), fields, tries=True)


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
    context = _tried(request, _sent_row(request), request.POST)
    answer = render(request, "cdp/segments/_preview.html", context | {"is_answer": True})
    return answer if "preview" in context else reswap(answer, "none")


def _answered(request: MemberRequest, segment: Segment | None) -> HttpResponse:
    """A button: of a row, of the JSON, or Save."""
    row, (act, _, path) = _sent_row(request), request.POST.get("do", "save").partition(":")
    if act == "save":
        return _saved(request, segment, row)
    if act == "preview":
        return _page(request, segment, row, request.POST, tries=True)
    if act == "read":
        try:
            row = segment_tree.of_condition(json.loads(request.POST.get("condition_json", "")))
        except (ValueError, AttributeError):
            context = {"json_error": "This is no JSON object. Paste a condition such as {“type”: “event”, …}."}
            return _page(request, segment, row, request.POST, context, status=422)
    else:
        row = segment_tree.acted(row, act, path)
    if request.htmx:
        context = _context(request, segment, row, request.POST)
        return trigger_client_event(
            render(request, "cdp/segments/builder.html#rows", context), "rows-changed", after="settle"
        )
    return _page(request, segment, row, request.POST)


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
        return _page(request, segment, row, request.POST, _faults(row, refused), status=422)
    messages.success(request, f"“{saved.name}” is saved. Its members are there in a moment.")
    return redirect("segment_detail", saved.pk)


def _sent_row(request: MemberRequest) -> Row:
    return segment_tree.of_post(request.POST.dict(), request.POST.getlist("path"))


# What the page shows


def _page(
    request: MemberRequest,
    segment: Segment | None,
    row: Row,
    fields: Mapping[str, str],
    more: Context | None = None,
    *,
    tries: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = _context(request, segment, row, fields) | (_tried(request, row, fields) if tries else {}) | (more or {})
    context["rows"] = [Shown(one, context.get("row_errors", {}).get(one.path, "")) for one in segment_tree.placed(row)]
    return render(request, "cdp/segments/builder.html", context, status=status)


def _context(request: MemberRequest, segment: Segment | None, row: Row, fields: Mapping[str, str]) -> Context:
    workspace = request.workspace
    others = [one for one in queries.find(workspace) if segment is None or one.pk != segment.pk]
    here = reverse("segment_edit", args=[segment.pk]) if segment else reverse("segment_builder")
    return {
        "segment": segment,
        "fields": fields,
        "rows": [Shown(one, "") for one in segment_tree.placed(row)],
        "condition_json": json.dumps(segment_tree.condition(row), ensure_ascii=False, indent=2),
        "act_url": here,
        "kinds": KINDS,
        "times": TIMES,
        "operators": OPERATORS.items(),
        "templates": TEMPLATES.items(),
        "others": others,
        "profile_fields": [
            *(f"traits.{one.name}" for one in served_traits.serving(workspace)),
            *(f"traits.{name}" for name in sorted(segment_uses.RFM)),
            *OWN_FIELDS,
        ],
        **event_picker(request),
    }


def _tried(request: MemberRequest, row: Row, fields: Mapping[str, str]) -> Context:
    """The preview, or what is wrong, at its row."""
    body = {"condition": segment_tree.condition(row), "include_anonymous": fields.get("include_anonymous") == "on"}
    try:
        asked = parse_question(body, tuple(body), zone_of(request.workspace))
        segment_uses.require_known(request.workspace, asked.condition)
        found = preview(request.workspace, asked.condition, include_anonymous=asked.include_anonymous, now=request.now)
        why = _why(request, fields.get("why", ""), asked)
    except Refusal as refused:
        return _faults(row, refused)
    names = {str(one.pk): one.name for one in queries.find(request.workspace)}
    return {
        "preview": found,
        "rate": percent(found.rate),
        "lines": _lines(asked.source, names, found),
        "sentence": condition_words.sentence(asked.source, names),
        "why": why,
    }


def _why(request: MemberRequest, profile: str, asked: Any) -> Why | None:
    if not profile.isdigit():
        return None
    return explain(
        request.workspace,
        asked.condition,
        asked.source,
        int(profile[:18]),
        include_anonymous=asked.include_anonymous,
        now=request.now,
    )


def _lines(source: Mapping[str, Any], names: Mapping[str, str], found: Preview) -> Sequence[Line]:
    sizes = {block.path: block.size for block in found.blocks}
    return [
        Line(depth, words, sizes[path], percent(sizes[path] / found.universe if found.universe else 0))
        for path, depth, words in condition_words.lines(source, names)
    ]


def _faults(row: Row, refused: Refusal) -> Context:
    """Each sentence at the row in whose condition the fault lies; what belongs to none above them all."""
    rows = segment_tree.placed(row)
    at_rows: dict[str, str] = {}
    others: dict[str, str] = {}
    for fault in refused.faults or [Fault("", refused.sentence)]:
        place = _row_of(fault.pointer, rows)
        if fault.pointer in ("/name", "/description"):
            others[fault.pointer.strip("/")] = fault.detail
        elif place is None:
            others["form"] = fault.detail
        else:
            at_rows.setdefault(place.path, fault.detail)
    return {"row_errors": at_rows, "errors": others, "trouble": [*others.values(), *at_rows.values()]}


def _row_of(pointer: str, rows: Sequence[Placed]) -> Placed | None:
    inside = [one for one in rows if pointer == one.pointer or pointer.startswith(f"{one.pointer}/")]
    return max(inside, key=lambda one: (len(one.pointer), one.depth), default=None)


HERE = "dashboard/cdp/segments"
urlpatterns = [
    route(f"{HERE}/builder", segment_builder, "segment_builder"),
    route(f"{HERE}/preview", segment_preview, "segment_preview"),
    route(f"{HERE}/<uuid:segment_id>/edit", segment_edit, "segment_edit"),
]
