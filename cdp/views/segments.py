"""/dashboard/cdp/segments: the list, a new list of people, archive and restore."""

from uuid import UUID

import numpy as np
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cdp.queries import segment_words
from cdp.queries import segments as queries
from cdp.services import segments as services
from cdp.views.segment_detail import faults_of, refuse_unknown
from cdp.views.segment_sparkline import sparkline
from stratum.lib.refusal import Refusal
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
        "cards": [(card, sparkline(card.daily)) for card in queries.cards(request.workspace, list(page.object_list))],
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
        refuse_unknown(request, words)
        segment = services.create_static(
            workspace=request.workspace,
            by=request.actor,
            name=request.POST.get("name", ""),
            description=request.POST.get("description", ""),
            profiles=np.array(words.profiles, np.int64),
            now=request.now,
        )
    except Refusal as refused:
        return render(request, "cdp/segments/new.html", context | faults_of(refused), status=422)
    messages.success(request, f"“{segment.name}” is saved.")
    return redirect("segment_detail", segment.pk)


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


HERE = "dashboard/cdp/segments"
urlpatterns = [
    route(HERE, segment_list, "segment_list"),
    route(f"{HERE}/new", segment_new, "segment_new"),
    route(f"{HERE}/<uuid:segment_id>/archive", segment_archive, "segment_archive"),
    route(f"{HERE}/<uuid:segment_id>/restore", segment_restore, "segment_restore"),
]
