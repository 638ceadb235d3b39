"""Settings, subscriptions and messages read."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from stratum.notifications.models import Message, NotificationSettings, SlackConnection, Subscription
from stratum.notifications.quiet import QuietHours
from stratum.notifications.registry import SEVERITIES, kinds
from stratum.workspaces.models import Workspace


def settings_of(workspace: Workspace) -> NotificationSettings:
    """A row that may not be saved yet."""
    found = NotificationSettings.objects.filter(workspace=workspace).first()
    return found or NotificationSettings(workspace=workspace, time_zone=workspace.time_zone)


def slack_of(workspace: Workspace) -> SlackConnection | None:
    return SlackConnection.objects.select_related("connected_by").filter(workspace=workspace).first()


def subscriptions(workspace: Workspace) -> dict[str, Subscription]:
    """By kind, each with its members."""
    found = Subscription.objects.filter(workspace=workspace).prefetch_related("members__user")
    return {subscription.kind: subscription for subscription in found}


def is_wanted(workspace: Workspace, kind: str) -> bool:
    return _told(Subscription.objects.filter(workspace=workspace, kind=kind)).exists()


def workspaces_to_collect_for() -> list[int]:
    """Those in which somebody wants to be told of a kind that is collected."""
    collected = [kind.name for kind in kinds.values() if kind.collect]
    wanted = _told(Subscription.objects.filter(kind__in=collected))
    return sorted(set(wanted.values_list("workspace_id", flat=True)))


def _told(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    return subscriptions.filter(Q(slack=True, workspace__slack__isnull=False) | Q(members__isnull=False)).distinct()


def messages(workspace: Workspace, *, channel: str = "") -> QuerySet[Message]:
    """The newest first."""
    found = Message.objects.filter(workspace=workspace, **({"channel": channel} if channel else {}))
    return found.select_related("announcement").order_by("-created_at", "-id")


def is_severe_enough(settings: NotificationSettings, severity: str) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(settings.minimum_severity)


def quiet_until(settings: NotificationSettings, severity: str, now: datetime) -> datetime | None:
    """When something of that severity may be sent again; None for at once."""
    if settings.quiet_from is None or settings.quiet_until is None:
        return None
    if severity == SEVERITIES[-1] and settings.critical_at_once:
        return None
    return QuietHours(settings.quiet_from, settings.quiet_until, ZoneInfo(settings.time_zone)).over_at(now)
