"""/dashboard/cdp/segments: the list, a new static one, and who is in it."""

from uuid import UUID

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdp.definitions import condition_words
from cdp.models import Segment
from cdp.queries import profiles, segment_uses, segment_words
from cdp.queries import segments as queries
from cdp.queries.segments import Found
from cdp.services import segments as services
from cdp.views.segment_sparkline import sparkline
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

PER_PAGE = 25


@require_safe
@access.page("view")
def segment_list(request: MemberRequest) -> HttpResponse:
    search, archived = request.GET.get("q", "").strip(), request.GET.get("archived") == "1"
    found = queries.find(request.workspace, search=search, archived=archived)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "cards": [(card, sparkline(card.daily)) for card in queries.cards(list(page.object_list))],
        "search": search,
        "archived": archived,
        "usage": limits.usage(request.workspace, services.METER),
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/segments/list.html#rows" if request.htmx else "cdp/segments/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.page("build")
def segment_new(request: MemberRequest) -> HttpResponse:
    """Words that stand for nobody are shown again beside the rest, until they are mended or left out on purpose."""
    if request.method != "POST":
        return render(request, "cdp/segments/new.html", {"typed": {}})
    context: dict[str, object] = {"typed": request.POST}
    try:
        words = context["found"] = segment_words.resolve(request.workspace, request.POST.get("people", ""))
        _refuse_unknown(request, words)
        segment = services.create_static(
            workspace=request.workspace,
            by=request.actor,
            name=request.POST.get("name", ""),
            description=request.POST.get("description", ""),
            profiles=np.array(words.profiles, np.int64),
            now=request.now,
        )
    except Refusal as refused:
        return render(request, "cdp/segments/new.html", context | _faults(refused), status=422)
    messages.success(request, f"“{segment.name}” is saved.")
    return redirect("segment_detail", segment.pk)


@require_safe
@access.page("view")
def segment_detail(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    return _detail(request, queries.get(request.workspace, segment_id))


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
        context = {"renaming": {"name": name, "description": description}} | _faults(refused)
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
        _refuse_unknown(request, words)
        added = services.add_members(
            workspace=request.workspace,
            by=request.actor,
            segment_id=segment_id,
            profiles=np.array(words.profiles, np.int64),
            now=request.now,
        )
    except Refusal as refused:
        return _detail(request, segment, context | _faults(refused))
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


@require_POST
@access.page("build")
def segment_archive(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = services.archive(workspace=request.workspace, by=request.actor, segment_id=segment_id, now=request.now)
    undo = reverse("segment_restore", args=[segment.pk])
    messages.success(request, f"“{segment.name}” is archived.", extra_tags=undo)
    return redirect("segment_list")


@require_POST
@access.page("build")
def segment_restore(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = services.restore(workspace=request.workspace, by=request.actor, segment_id=segment_id, now=request.now)
    messages.success(request, f"“{segment.name}” is back.")
    return redirect("segment_detail", segment.pk)


def _detail(request: MemberRequest, segment: Segment, refused: dict[str, object] | None = None) -> HttpResponse:
    keys = queries.members(request.workspace, segment)[::-1]
    page = Paginator(range(len(keys)), PER_PAGE).get_page(request.GET.get("page"))
    start = (page.number - 1) * PER_PAGE
    context: dict[str, object] = {
        "segment": segment,
        "tag": queries.tag(segment),
        "size": len(keys),
        "page": page,
        "profiles": profiles.shown(request.workspace, keys[start : start + PER_PAGE].tolist(), now=request.now),
        "used_by": queries.used_by(request.workspace, segment),
        "may_build": request.actor.may("build") and segment.archived_at is None,
        "may_list": request.actor.may("build") and segment.archived_at is None and segment.is_static,
        "sentence": "" if segment.is_static else _sentence(request, segment),
        "may_restore": request.actor.may("build"),
        "may_export": request.actor.may("export"),
    }
    return render(request, "cdp/segments/detail.html", context | (refused or {}), status=422 if refused else 200)


def _sentence(request: MemberRequest, segment: Segment) -> str:
    """Empty for a condition that an older version wrote and nobody can read any more."""
    try:
        segment_uses.condition_of(segment, request.workspace.time_zone)
    except Invalid:
        return ""
    names = {str(one.pk): one.name for one in queries.find(request.workspace)}
    told = condition_words.sentence(segment.condition, names)
    return told[0].upper() + told[1:]


def _refuse_unknown(request: MemberRequest, words: Found) -> None:
    if words.unknown and "skip" not in request.POST:
        sentence = "Some of these are nobody's in this workspace. Mend them, or leave them out."
        raise Invalid([Fault("/people", sentence, "unknown")])


def _faults(refused: Refusal) -> dict[str, object]:
    """Each field's sentence; what belongs to no field is told above them all."""
    errors = {fault.pointer.strip("/"): fault.detail for fault in refused.faults}
    return {"errors": errors or {"form": refused.sentence}}


HERE = "dashboard/cdp/segments"
urlpatterns = [
    route(HERE, segment_list, "segment_list"),
    route(f"{HERE}/new", segment_new, "segment_new"),
    route(f"{HERE}/<uuid:segment_id>", segment_detail, "segment_detail"),
    route(f"{HERE}/<uuid:segment_id>/rename", segment_rename, "segment_rename"),
    route(f"{HERE}/<uuid:segment_id>/members", segment_add, "segment_add"),
    route(f"{HERE}/<uuid:segment_id>/members/<int:profile_id>/remove", segment_remove, "segment_remove"),
    route(f"{HERE}/<uuid:segment_id>/archive", segment_archive, "segment_archive"),
    route(f"{HERE}/<uuid:segment_id>/restore", segment_restore, "segment_restore"),
]
