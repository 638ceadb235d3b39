"""/dashboard/integrations/ad-platforms: connections with their accounts, how syncing goes, and what went wrong."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from integrations.models import AdSyncRun
from integrations.queries import ad_platforms as queries
from integrations.queries.ad_platforms import ConnectionCard, Figures
from integrations.services import ad_connections as services
from integrations.views import ad_words
from stratum.lib.refusal import Missing, Refusal
from stratum.lib.routes import route
from stratum.workspaces import access, limits
from stratum.workspaces.access import MemberRequest

PLATFORMS = (
    ("meta", "Meta", "Facebook and Instagram ads, by a system user's access token."),
    ("google", "Google Ads", "Search, Performance Max and more, by an OAuth refresh token."),
)


@require_safe
@access.page("view")
def ad_platform_list(request: MemberRequest) -> HttpResponse:
    cards = queries.connections(request.workspace, now=request.now)
    context = {
        "cards": [_shown(card, request) for card in cards],
        "usage": limits.usage(request.workspace, services.METER),
        "totals": _totals(queries.totals(request.workspace, now=request.now)),
        "platforms": PLATFORMS,
        "may_connect": request.actor.may("connect"),
        "days": queries.DAYS,
    }
    return render(request, "integrations/ad_platforms/list.html", context)


@require_safe
@access.page("view")
def ad_connection(request: MemberRequest, connection_id: int) -> HttpResponse:
    """Its fragment `status` replaces itself while a sync runs."""
    card = queries.connection(request.workspace, connection_id, now=request.now)
    if card is None:
        raise Missing
    runs = queries.runs(request.workspace, connection_id)
    context = {
        **_shown(card, request),
        "accounts": [_account(one) for one in card.accounts],
        "runs": [(run, ad_words.RUNS[AdSyncRun.State(run.state)]) for run in runs],
        "may_connect": request.actor.may("connect"),
        "days": queries.DAYS,
    }
    template = "integrations/ad_platforms/detail.html"
    return render(request, f"{template}#status" if request.htmx else template, context)


@require_POST
@access.page("connect")
def ad_connection_sync(request: MemberRequest, connection_id: int) -> HttpResponse:
    try:
        services.sync_now(workspace=request.workspace, by=request.actor, connection_id=connection_id, now=request.now)
        messages.success(request, "The sync has been started.")
    except Missing:
        raise
    except Refusal as refused:
        messages.error(request, refused.sentence)
    return redirect("ad_connection", connection_id)


@require_POST
@access.page("connect")
def ad_connection_disconnect(request: MemberRequest, connection_id: int) -> HttpResponse:
    gone = services.disconnect(
        workspace=request.workspace, by=request.actor, connection_id=connection_id, now=request.now
    )
    messages.success(request, f"{gone.name} is disconnected. Its credentials are deleted; its metrics stay.")
    return redirect("ad_platform_list")


def _shown(card: ConnectionCard, request: MemberRequest) -> dict[str, Any]:
    return {
        "card": card,
        "connection": card.connection,
        "mark": ad_words.state_of(card, request.now),
        "accounts": [_account(one) for one in card.accounts],
        "waits": card.connection.waits_until is not None and card.connection.waits_until > request.now,
        "never": card.connection.last_sync_at is None,
    }


def _account(card: queries.AccountCard) -> dict[str, Any]:
    return {"account": card.account, "campaigns": card.entities, **_figures(card.figures, card.account.currency)}


def _figures(figures: Figures, currency: str) -> dict[str, str]:
    return {
        "currency": currency,
        "spend": ad_words.money(figures.spend, currency),
        "revenue": ad_words.money(figures.revenue, currency),
        "conversions": ad_words.count(figures.conversions),
        "roas": ad_words.ratio(figures.roas),
        "cost": ad_words.money(figures.cost, currency),
    }


def _totals(totals: dict[str, Figures]) -> list[dict[str, str]]:
    """The largest first."""
    found = sorted(totals.items(), key=lambda one: one[1].spend, reverse=True)
    return [
        {
            **_figures(figures, currency),
            "spend": ad_words.large(figures.spend, currency),
            "revenue": ad_words.large(figures.revenue, currency),
        }
        for currency, figures in found
    ]


urlpatterns = [
    route("dashboard/integrations/ad-platforms", ad_platform_list, "ad_platform_list"),
    route("dashboard/integrations/ad-platforms/<int:connection_id>", ad_connection, "ad_connection"),
    route("dashboard/integrations/ad-platforms/<int:connection_id>/sync", ad_connection_sync, "ad_connection_sync"),
    route(
        "dashboard/integrations/ad-platforms/<int:connection_id>/disconnect",
        ad_connection_disconnect,
        "ad_connection_disconnect",
    ),
]
