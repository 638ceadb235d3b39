"""Figures of the first page that come from events, by whole local days."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from cdp.engine.base import Engine
from cdp.engine.overviews import Daily
from cdp.queries.engine import answering, fresh_engine
from stratum.lib import clock, periods
from stratum.lib.periods import Period
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Kpi, Measured

FEW = 10  # below it a whole number would hide most of the mean


def events(workspace: Workspace, period: Period, before: Period, now: datetime) -> Measured:
    counts, earlier = _counted(workspace, period, before, now)
    total = sum(events for events, _ in counts)
    return Measured(f"{total:,}", total, [events for events, _ in counts], sum(events for events, _ in earlier))


def active_profiles(workspace: Workspace, period: Period, before: Period, now: datetime) -> Measured:
    counts, earlier = _counted(workspace, period, before, now)
    mean = sum(people for _, people in counts) / len(counts)
    text = f"{mean:,.0f}" if mean >= FEW or not mean else f"{mean:.1f}"
    return Measured(text, mean, [people for _, people in counts], sum(p for _, p in earlier) / len(earlier))


Counts = list[tuple[int, int]]  # events and profiles of each day


def _counted(workspace: Workspace, period: Period, before: Period, now: datetime) -> tuple[Counts, Counts]:
    """One lies right before the other, so both are asked as one."""
    both = periods.between_days(before.first_day, period.last_day, period.zone)
    with answering():
        counts = list(_daily(fresh_engine(workspace), both, now))
    return counts[-period.days :], counts[: before.days]


def _daily(engine: Engine, period: Period, now: datetime) -> Iterator[tuple[int, int]]:
    """Days of one distance from UTC are asked together; a day on which the clock changes by itself."""
    for stretch in _stretches(period):
        offset = int(stretch.first_instant.utcoffset().total_seconds() * 1_000_000)  # type: ignore[union-attr]
        found = _ask(engine, stretch, now, offset)
        if stretch.days == 1:
            yield int(found.events.sum()), int(found.profiles.max(initial=0))
        else:
            yield from zip(found.events.tolist(), found.profiles.tolist(), strict=True)


def _ask(engine: Engine, stretch: Period, now: datetime, offset: int) -> Daily:
    start, end = clock.to_micros(stretch.start), clock.to_micros(stretch.end)
    return engine.daily(start, end, clock.to_micros(now), offset)


def _stretches(period: Period) -> Iterator[Period]:
    days = [period.first_day + timedelta(days=ahead) for ahead in range(period.days)]
    run: list[date] = []
    for day in days:
        one = periods.between_days(day, day, period.zone)
        changes = one.end - one.start != timedelta(days=1)
        if run and changes:
            yield periods.between_days(run[0], run[-1], period.zone)
            run = []
        if changes:
            yield one
        else:
            run.append(day)
    if run:
        yield periods.between_days(run[0], run[-1], period.zone)


EVENTS = Kpi(
    "events",
    "Events",
    "Events that happened on these days, counted as everywhere.",
    events,
    url_name="event_list",
    order=10,
)
ACTIVE_PROFILES = Kpi(
    "active_profiles",
    "Active profiles a day",
    "Profiles with at least one event on a day, on average over the days.",
    active_profiles,
    url_name="profile_list",
    order=20,
)
