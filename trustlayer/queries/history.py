"""The daily history of signal health."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from stratum.workspaces import limits
from stratum.workspaces.models import Workspace
from trustlayer.models import HealthDay
from trustlayer.queries.health import OWN

FEATURE = "signal_health_history"
MOST_DAYS = 731


@dataclass(frozen=True, slots=True)
class History:
    """`rows[platform][day]`; the platform is empty for the whole workspace. A day without a row was not measured."""

    days: tuple[date, ...]
    rows: Mapping[str, Mapping[date, HealthDay]]

    @property
    def platforms(self) -> tuple[str, ...]:
        """The workspace first."""
        return tuple(sorted(self.rows))

    def row(self, platform: str, day: date) -> HealthDay | None:
        return self.rows.get(platform, {}).get(day)

    def scores(self, platform: str) -> list[int | None]:
        found = (self.row(platform, day) for day in self.days)
        return [None if row is None else row.score for row in found]


def history(workspace: Workspace, *, days: int, now: datetime) -> History:
    """The last days, today included. Raises NotAllowed where the plan has no history."""
    limits.require_feature(workspace, FEATURE)
    today = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    span = tuple(today - timedelta(days=ago) for ago in reversed(range(days)))
    rows: dict[str, dict[date, HealthDay]] = {}
    for row in HealthDay.objects.filter(workspace=workspace, day__range=(span[0], today)).order_by("day"):
        rows.setdefault(row.platform, {})[row.day] = row
    return History(span, rows)


def trend(workspace: Workspace, *, days: int, now: datetime) -> Sequence[int | None]:
    """The workspace's score at the end of each day, for a small line."""
    return history(workspace, days=days, now=now).scores(OWN)
