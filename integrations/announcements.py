"""What integrations announce: the health of the CRM sync when it changes."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from integrations.queries import pipedrive
from stratum.notifications.registry import CRITICAL, INFO, SEVERITIES, WARNING, Collected, Kind, Notice
from stratum.workspaces.models import Workspace

SEVERITY = {"healthy": INFO, "paused": INFO, "disconnected": INFO, "warning": WARNING, "critical": CRITICAL}
TITLES = {
    "healthy": "The Pipedrive sync has recovered",
    "warning": "The Pipedrive sync needs a look",
    "critical": "The Pipedrive sync does not work",
    "paused": "The Pipedrive sync was paused",
    "disconnected": "Pipedrive was disconnected",
}


def crm_changes(workspace: Workspace, place: Any, now: datetime) -> Collected:
    """`place`: the health that was told last."""
    status = pipedrive.status(workspace, now=now)
    if place is None or place == status.health:
        return Collected((), status.health)
    return Collected([_notice(status, str(place), now)], status.health)


def _notice(status: pipedrive.Status, before: str, now: datetime) -> Notice:
    """A recovery is as severe as what it recovers from, so that whoever was alarmed hears of its end."""
    severity = max(SEVERITY[before], SEVERITY[status.health], key=SEVERITIES.index)
    return Notice(
        kind=CRM_HEALTH.name,
        key=f"crm:{status.health}:{now.isoformat()}",
        title=TITLES[status.health],
        text=" ".join(status.reasons),
        severity=severity,
        facts=[("Before", before), ("Waiting", f"{status.queue_depth:,}"), ("Errors", f"{status.errors:,}")],
        path=reverse("pipedrive_status"),
    )


CRM_HEALTH = Kind(
    name="crm_health",
    label="CRM sync",
    sentence="When the Pipedrive sync stops, falls behind or recovers.",
    collect=crm_changes,
    usual=True,
    order=60,
)
