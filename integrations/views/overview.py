"""/dashboard/integrations: everything beyond our walls, and how it is doing."""

from collections.abc import Mapping
from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.queries import pipedrive
from integrations.registry import NOT_CONNECTED, Integration, Standing, integrations
from integrations.views import ad_words
from stratum.lib.routes import route
from stratum.notifications.queries import slack_of
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest
from stratum.workspaces.models import Workspace

CRM: Mapping[str, tuple[str, str, str]] = {
    "healthy": ("ok", "plug-connected", "Connected"),
    "warning": ("warn", "alert-triangle", "Needs a look"),
    "critical": ("danger", "alert-circle", "Needs attention"),
    "paused": ("neutral", "player-pause", "Paused"),
}


@require_safe
@access.page("view")
def integration_list(request: MemberRequest) -> HttpResponse:
    known = sorted(integrations.values(), key=lambda one: (one.order, one.name))
    cards = [(one, one.look(request.workspace, request.now)) for one in known]
    return render(request, "integrations/overview.html", {"cards": cards})


def crm(workspace: Workspace, now: datetime) -> Standing:
    status = pipedrive.status(workspace, now=now)
    if not status.connected:
        return NOT_CONNECTED
    tone, icon, word = CRM.get(str(status.health), CRM["warning"])
    synced = f"{status.records_synced['persons']:,} people are linked."
    return Standing(tone, icon, word, (synced, *status.reasons[:2]))


def slack(workspace: Workspace, now: datetime) -> Standing:
    connection = slack_of(workspace)
    if connection is None:
        return NOT_CONNECTED
    if connection.broken_at:
        return Standing("danger", "alert-triangle", "Needs attention", (connection.broken_reason,))
    return Standing("ok", "plug-connected", "Connected", (f"By a webhook ending in {connection.hint}.",))


CARDS = (
    Integration(
        "ad_platforms",
        "Ad platforms",
        "ad-2",
        "Meta and Google Ads: campaigns, spend and conversions every hour, and the way back for the autopilot.",
        "ad_platform_list",
        ad_words.standing,
        order=10,
    ),
    Integration(
        "pipedrive",
        "Pipedrive",
        "address-book",
        "People, activities, labels and deals, both ways.",
        "pipedrive_status",
        crm,
        order=20,
    ),
    Integration(
        "slack",
        "Slack",
        "brand-slack",
        "Alerts of signal health, decisions, daily summaries and weekly reports in a channel.",
        "slack",
        slack,
        order=30,
    ),
)


urlpatterns = [route("dashboard/integrations", integration_list, "integration_list")]
