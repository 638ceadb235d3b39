"""Days of the range, or weeks where days are too small, that convert worse than the ones right before them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdp.insights.candidates import MIN_ENTRIES, MIN_EXPECTED, Candidate, Shortage, Tested, enough
from cdp.insights.distributions import Floats
from cdp.insights.material import Buckets, Material
from cdp.insights.shares import Share
from cdp.insights.usual import departure

DAYS_BEFORE, MIN_DAYS_BEFORE = 56, 28
WEEKS_BEFORE, MIN_WEEKS_BEFORE = 26, 8
MIN_OF_WEEKDAY = 2  # of the same weekday among the days before
STRANGE = 0.001  # tail below which a bucket is left out of what later ones are compared with …
MOST_STRANGE = 0.25  # … unless so many are strange that this is how things are now
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pace:
    """How far back a bucket is compared, and whether weekdays count."""

    before: int
    least: int
    weekly: bool


DAILY, WEEKLY = Pace(DAYS_BEFORE, MIN_DAYS_BEFORE, False), Pace(WEEKS_BEFORE, MIN_WEEKS_BEFORE, True)


def weak_periods(material: Material) -> Tested:
    """One test per complete day of the range, one-sided; per week where most days are too small."""
    if _are_large(material.days):
        return Tested(_judged(material.days, DAILY))
    if candidates := _judged(material.weeks, WEEKLY):
        return Tested(candidates)
    return Tested(
        shortages=(
            Shortage(
                "period",
                f"To find weak days or weeks, {MIN_DAYS_BEFORE} days or {MIN_WEEKS_BEFORE} weeks with {MIN_ENTRIES} "
                f"entries each must come before them, and {MIN_EXPECTED} conversions be expected of each.",
            ),
        )
    )


def _are_large(days: Buckets) -> bool:
    entered, converted = days.counts[:, 0], days.counts[:, -1]
    rate = converted.sum() / max(int(entered.sum()), 1)
    large = [enough(int(one), rate) for one in entered]
    return sum(large[: days.judged]) >= MIN_DAYS_BEFORE and 2 * sum(large[days.judged :]) > len(days) - days.judged


def _judged(buckets: Buckets, pace: Pace) -> tuple[Candidate, ...]:
    """From the first bucket on, so that what was strange in the history is known before the range is judged."""
    strange = np.zeros(len(buckets), np.bool_)
    candidates = []
    for place in range(pace.least, len(buckets)):
        candidate = _bucket(buckets, place, pace, strange)
        if candidate is None:
            continue
        strange[place] = min(candidate.p, 1 - candidate.p) < STRANGE
        if place >= buckets.judged:
            candidates.append(candidate)
    return tuple(candidates)


def _bucket(buckets: Buckets, place: int, pace: Pace, strange: Flags) -> Candidate | None:
    entered, converted = buckets.counts[:, 0], buckets.counts[:, -1]
    before = np.arange(max(0, place - pace.before), place)
    before = _ordinary(before[entered[before] >= MIN_ENTRIES], strange)
    if len(before) < pace.least:
        return None
    usual = Share(int(converted[before].sum()), int(entered[before].sum()))
    observed = Share(int(converted[place]), int(entered[place]))
    rows = np.append(before, place)
    design = _usual(rows, pace)
    if design is None or not enough(observed.of, usual.rate):
        return None
    found = departure(converted[rows], entered[rows], design, (rows == place).astype(np.float64))
    expected = min(max(observed.rate - found.difference, 0.0), 1.0)
    return Candidate("period", observed, usual, expected, found.lower_tail, places=(place,), weekly=pace.weekly)


def _ordinary(before: NDArray[np.intp], strange: Flags) -> NDArray[np.intp]:
    kept = before[~strange[before]]
    return kept if len(kept) >= (1 - MOST_STRANGE) * len(before) else before


def _usual(rows: NDArray[np.intp], pace: Pace) -> Floats | None:
    """Drift and, of days, weekdays, as columns; None when the last row's weekday was hardly seen before."""
    drift = (rows - rows.mean()) / pace.before
    if pace.weekly:
        return np.column_stack([np.ones(len(rows)), drift])
    weekdays = rows % 7
    if np.count_nonzero(weekdays[:-1] == weekdays[-1]) < MIN_OF_WEEKDAY:
        return None
    return np.column_stack([drift, *(weekdays == day for day in np.unique(weekdays))])
