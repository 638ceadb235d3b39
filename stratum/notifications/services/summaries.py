"""The daily summary and the weekly report: each room's section about a period of whole local days."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from stratum.lib import periods
from stratum.lib.periods import Period
from stratum.notifications import queries
from stratum.notifications.models import NotificationSettings
from stratum.notifications.registry import Kind, Notice, sections
from stratum.notifications.services import preferences
from stratum.notifications.services.announcing import announce
from stratum.workspaces.models import Workspace

TASK = "notifications.summarise"
DAILY, WEEKLY = "daily_summary", "weekly_report"
KINDS = (
    Kind(DAILY, "Daily summary", "What happened yesterday, once a day.", usual=False, order=80),
    Kind(WEEKLY, "Weekly report", "What happened in the last seven days, once a week.", usual=True, order=90),
)
DAYS = {DAILY: 1, WEEKLY: 7}


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    due = NotificationSettings.objects.filter(Q(next_summary_at__lte=now) | Q(next_report_at__lte=now))
    return [{"workspace_id": pk} for pk in due.values_list("workspace_id", flat=True)]


@transaction.atomic
def summarise(workspace: Workspace, *, now: datetime) -> int:
    """What is due is announced and due again later, in one transaction. How many messages go out."""
    row = NotificationSettings.objects.select_for_update().filter(workspace=workspace).first()
    if row is None:
        return 0
    notices = []
    if row.next_summary_at and row.next_summary_at <= now:
        notices += _notices(workspace, DAILY, now)
        row.next_summary_at = preferences.daily(row).next_after(now)
    if row.next_report_at and row.next_report_at <= now:
        notices += _notices(workspace, WEEKLY, now)
        row.next_report_at = preferences.weekly(row).next_after(now)
    row.save(update_fields=["next_summary_at", "next_report_at"])
    return announce(workspace=workspace, notices=notices, now=now)


def _notices(workspace: Workspace, kind: str, now: datetime) -> list[Notice]:
    """Computed only for those who want it."""
    if not queries.is_wanted(workspace, kind):
        return []
    zone = ZoneInfo(workspace.time_zone)
    today = now.astimezone(zone).date()
    period = periods.between_days(today - timedelta(days=DAYS[kind]), today - timedelta(days=1), zone)
    return [notice(workspace, kind, period, now)]


def notice(workspace: Workspace, kind: str, period: Period, now: datetime) -> Notice:
    facts = [
        (f"{section.title}: {label}" if section.title else label, value)
        for section in sorted(sections.values(), key=lambda one: (one.order, one.name))
        for label, value in section.lines(workspace, period, now)
    ]
    days = f"{period.first_day:%-d %B}" + ("" if period.days == 1 else f" to {period.last_day:%-d %B}")
    title = f"{'Yesterday' if kind == DAILY else 'The last seven days'}, {days}"
    text = "" if facts else "Nothing was recorded."
    return Notice(kind, f"{kind}:{period.last_day}", title, text, facts=facts, path=reverse("home"))
