"""Forecasts made and kept: one for each segment, day and horizon, to be compared with what comes."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from cdp.forecast.report import forecast
from cdp.forecast.shapes import TooShort
from cdp.models import Segment, SegmentForecast
from cdp.queries import forecast as queries
from cdp.queries import segments
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace


def kept(*, workspace: Workspace, segment: Segment, horizon: int, now: datetime) -> SegmentForecast:
    """That of today, made at the first look. Raises a Refusal where the history is too short."""
    segments.require_active(workspace, segment.pk)
    day = queries.last_full_day(workspace, now)
    key: dict[str, Any] = {"segment": segment, "day": day, "horizon": horizon}
    found = SegmentForecast.objects.filter(**key, version=segment.version).first()
    if found is not None:
        return found
    history = queries.history(workspace, segment, now)
    made = forecast(history, queries.stays(workspace, segment, history.first_day), horizon)
    if isinstance(made, TooShort):
        from_day = day + timedelta(days=made.need - made.have + 1)
        raise Refusal(
            "not_enough_history",
            f"A forecast of {horizon} days needs {made.need} complete days of history, and “{segment.name}” has "
            f"{made.have}. It can be made from {from_day:%-d %B %Y} on.",
        )
    points = [asdict(point) | {"day": point.day.isoformat()} for point in made.points]
    answer: dict[str, Any] = {
        "version": segment.version,
        "method": made.method,
        "points": points,
        "entry_rate": made.entry_rate,
        "exit_rate": made.exit_rate,
        "backtest": asdict(made.backtest),
        "low_confidence": made.low_confidence,
        "history_days": made.history_days,
        "made_at": now,
    }
    row, _ = SegmentForecast.objects.update_or_create(**key, defaults=answer)
    return row


def make_due(workspace: Workspace, *, now: datetime) -> None:
    """Those of every segment that are not made yet, where its history is long enough."""
    for segment in workspace.segments.filter(archived_at=None):
        for horizon in queries.HORIZONS:
            try:
                kept(workspace=workspace, segment=segment, horizon=horizon, now=now)
            except Refusal:
                break  # what is too short for this is too short for longer ones
