"""Purchases of people whom an ad platform had brought, counted by us, to hold against the platform's own count."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.events import ANY_EVENT, TIMESTAMP, Events
from cdp.engine.predicates import Test
from cdp.queries.engine import fresh_engine
from stratum.lib import clock
from stratum.workspaces.models import Workspace

PURCHASE = "purchase"


def purchases_by_day(
    workspace: Workspace, platform: str, first: date, last: date, zone: ZoneInfo, *, now: datetime
) -> dict[date, int]:
    """Of everybody whose first touch by the platform lies before the day's end, both days included.

    Raises EngineError.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    bounds = [clock.to_micros(datetime.combine(day, time(), zone)) for day in [*days, last + timedelta(days=1)]]
    touch = AggregateSpec(Events((ANY_EVENT,), Test("$platform", "eq", platform)), "min", TIMESTAMP)
    bought = [AggregateSpec(Events((PURCHASE,), start=start, end=end), "count") for start, end in pairwise(bounds)]
    touched, *counts = fresh_engine(workspace).aggregates([touch, *bought], clock.to_micros(now))
    found = {}
    for day, end, count in zip(days, bounds[1:], counts, strict=True):
        known = touched.profile[touched.value < end]
        found[day] = int(count.value[np.isin(count.profile, known, assume_unique=True)].sum())
    return found
