"""The first page: cards that the rooms registered, and what is left to set up."""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from stratum.home import cards, exports, kpis
from stratum.lib.periods import Period
from stratum.lib.refusal import Invalid
from stratum.workspaces import access, plans

Context = dict[str, object]


@access.page("view")
def home(request: access.MemberRequest) -> HttpResponse:
    """Without what takes long with many events: the page asks for all of it at once."""
    found = cards.shown(request.actor, request.workspace, now=request.now)
    period = _period(request)
    figures = _figures(kpis.outlines(request.actor), period[1])
    return _page(request, period, figures | {"waiting": True, "cards": found})


@access.page("view")
def home_figures(request: access.MemberRequest) -> HttpResponse:
    """The figures, and the cards that take long; a page of its own without scripts."""
    period = _period(request)
    figures = _figures(kpis.tiles(request.actor, request.workspace, period[1], now=request.now), period[1])
    slow = cards.slow(request.actor, request.workspace, now=request.now)
    if request.htmx:
        return render(request, "home/_figures.html", figures | {"cards": slow})
    whole = {card.name: card for card in slow}
    found = cards.shown(request.actor, request.workspace, now=request.now)
    return _page(request, period, figures | {"cards": [whole.get(card.name, card) for card in found]})


def _figures(tiles: Sequence[kpis.Tile], period: Period) -> Context:
    return {
        "tiles": tiles,
        "shown_tiles": [tile for tile in tiles if tile.kpi.tile],
        "by_day": kpis.by_day(tiles, period),
    }


def _page(request: access.MemberRequest, asked: tuple[str, Period, str], shown: Context) -> HttpResponse:
    chosen, period, refused = asked
    context = {
        **shown,
        "period": period,
        "ranges": [(f"Last {days} days", name, name == chosen) for name, days in kpis.RANGES.items()],
        "query": urlencode({"range": chosen} if chosen else {"from": period.first_day, "to": period.last_day}),
        "refused": refused,
        "activity": cards.activity(request.workspace),
        "may_export": request.actor.may("export") and exports.FEATURE in plans.of(request.workspace).features,
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
