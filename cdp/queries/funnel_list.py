"""What the list of funnels shows beside their conversion: how it went day by day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from cdp.engine.errors import EngineError
from cdp.engine.funnels import Bucket
from cdp.queries.engine import engine_of
from cdp.queries.funnel_views import bucket_edges
from cdp.queries.funnels import LIST_DAYS, FunnelCard, zone_of
from stratum.lib import clock, periods
from stratum.workspaces.models import Workspace


@dataclass(frozen=True, slots=True)
class DayRate:
    """Conversion (0…1) of those who entered on a day; None when nobody did. `is_open`: some may still convert."""

    rate: float | None
    is_open: bool


def daily_rates(workspace: Workspace, cards: Sequence[FunnelCard], *, now: datetime) -> dict[UUID, tuple[DayRate, ...]]:
    """By funnel, the days of the list's conversion, oldest first; without those that nobody entered or that cannot be
    answered. Reads the engine as `cards` left it."""
    period = periods.last_days(LIST_DAYS, now, zone_of(workspace))
    edges = [clock.to_micros(edge) for edge in bucket_edges(period, "day", now)]
    engine, found = engine_of(workspace), {}
    for card in cards:
        if not card.entered:
            continue
        try:
            spec = replace(card.definition.spec(period), timed=False)
            buckets = engine.trend(spec, edges, clock.to_micros(now))
        except EngineError:
            continue
        found[card.funnel.pk] = tuple(map(_day, buckets))
    return found


def _day(bucket: Bucket) -> DayRate:
    entered = bucket.answer.steps[0].count
    return DayRate(bucket.answer.converted / entered if entered else None, bucket.is_open)
