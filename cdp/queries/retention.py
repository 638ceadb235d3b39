"""What pages announce of retention."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp.models import Event, RawDay, Retention
from stratum.workspaces import plans
from stratum.workspaces.models import Workspace

SOON = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Announced:
    """`days` None is for ever. `shrinks_at` is set while a smaller plan waits for what was promised longer."""

    days: int | None
    plan_days: int | None
    shrinks_at: datetime | None
    cut_before: datetime | None
    removed: int
    going_soon: bool


def announced(workspace: Workspace, *, now: datetime) -> Announced:
    """`going_soon`: whether stored events pass their limit within a week."""
    promised = plans.of(workspace).retention_days
    row = Retention.objects.filter(workspace=workspace).first() or Retention(days=promised)
    return Announced(
        days=row.days,
        plan_days=promised,
        shrinks_at=row.shrinks_at,
        cut_before=row.cut_before,
        removed=row.removed,
        going_soon=row.days is not None and _has_events_before(workspace, now - timedelta(days=row.days) + SOON),
    )


def _has_events_before(workspace: Workspace, instant: datetime) -> bool:
    """Of the ones that arrived first, which the index finds at once."""
    first = Event.objects.filter(workspace=workspace).order_by("xid", "id").values_list("ts", flat=True)[:1_000]
    if any(ts < instant for ts in first):
        return True
    return RawDay.objects.filter(workspace=workspace, day__lt=instant.date()).exists()
