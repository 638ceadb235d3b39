"""What people and programs read of a stored value: days since a date grow by themselves, so the date is stored."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cdp.definitions.traits import Calculation, TraitDefinition
from cdp.engine.arrays import Ints
from cdp.traits.questions import fn_of
from stratum.lib import clock, periods

Numbers = NDArray[np.float64]
HOUR = 3_600_000_000

ZERO_WHERE_NOTHING = ("count", "sum", "unique")


def nothing_counted(definition: TraitDefinition) -> Any:
    """What a profile without any of the events has: 0 for counts, sums and unique counts, else the default or None."""
    if definition.kind != "ratio" and fn_of(definition) in ZERO_WHERE_NOTHING:
        return 0
    return default_of(definition)


def default_of(definition: TraitDefinition) -> Any:
    return definition.default


def shown(definition: TraitDefinition, stored: Any, *, now: datetime, zone: ZoneInfo) -> Any:
    """JSON. Where nothing is stored, what `nothing_counted` says; whom a filter keeps out is up to the caller."""
    if stored is None:
        return nothing_counted(definition)
    if definition.calculation is None:
        return stored
    return SINCE[definition.calculation](datetime.fromisoformat(stored), now, zone)


def days_since(instant: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Calendar days: yesterday, 23:59, is one day ago at 00:01. Less than 0 for what lies ahead."""
    return (now.astimezone(zone).date() - instant.astimezone(zone).date()).days


def hours_since(instant: datetime, now: datetime, zone: ZoneInfo) -> int:
    """Whole hours that have passed; daylight saving makes no difference."""
    return (now - instant) // timedelta(hours=1)


def counted_since(calculation: Calculation, micros: Ints, now: datetime, zone: ZoneInfo) -> Numbers:
    """`days_since` or `hours_since` of many instants at once."""
    if calculation == "HOURS_SINCE":
        return ((clock.to_micros(now) - micros) // HOUR).astype(np.float64)
    return _days_since(micros, now, zone)


def _days_since(micros: Ints, now: datetime, zone: ZoneInfo) -> Numbers:
    """By the instants at which the days between the first and the last one begin."""
    if not len(micros):
        return np.zeros(0, np.float64)
    first = clock.from_micros(int(micros.min())).astimezone(zone).date()
    last = clock.from_micros(int(micros.max())).astimezone(zone).date()
    days = range((last - first).days + 1)
    starts = [clock.to_micros(periods.start_of_day(first + timedelta(days=day), zone)) for day in days]
    ago = (now.astimezone(zone).date() - first).days
    return (ago - (np.searchsorted(np.array(starts, np.int64), micros, "right") - 1)).astype(np.float64)


SINCE: Mapping[Calculation, Callable[[datetime, datetime, ZoneInfo], int]] = {
    "DAYS_SINCE": days_since,
    "HOURS_SINCE": hours_since,
}
