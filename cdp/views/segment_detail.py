"""/dashboard/cdp/segments/<id>: who is in a segment, since when and why, and how its size went."""

from uuid import UUID

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions import condition_words
from cdp.models import Segment
from cdp.queries import profiles, segment_days, segment_uses, segment_words
from cdp.queries import segments as queries
from cdp.queries.segment_members import members_of
from cdp.queries.segments import Found
from cdp.services import segments as services
from cdp.views.segment_chart import caption_of, segment_chart
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25
SHOWN_DAYS = 90
PAGE = "cdp/segments/detail.html"
PARTIALS = {"segment-live": f"{PAGE}#live", "segment-members": f"{PAGE}#members"}


@require_safe
@access.page("view")
def segment_detail(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    """The part that follows the members replaces itself as long as these are being decided."""
    segment = queries.get(request.workspace, segment_id)
    partial = PARTIALS.get(request.htmx.target or "") if request.htmx else None
    return render(request, partial or PAGE, _context(request, segment))


@require_POST
@access.page("build")
def segment_rename(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = queries.get(request.workspace, segment_id)
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    try:
        services.rename(
            workspace=request.workspace,
            by=request.actor,
            segment_id=segment_id,
            name=name,
            description=description,
            now=request.now,
            expected=request.POST.get("expected") or None,
        )
    except Refusal as refused:
        context = {"renaming": {"name": name, "description": description}} | faults_of(refused)
        return _detail(request, segment, context)
    messages.success(request, "Saved.")
    return redirect("segment_detail", segment_id)


@require_POST
@access.page("build")
def segment_add(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = queries.get(request.workspace, segment_id)
    typed = request.POST.get("people", "")
    context: dict[str, object] = {"adding": typed}
    try:
        words = context["found"] = segment_words.resolve(request.workspace, typed)
        refuse_unknown(request, words)
        added = services.add_members(
            workspace=request.workspace,
            by=request.actor,
            segment_id=segment_id,
            profiles=np.array(words.profiles, np.int64),
            now=request.now,
        )
    except Refusal as refused:
        return _detail(request, segment, context | faults_of(refused))
    messages.success(request, f"{added:,} added.")
    return redirect("segment_detail", segment_id)


@require_POST
@access.page("build")
def segment_remove(request: MemberRequest, segment_id: UUID, profile_id: int) -> HttpResponse:
    keys = np.array([profile_id], np.int64)
    services.remove_members(
        workspace=request.workspace, by=request.actor, segment_id=segment_id, profiles=keys, now=request.now
    )
    messages.success(request, f"Profile {profile_id} is no longer in this segment.")
    return redirect("segment_detail", segment_id)


@require_safe
@access.page("export")
def segment_days_csv(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = queries.get(request.workspace, segment_id)
    lines = [
        [str(one.day), one.size, one.entered, one.exited, "yes" if one.reconstructed else ""]
        for one in segment_days.daily(segment)
    ]
    sheet = csv_lines([["day", "size", "entered", "exited", "reconstructed"], *lines])
    response = HttpResponse("".join(sheet), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="segment-sizes-{segment.pk}.csv"'
    return response


# What the page shows


def _detail(request: MemberRequest, segment: Segment, refused: dict[str, object]) -> HttpResponse:
    return render(request, PAGE, _context(request, segment) | refused, status=422)


def _context(request: MemberRequest, segment: Segment) -> dict[str, object]:
    may_build = request.actor.may("build") and segment.archived_at is None
    return {
        "segment": segment,
        "tag": queries.tag(segment),
        "used_by": queries.used_by(request.workspace, segment),
        "rests_on": segment_uses.rests_on(request.workspace, segment),
        "may_build": may_build,
        "may_list": may_build and segment.is_static,
        "sentence": "" if segment.is_static else _sentence(request, segment),
        "may_restore": request.actor.may("build"),
        "may_export": request.actor.may("export"),
        **_members(request, segment),
        **_sizes(segment),
    }


def _members(request: MemberRequest, segment: Segment) -> dict[str, object]:
    words = request.GET.get("q", "").strip()
    everybody = members_of(request.workspace, segment)
    keys = queries.members_found(request.workspace, segment, words) if words else everybody[::-1]
    page = Paginator(range(len(keys)), PER_PAGE).get_page(request.GET.get("page"))
    start = (page.number - 1) * PER_PAGE
    return {
        "size": len(everybody),
        "search": words,
        "page": page,
        "profiles": profiles.shown(request.workspace, keys[start : start + PER_PAGE].tolist(), now=request.now),
    }


def _sizes(segment: Segment) -> dict[str, object]:
    days = segment_days.daily(segment)[-SHOWN_DAYS:]
    if len(days) < 2:
        return {"days": [], "chart": None}
    return {"days": days[::-1], "chart": segment_chart(days), "chart_caption": caption_of(days)}


def _sentence(request: MemberRequest, segment: Segment) -> str:
    """Empty for a condition that an older version wrote and nobody can read any more."""
    try:
        segment_uses.condition_of(segment, request.workspace.time_zone)
    except Invalid:
        return ""
    names = {str(one.pk): one.name for one in queries.find(request.workspace)}
    told = condition_words.sentence(segment.condition, names)
    return told[0].upper() + told[1:]


def refuse_unknown(request: MemberRequest, words: Found) -> None:
    if words.unknown and "skip" not in request.POST:
        sentence = "Some of these are nobody's in this workspace. Mend them, or leave them out."
        raise Invalid([Fault("/people", sentence, "unknown")])


def faults_of(refused: Refusal) -> dict[str, object]:
    """Each field's sentence; what belongs to no field is told above them all."""
    errors = {fault.pointer.strip("/"): fault.detail for fault in refused.faults}
    return {"errors": errors or {"form": refused.sentence}}


HERE = "dashboard/cdp/segments/<uuid:segment_id>"
urlpatterns = [
    route(HERE, segment_detail, "segment_detail"),
    route(f"{HERE}/rename", segment_rename, "segment_rename"),
    route(f"{HERE}/members", segment_add, "segment_add"),
    route(f"{HERE}/members/<int:profile_id>/remove", segment_remove, "segment_remove"),
    route(f"{HERE}/sizes/csv", segment_days_csv, "segment_days_csv"),
]
