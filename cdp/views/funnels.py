"""/dashboard/cdp/funnels: the list, and what is done to a funnel as a whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from cdp.definitions.funnel_templates import TEMPLATES
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries.funnel_list import daily_rates
from cdp.services import funnels as services
from cdp.views import funnel_words as words
from cdp.views.funnel_sparkline import Sparkline, sparkline
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import Workspace

PER_PAGE = 25
# By the name in the address: what a person reads, and the columns.
SORTS = {
    "": ("Last changed", ("-updated_at", "id")),
    "name": ("Name", ("name", "id")),
    "owner": ("Owner", ("created_by__name", "created_by__email", "name", "id")),
    "newest": ("Newest", ("-created_at", "id")),
}


@dataclass(frozen=True, slots=True)
class Lines:
    """Of the list. `waiting`: their numbers come with another request; `refused` says why there are none."""

    lines: Sequence[tuple[words.Line, Sparkline | None]]
    waiting: bool = False
    refused: str = ""


@require_safe
@access.page("view")
def funnel_list(request: MemberRequest) -> HttpResponse:
    """Without numbers, which take long with many events: the page asks for all of them at once."""
    return _answer(request, _outlined)


@require_safe
@access.page("view")
def funnel_numbers(request: MemberRequest) -> HttpResponse:
    """The lines of the same list with their numbers; a page of its own without scripts."""
    return _answer(request, _counted)


def _outlined(workspace: Workspace, found: Sequence[Funnel], now: datetime) -> Lines:
    cards = queries.outlines(workspace, found)
    return Lines([(words.line(card), None) for card in cards], waiting=bool(cards))


def _counted(workspace: Workspace, found: Sequence[Funnel], now: datetime) -> Lines:
    try:
        cards = queries.cards(workspace, found, now=now)
        days = daily_rates(workspace, cards, now=now)
    except Refusal as refusal:
        return replace(_outlined(workspace, found, now), waiting=False, refused=refusal.sentence)
    return Lines([(words.line(card), sparkline(days.get(card.funnel.pk, ()))) for card in cards])


def _answer(request: MemberRequest, tell: Callable[[Workspace, Sequence[Funnel], datetime], Lines]) -> HttpResponse:
    search, archived = request.GET.get("q", "").strip(), request.GET.get("archived") == "1"
    sort = request.GET.get("sort", "")
    sort = sort if sort in SORTS else ""
    found = queries.find(request.workspace, search=search, archived=archived).order_by(*SORTS[sort][1])
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    told = tell(request.workspace, list(page.object_list), request.now)
    numbers = reverse("funnel_numbers")
    context = {
        "page": page,
        "lines": told.lines,
        "waiting": told.waiting,
        "refused": told.refused,
        "numbers_url": f"{numbers}?{request.GET.urlencode()}" if request.GET else numbers,
        "may_save": request.path != numbers,  # a view is kept of the list itself
        "search": search,
        "archived": archived,
        "sort": sort,
        "sort_title": SORTS[sort][0],
        "sorts": [(name, title) for name, (title, _) in SORTS.items()],
        "templates": TEMPLATES.values(),
        "may_build": request.actor.may("build"),
    }
    return render(request, "cdp/funnels/list.html#rows" if request.htmx else "cdp/funnels/list.html", context)


@require_POST
@access.page("build")
def funnel_duplicate(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    copy = services.duplicate(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"Copied to “{copy.name}”.")
    return redirect("funnel_edit", copy.pk)


@require_POST
@access.page("build")
def funnel_archive(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = services.archive(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"“{funnel.name}” is archived.", extra_tags=reverse("funnel_restore", args=[funnel.pk]))
    return redirect("funnel_list")


@require_POST
@access.page("build")
def funnel_restore(request: MemberRequest, funnel_id: UUID) -> HttpResponse:
    funnel = services.restore(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
    messages.success(request, f"“{funnel.name}” is back.")
    return redirect("funnel_detail", funnel.pk)


urlpatterns = [
    route("dashboard/cdp/funnels", funnel_list, "funnel_list"),
    route("dashboard/cdp/funnels/numbers", funnel_numbers, "funnel_numbers"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/duplicate", funnel_duplicate, "funnel_duplicate"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/archive", funnel_archive, "funnel_archive"),
    route("dashboard/cdp/funnels/<uuid:funnel_id>/restore", funnel_restore, "funnel_restore"),
]
