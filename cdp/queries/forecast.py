"""The size of a segment on each day, who stayed how long, and what was forecast before."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import QuerySet

from cdp.forecast.report import last_break
from cdp.forecast.shapes import NEVER, History, Stays
from cdp.models import Segment, SegmentDay, SegmentForecast
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

HORIZONS = (30, 60, 90)
LONGEST = 730  # days of history that are looked at


@dataclass(frozen=True, slots=True)
class Due:
    """What was forecast for a day that has come, and the size that came."""

    day: date
    expected: float
    low80: float
    high80: float
    size: int


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Earlier forecasts of the same condition whose last day has come.

    `error`: mean of |came − expected| ÷ max(expected, 1); `inside80`: how many sizes lay inside the 80 % interval.
    """

    came: tuple[Due, ...]
    error: float | None
    inside80: int


def horizon_of(text: str) -> int:
    """Raises Invalid."""
    if text not in map(str, HORIZONS):
        raise Invalid([Fault("/days", "Choose 30, 60 or 90 days.", "unknown")], code="unknown_horizon")
    return int(text)


def last_full_day(workspace: Workspace, now: datetime) -> date:
    return now.astimezone(ZoneInfo(workspace.time_zone)).date() - timedelta(days=1)


def days(segment: Segment) -> QuerySet[SegmentDay]:
    """The latest first; today as it stands so far."""
    return SegmentDay.objects.filter(segment=segment).order_by("-day")


def history(workspace: Workspace, segment: Segment, now: datetime) -> History:
    """Complete days since the last new condition. A day without a row was quiet."""
    end = last_full_day(workspace, now)
    rows = list(days(segment).filter(day__lte=end, day__gt=end - timedelta(days=LONGEST)).order_by("day"))
    if not rows:
        nothing = np.zeros(0, np.int64)
        return History(end, nothing, nothing, nothing)
    first = rows[0].day
    place = np.array([(row.day - first).days for row in rows])
    length = (end - first).days + 1
    entered, exited = np.zeros(length, np.int64), np.zeros(length, np.int64)
    entered[place], exited[place] = [row.entered for row in rows], [row.exited for row in rows]
    latest = np.searchsorted(place, np.arange(length), "right") - 1
    size = np.array([row.size for row in rows], np.int64)[latest]
    whole = History(first, size, entered, exited)
    start = last_break(whole)
    return History(whole.date(start), size[start:], entered[start:], exited[start:])


def stays(workspace: Workspace, segment: Segment, first: date) -> Stays:
    """By local days; `first` is day 0. Who was let in by a condition came on an unknown day."""
    zone = workspace.time_zone
    with raw_cursor() as cursor:
        cursor.execute(_STAYS, (zone, first, zone, first, NEVER, segment.pk))
        rows = cursor.fetchall()
    columns = [np.array([row[k] for row in rows], np.int64) for k in range(5)]
    return Stays(columns[0], columns[1], columns[2].astype(bool), columns[3].astype(bool), columns[4])


_STAYS = """
SELECT (entered_at AT TIME ZONE %s)::date - %s::date AS came,
    coalesce((exited_at AT TIME ZONE %s)::date - %s::date, %s::bigint) AS gone,
    reconstructed OR entry_reason NOT IN ('definition', 'merge'),
    coalesce(exit_reason IN ('definition', 'merge'), false), count(*)
FROM cdp_spell WHERE segment_id = %s GROUP BY 1, 2, 3, 4
"""


def accuracy(workspace: Workspace, segment: Segment, horizon: int, known: History, now: datetime) -> Accuracy:
    due = SegmentForecast.objects.filter(
        segment=segment,
        horizon=horizon,
        version=segment.version,
        day__lte=last_full_day(workspace, now) - timedelta(days=horizon),
    ).order_by("day")
    came: list[Due] = []
    inside = 0
    for one in due:
        target = one.day + timedelta(days=horizon)
        place = (target - known.first_day).days
        if 0 <= place < len(known):
            point, size = one.points[-1], int(known.size[place])
            came.append(Due(target, point["expected"], point["low80"], point["high80"], size))
            inside += point["low80"] <= size <= point["high80"]
    errors = [abs(one.size - one.expected) / max(one.expected, 1) for one in came]
    return Accuracy(tuple(came), sum(errors) / len(errors) if errors else None, inside)
