"""How far a platform's count of conversions has drifted from our own: the measure of attribution variance. Pure.

Platforms and shops never count the same conversions, so the difference itself says little; that it changes says that
something has broken. The ratio of the last complete days is compared with that of the 28 days before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

RECENT = 7  # days, so that each weekday stands on both sides
BASELINE = 28
FEWEST_DAYS = 14  # of the baseline with conversions
FEWEST_CONVERSIONS = 20  # on either side of either ratio: below, chance moves it by more than a third


@dataclass(frozen=True, slots=True)
class ConversionDay:
    """One complete day: what the platform says and what our own events or the CRM say."""

    day: date
    platform: float
    own: float


@dataclass(frozen=True, slots=True)
class Drift:
    """`ratio` and `usual` are the platform's conversions per one of our own, lately and in the baseline."""

    value: float
    ratio: float
    usual: float


def drift(days: Iterable[ConversionDay], *, last: date) -> Drift | None:
    """`last` is the newest complete day. None where too little was counted to tell."""
    known = {one.day: one for one in days}
    first = last - timedelta(days=RECENT - 1)
    recent = [one for day, one in known.items() if first <= day <= last]
    before = [one for day, one in known.items() if first - timedelta(days=BASELINE) <= day < first]
    if len(before) < FEWEST_DAYS:
        return None
    ratio, usual = _ratio(recent), _ratio(before)
    if not ratio or not usual:
        return None
    return Drift(abs(ratio / usual - 1), ratio, usual)


def _ratio(days: Sequence[ConversionDay]) -> float | None:
    platform, own = sum(one.platform for one in days), sum(one.own for one in days)
    return platform / own if min(platform, own) >= FEWEST_CONVERSIONS else None
