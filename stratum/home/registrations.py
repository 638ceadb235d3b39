"""What the first page itself registers: its export, and cards of the ground floor."""

from collections.abc import Sequence
from datetime import datetime

from django.urls import reverse

from stratum.home.exports import DASHBOARD
from stratum.reports.models import Delivery
from stratum.reports.registry import exporters
from stratum.workspaces import limits, registry
from stratum.workspaces.limits import Usage
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Activity, Happening, HomeCard


def register() -> None:
    exporters.register(DASHBOARD)
    registry.home_cards.register(HomeCard("api_quota", "API requests", "home/quota.html", api_quota, order=60))
    registry.activities.register(Activity("deliveries", latest_deliveries))


def api_quota(workspace: Workspace, now: datetime) -> Usage:
    return limits.api_usage(workspace, now=now)


def latest_deliveries(workspace: Workspace, most: int) -> Sequence[Happening]:
    newest = Delivery.objects.filter(workspace=workspace, finished_at__isnull=False).select_related("schedule")
    return [
        Happening(
            one.finished_at or one.due_at,
            f"{one.schedule.name}: {one.get_state_display().lower()}",
            reverse("export_schedule", args=[one.schedule_id]),
            "send",
        )
        for one in newest.order_by("-finished_at", "-pk")[:most]
    ]
