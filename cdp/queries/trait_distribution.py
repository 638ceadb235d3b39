"""How the values of a trait lie over the profiles that have one: bins of numbers and times, shares of all else."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from stratum.lib import clock, periods

Floats = NDArray[np.float64]
Kind = Literal["numbers", "instants", "values"]

MOST_BINS = 20
MOST_VALUES = 20
MOST_DAYS, MOST_WEEKS, MOST_MONTHS = 31, 27, 36
# Percent of the profiles on either side that lie beyond the inner bins: one order of a million would leave all others
# in one bar.
TAIL = 0.5
ROUND_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Bin:
    """Profiles whose value is at least `start` and less than `end`; the last bin has its end inside.

    Numbers, or instants in the workspace's time zone as ISO 8601.
    """

    start: float | str
    end: float | str
    count: int


@dataclass(frozen=True, slots=True)
class Share:
    """`rate` is of the profiles with a value; of lists each item is a value, so rates may add up to more than 1."""

    value: Any
    count: int
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Of `count` profiles with a value. Numbers have all of the figures, instants least, median and most.

    The most frequent `values` stand by falling count; `others` have one of the remaining, `distinct` counts all.
    """

    kind: Kind
    count: int
    least: float | str | None = None
    p10: float | None = None
    p25: float | None = None
    median: float | str | None = None
    p75: float | None = None
    p90: float | None = None
    most: float | str | None = None
    average: float | None = None
    bins: tuple[Bin, ...] = ()
    values: tuple[Share, ...] = ()
    others: int = 0
    distinct: int | None = None


NOTHING = Distribution(kind="values", count=0, distinct=0)


def of_numbers(values: Floats) -> Distribution:
    if not len(values):
        return Distribution(kind="numbers", count=0)
    shares = np.percentile(values, (0, 10, 25, 50, 75, 90, 100))
    least, p10, p25, median, p75, p90, most = (plain(share) for share in shares.tolist())
    return Distribution(
        kind="numbers",
        count=len(values),
        least=least,
        p10=p10,
        p25=p25,
        median=median,
        p75=p75,
        p90=p90,
        most=most,
        average=plain(float(values.mean())),
        bins=_number_bins(values),
    )


def _number_bins(values: Floats) -> tuple[Bin, ...]:
    edges = number_edges(values)
    counts, _ = np.histogram(values, edges)
    return tuple(
        Bin(plain(start), plain(end), count)
        for start, end, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    )


def number_edges(values: Floats) -> Floats:
    """Round steps between the tails, and the least and the greatest value as the outer ends."""
    least, most = float(values.min()), float(values.max())
    if least == most:
        return np.array([least, most])
    low, high = np.percentile(values, (TAIL, 100 - TAIL)).tolist()
    step = _round_step((high - low) / MOST_BINS if high > low else (most - least) / MOST_BINS)
    if _are_whole(values):
        step = max(step, 1.0)
    inner = np.arange(np.floor(low / step) + 1, np.ceil(high / step) + 1) * step
    inner = inner[(inner > least) & (inner < most)]
    return np.unique(np.concatenate([[least], inner, [most]]))


def _are_whole(values: Floats) -> bool:
    return bool((values == np.floor(values)).all())


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(power * step for step in ROUND_STEPS if power * step >= least * (1 - 1e-9)))


def of_instants(micros: Ints, zone: ZoneInfo) -> Distribution:
    if not len(micros):
        return Distribution(kind="instants", count=0)
    least, median, most = (_local(int(one), zone) for one in np.percentile(micros, (0, 50, 100)))
    return Distribution(
        kind="instants",
        count=len(micros),
        least=least,
        median=median,
        most=most,
        bins=_instant_bins(micros, zone),
    )


def _instant_bins(micros: Ints, zone: ZoneInfo) -> tuple[Bin, ...]:
    """Local days, weeks from Monday, months or years: the finest that are not too many."""
    first, last = (clock.from_micros(int(end)).astimezone(zone).date() for end in (micros.min(), micros.max()))
    days = _days(first, last)
    edges = [clock.to_micros(periods.start_of_day(day, zone)) for day in days]
    counts, _ = np.histogram(micros, np.array(edges, np.int64))
    return tuple(
        Bin(_local(start, zone), _local(end, zone), count)
        for start, end, count in zip(edges[:-1], edges[1:], counts.tolist(), strict=True)
    )


def _days(first: date, last: date) -> list[date]:
    """The first days of the bins, and the day after the last bin."""
    length = (last - first).days + 1
    if length <= MOST_DAYS:
        return [first + timedelta(days=one) for one in range(length + 1)]
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    if weeks <= MOST_WEEKS:
        return [monday + timedelta(weeks=one) for one in range(weeks + 1)]
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months <= MOST_MONTHS:
        return [_month(first, one) for one in range(months + 1)]
    return [date(year, 1, 1) for year in range(first.year, last.year + 2)]


def _month(first: date, later: int) -> date:
    """The first day of the month so many months later."""
    months = first.year * 12 + first.month - 1 + later
    return date(months // 12, months % 12 + 1, 1)


def _local(micros: int, zone: ZoneInfo) -> str:
    return clock.from_micros(micros).astimezone(zone).isoformat()


def of_values(counted: Iterable[tuple[Any, int]], profiles: int) -> Distribution:
    """Of JSON values with how many profiles have each; of lists each item, which is why `profiles` are told."""
    ordered = sorted(counted, key=lambda pair: (-pair[1], _text(pair[0])))
    shown = tuple(Share(value, count, count / profiles) for value, count in ordered[:MOST_VALUES])
    others = sum(count for _, count in ordered[MOST_VALUES:])
    return Distribution(kind="values", count=profiles, values=shown, others=others, distinct=len(ordered))


def of_json(values: Iterable[Any]) -> Distribution:
    """Of stored values, whatever they are: numbers if all of them are."""
    found = list(values)
    if found and all(type(value) in (int, float) for value in found):
        return of_numbers(np.array(found, np.float64))
    counted: Counter[tuple[str, str]] = Counter()
    shown: dict[tuple[str, str], Any] = {}
    for value in found:
        for item in value if isinstance(value, list) else [value]:
            key = _key(item)
            shown.setdefault(key, item)
            counted[key] += 1
    return of_values([(shown[key], count) for key, count in counted.items()], len(found))


def _key(value: Any) -> tuple[str, str]:
    """1 and 1.0 are one value, "1" and true are others."""
    kind = "number" if type(value) in (int, float) else type(value).__name__
    return kind, _text(plain(value) if kind == "number" else value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return repr(sorted(value.items()))
    return str(value)


def plain(number: float) -> float:
    """A whole number as such, and others without what binary fractions leave behind the sixth place."""
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else round(number, 6)
