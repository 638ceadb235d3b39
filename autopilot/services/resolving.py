"""Predicted against actual: once the 14 days and 3 more are there, and again at 28."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from autopilot.models import Action, DryRun
from autopilot.projection import BASE_DAYS, SKIPPED_DAYS
from autopilot.queries import history
from autopilot.services.dry_runs import RESOLVES_AFTER
from autopilot.states import State
from stratum.workspaces.models import Workspace

AGAIN_AFTER = 28
MOST_AT_ONCE = 500
EXECUTED = (State.SUCCEEDED, State.REVERTED)


def resolve_due(*, now: datetime, workspace: Workspace | None = None) -> int:
    """How many were scored. A prediction whose days hold another change cannot be."""
    open_ones = DryRun.objects.filter(actual_28=None, unresolvable="", resolves_on__lte=now.date() + timedelta(days=1))
    if workspace is not None:
        open_ones = open_ones.filter(workspace=workspace)
    due = open_ones.select_related("action__account", "entity").order_by("resolves_on")[:MOST_AT_ONCE]
    return sum(_resolve(one, now) for one in due)


def _resolve(one: DryRun, now: datetime) -> bool:
    today = now.astimezone(ZoneInfo(one.action.account.time_zone)).date()
    day = one.effective_day
    if day is None or one.resolves_on is None or today < one.resolves_on:
        return False
    if problem := _problem(one, day):
        one.unresolvable, one.resolved_at = problem, now
        one.save(update_fields=["unresolvable", "resolved_at"])
        return True
    first, last = day + timedelta(days=1), day + timedelta(days=BASE_DAYS)
    base = history.mean_conversions(
        one.entity, day - timedelta(days=BASE_DAYS + SKIPPED_DAYS), day - timedelta(days=SKIPPED_DAYS + 1)
    )
    actual = history.mean_conversions(one.entity, first, last) - base
    if one.actual_14 is None:
        one.actual_14 = actual
        one.resolves_on = day + timedelta(days=AGAIN_AFTER + 1)
    else:
        one.actual_28 = actual  # the same days, once the platform has settled them
    one.resolved_at = now
    one.save(update_fields=["actual_14", "actual_28", "resolves_on", "resolved_at"])
    return True


def _problem(one: DryRun, day: date) -> str:
    """Why the comparison would be of something else."""
    if not history.series(one.entity, day - timedelta(days=BASE_DAYS + SKIPPED_DAYS), day + timedelta(days=BASE_DAYS)):
        return "The platform reported no days of this entity."
    span = day - timedelta(days=BASE_DAYS + SKIPPED_DAYS), day + timedelta(days=BASE_DAYS + 1)
    others = Action.objects.filter(entity=one.entity, state__in=EXECUTED, executed_at__date__range=span)
    mine = Q(pk=one.action_id) if one.executed else Q(pk=None)
    if others.exclude(mine).exists():
        return "Another action changed this entity within the days of the comparison."
    return ""


__all__ = ["RESOLVES_AFTER", "resolve_due"]
