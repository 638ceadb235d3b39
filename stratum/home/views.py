"""The first page: cards that the rooms registered, and what is left to set up."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from stratum.home import cards, exports, kpis
from stratum.lib.periods import Period
from stratum.lib.refusal import Invalid
from stratum.workspaces import access, plans


@access.page("view")
def home(request: access.MemberRequest) -> HttpResponse:
    chosen, period, refused = _period(request)
    tiles = kpis.tiles(request.actor, request.workspace, period, now=request.now)
    context = {
        "tiles": tiles,
        "shown_tiles": [tile for tile in tiles if tile.kpi.tile],
        "by_day": kpis.by_day(tiles, period),
        "period": period,
        "ranges": [(f"Last {days} days", name, name == chosen) for name, days in kpis.RANGES.items()],
        "query": urlencode({"range": chosen} if chosen else {"from": period.first_day, "to": period.last_day}),
        "refused": refused,
        "activity": cards.activity(request.workspace),
        "may_export": request.actor.may("export") and exports.FEATURE in plans.of(request.workspace).features,
        "cards": cards.shown(request.actor, request.workspace, now=request.now),
        "checklist": cards.checklist(request.actor, request.workspace),
    }
    return render(request, "home/home.html", context, status=422 if refused else 200)


def _period(request: access.MemberRequest) -> tuple[str, Period, str]:
    """What was asked for, or the usual days with a sentence about what is wrong."""
    try:
        return *kpis.period_of(request.GET.dict(), request.workspace, request.now), ""
    except Invalid as refusal:
        return *kpis.period_of({}, request.workspace, request.now), refusal.sentence


def leads_to(page: str) -> Callable[[HttpRequest], HttpResponse]:
    """A view that leads to the page of this name, with the query as it came; the page asks who comes."""

    @access.public
    def lead(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{reverse(page)}?{query}" if query else reverse(page))

    return lead
