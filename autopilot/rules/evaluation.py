"""Whom a rule is about on a day: sums of daily metrics over its windows, all entities at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autopilot.rules.definitions import LATE, Condition, Definition, measured, threshold

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
NAMES = ("spend", "impressions", "clicks", "conversions", "revenue")
COMPARE: Mapping[str, Any] = {
    "gt": np.greater,
    "gte": np.greater_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "eq": np.equal,
}


class Days:
    """Daily metrics of entities: a row each, a column for each day, the last one yesterday."""

    def __init__(self, entities: int, days: int) -> None:
        self.days = days
        self._daily = {name: np.zeros((entities, days)) for name in NAMES}
        self._seen = np.zeros((entities, days))
        self._sums: dict[str, Floats] = {}

    def put(self, rows: NDArray[np.int64], columns: NDArray[np.int64], values: Mapping[str, Floats]) -> None:
        for name in NAMES:
            self._daily[name][rows, columns] = values[name]
        self._seen[rows, columns] = 1
        padded = {name: np.pad(np.cumsum(array, axis=1), ((0, 0), (1, 0))) for name, array in self._daily.items()}
        self._sums = padded | {"seen": np.pad(np.cumsum(self._seen, axis=1), ((0, 0), (1, 0)))}

    def total(self, name: str, back: int, days: int) -> Floats:
        """Over that many days, ending `back` days before yesterday."""
        end = self.days - back
        found: Floats = self._sums[name][:, end] - self._sums[name][:, max(end - days, 0)]
        return found


@dataclass(frozen=True, slots=True)
class Given:
    """What does not come from days: budgets, signal health and segment sizes, as they are now. NaN: not known."""

    budgets: Floats
    health: Floats
    sizes: Mapping[str, float]


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """Of one condition: each entity's value (NaN: no data) and whether it meets it."""

    condition: Condition
    values: Floats
    met: Flags


def evaluate(definition: Definition, days: Days, given: Given, *, back: int = 0) -> list[Found]:
    """As of `back` days ago (what does not come from days: as of now)."""
    return [_found(one, days, given, back) for one in definition.when]


def _found(one: Condition, days: Days, given: Given, back: int) -> Found:
    values = _values(one, days, given, back)
    with np.errstate(invalid="ignore"):
        met: Flags = COMPARE[one.op](values, one.value) & ~np.isnan(values)
    return Found(one, values, met)


def _values(one: Condition, days: Days, given: Given, back: int) -> Floats:
    if one.metric == "signal_health":
        return given.health
    if one.metric == "segment_size":
        return np.full(len(given.budgets), given.sizes.get(one.segment, np.nan))
    back += LATE if one.of.late else 0
    sums = {name: days.total(name, back, one.days) for name in (*NAMES, "seen")}
    with np.errstate(divide="ignore", invalid="ignore"):
        values: Floats = np.array(_metric(one, sums, given.budgets), float)
    values[sums["seen"] == 0] = np.nan
    return values


def _metric(one: Condition, sums: Mapping[str, Floats], budgets: Floats) -> Floats:
    match one.metric:
        case "roas":
            return sums["revenue"] / sums["spend"]
        case "cpa":
            return sums["spend"] / sums["conversions"]
        case "conversion_rate":
            return 100 * sums["conversions"] / sums["clicks"]
        case "spend_pace":
            return 100 * sums["spend"] / (budgets * one.days)
        case "ctr":
            return 100 * sums["clicks"] / sums["impressions"]
        case "cpc":
            return sums["spend"] / sums["clicks"]
    return sums[one.metric].copy()


def all_met(found: Sequence[Found]) -> Flags:
    met: Flags = np.logical_and.reduce([one.met for one in found])
    return met


def why_not(found: Sequence[Found], row: int) -> tuple[bool, str]:
    """Whether data is missing, and the first condition that failed with what was seen."""
    for one in found:
        value = one.values[row]
        if np.isnan(value):
            return True, f"There is no data for {one.condition.of.label}."
        if not one.met[row]:
            return False, f"{measured(one.condition)} is {shown(value)}, not {threshold(one.condition)}."
    return False, ""


def shown(value: float) -> str:
    return "without end (no conversion)" if np.isinf(value) else f"{value:.4g}"


def seen(found: Sequence[Found], row: int) -> list[dict[str, Any]]:
    """For the proposal's evidence."""
    return [
        {
            "label": measured(one.condition),
            "sentence": f"{shown(one.values[row])} ({threshold(one.condition)})",
            "value": None if not np.isfinite(one.values[row]) else float(one.values[row]),
        }
        for one in found
    ]
