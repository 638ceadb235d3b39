"""Signal health day by day: one row for each platform, and one for the workspace, which is as well as its worst."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery

from stratum.workspaces.models import Workspace
from trustlayer.health import Health
from trustlayer.models import HealthDay, SignalReading, SignalSource
from trustlayer.queries.health import OWN, health, healths
from trustlayer.services import policies
from trustlayer.services.readings import OLDEST, NewReading

TASK = "trustlayer.record_health"
EVERY = timedelta(minutes=10)
MOST_AT_ONCE = 200  # workspaces in one minute


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with signals whose health was not written down for ten minutes."""
    last = HealthDay.objects.filter(workspace=OuterRef("pk"), platform=OWN).order_by("-day").values("measured_at")[:1]
    due = (
        Workspace.objects.annotate(recorded=Subquery(last))
        .filter(Exists(SignalSource.objects.filter(workspace=OuterRef("pk"))))
        .filter(Q(recorded=None) | Q(recorded__lte=now - EVERY))
        .order_by(F("recorded").asc(nulls_first=True))
    )
    return [{"workspace_id": pk} for pk in due.values_list("pk", flat=True)[:MOST_AT_ONCE]]


@transaction.atomic
def record(*, workspace: Workspace, now: datetime) -> None:
    """Today's rows as they are now. The first one of a day lets readings go that are too old to be sent again."""
    found = health(workspace, policies.current(workspace), now=now)
    today = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    for one in found.platforms:
        if one.platform != OWN:
            _write(workspace, one.platform, today, one, now)
    if _write(workspace, OWN, today, found.worst, now):
        SignalReading.objects.filter(workspace=workspace, observed_at__lt=now - OLDEST).delete()


def fill(*, workspace: Workspace, readings: Mapping[datetime, Sequence[NewReading]]) -> None:
    """The rows of days gone by, from what was measured at each instant, each time with every signal. Days that have a
    row keep it.
    """
    policy, zone = policies.current(workspace), ZoneInfo(workspace.time_zone)
    rows: dict[tuple[str, date], HealthDay] = {}
    for at in sorted(readings):
        found = healths([(one.platform, one.as_read()) for one in readings[at]], policy, at)
        day = at.astimezone(zone).date()
        for platform, one in [(OWN, found.worst), *((one.platform, one) for one in found.platforms if one.platform)]:
            new = HealthDay(workspace=workspace, platform=platform, day=day, measured_at=at)
            _measure(rows.setdefault((platform, day), new), one, at)
    HealthDay.objects.bulk_create(rows.values(), ignore_conflicts=True)


def _write(workspace: Workspace, platform: str, day: date, found: Health, now: datetime) -> bool:
    """Whether it is the day's first. What is older than the row changes nothing."""
    row, is_new = HealthDay.objects.select_for_update().get_or_create(
        workspace=workspace, platform=platform, day=day, defaults={"measured_at": now}
    )
    if now >= row.measured_at:
        _measure(row, found, now)
        row.save()
    return is_new


def _measure(row: HealthDay, found: Health, now: datetime) -> None:
    scores = [score for score in (row.lowest, row.highest, found.score) if score is not None]
    row.score, row.measured_at = found.score, now
    row.lowest, row.highest = min(scores, default=None), max(scores, default=None)
    row.signals = _signals(found)


def _signals(found: Health) -> dict[str, Any]:
    signals = {
        state.name: {
            "value": state.value,
            "score": None if state.score is None else round(state.score, 1),
            "status": str(state.status),
        }
        for state in found.signals
    }
    return {"platform": found.platform, "signals": signals, "caps": [cap.sentence for cap in found.caps]}
