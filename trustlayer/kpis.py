"""The score of signal health as a figure of the first page."""

from datetime import datetime, timedelta

from stratum.lib.periods import Period
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Kpi, Measured
from trustlayer.models import HealthDay
from trustlayer.queries.health import OWN


def signal_health(workspace: Workspace, period: Period, before: Period, now: datetime) -> Measured:
    """The last score that was kept; days without one were not measured."""
    days, earlier = _scores(workspace, period), _scores(workspace, before)
    last = next((score for score in reversed(days) if score is not None), None)
    previous = next((score for score in reversed(earlier) if score is not None), None)
    return Measured("–" if last is None else str(last), last, days, previous)


def _scores(workspace: Workspace, period: Period) -> list[float | None]:
    kept = HealthDay.objects.filter(workspace=workspace, platform=OWN, day__range=(period.first_day, period.last_day))
    scores = dict(kept.values_list("day", "score"))
    return [scores.get(period.first_day + timedelta(days=ahead)) for ahead in range(period.days)]


SIGNAL_HEALTH = Kpi(
    "signal_health",
    "Signal health",
    "The workspace's score from 0 to 100 at the end of each day; the worst platform counts.",
    signal_health,
    unit="of 100",
    url_name="signal_health",
    order=30,
    tile=False,
)
