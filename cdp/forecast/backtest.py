"""What each method would have said on earlier days, against what came: the choice, and how wide the interval must be.

A trial is made on an earlier day (its origin) with what was known then, and compared with the size h days later for
every h that has come. Its error is (came − expected) ÷ max(expected, size at the origin, 1).

The interval at h is expected ± the quantile of the |errors| at h, times the same scale. Trials a few days apart share
most of their days, so they are worth only as many as fit side by side: n = 1 + span of the origins ÷ h. The quantile is
widened as Student's t with n degrees of freedom and a mean of n widens the normal: what three trials did not show may
still come. Where fewer than three trials reach h, the last width that was tested grows in proportion to h.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cdp.forecast.methods import METHODS, Method
from cdp.forecast.shapes import Backtest, Floats, History, Ints, Stays

MOST_ORIGINS = 60
FEWEST_TRIALS = 3
FEWEST_DAYS = 14  # of history before the first trial
NORMAL = {0.80: 1.2816, 0.95: 1.9600}  # two-sided quantiles


@dataclass(frozen=True, eq=False, slots=True)
class Trials:
    """`errors[i, h − 1]` of origin i; NaN where that day has not come."""

    origins: Ints
    errors: Floats

    def reached(self, ahead: int) -> int:
        return int(np.isfinite(self.errors[:, ahead - 1]).sum())

    def tested_days(self) -> int:
        """The longest way ahead that enough trials went."""
        far = [h for h in range(1, self.errors.shape[1] + 1) if self.reached(h) >= FEWEST_TRIALS]
        return max(far, default=1)


def trials(method: Method, history: History, stays: Stays, horizon: int) -> Trials:
    last = len(history) - 1
    first = min(max(FEWEST_DAYS, horizon if last >= 2 * horizon + FEWEST_DAYS else FEWEST_DAYS), last) - 1
    step = max(1, -(-(last - first) // MOST_ORIGINS))
    origins = np.arange(last - 1, first - 1, -step)[::-1]
    errors = np.full((len(origins), horizon), np.nan)
    for row, origin in enumerate(origins):
        came = history.size[origin + 1 : origin + 1 + horizon]
        expected = method(history.until(int(origin)), stays, horizon)[: len(came)]
        errors[row, : len(came)] = (came - expected) / scale(expected, int(history.size[origin]))
    return Trials(origins, errors)


def scale(expected: Floats, size: int) -> Floats:
    return np.maximum(np.maximum(expected, size), 1)


def widths(found: Trials, share: float) -> Floats:
    """By days ahead, as a share of the scale; never shrinking with the distance."""
    tested = found.tested_days()
    wide = np.empty(found.errors.shape[1])
    for ahead in range(1, len(wide) + 1):
        at = min(ahead, tested)
        ran = np.isfinite(found.errors[:, at - 1])
        wide[ahead - 1] = width(found.errors[ran, at - 1], found.origins[ran], at, share) * ahead / at
    return np.maximum.accumulate(wide)


def width(errors: Floats, origins: Ints, ahead: int, share: float) -> float:
    """The quantile of |errors|, widened for the number of trials that fit side by side."""
    if not len(errors):
        return 0.0
    beside = 1 + (int(origins[-1]) - int(origins[0])) / ahead
    return float(np.quantile(np.abs(errors), share)) * widening(beside, share)


def widening(beside: float, share: float) -> float:
    """Student's quantile (Cornish and Fisher's expansion) ÷ the normal one · √(1 + 1/n)."""
    z = NORMAL[share]
    t = z + (z**3 + z) / (4 * beside) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * beside**2)
    return float(t / z * np.sqrt(1 + 1 / beside))


def choose(history: History, stays: Stays, horizon: int) -> tuple[str, Trials, Backtest]:
    """The method with the smallest mean |error| over all its trials and days ahead; the simpler of two alike."""
    found = {name: trials(method, history, stays, horizon) for name, method in METHODS.items()}
    overall = {name: float(np.nanmean(np.abs(one.errors))) for name, one in found.items()}
    best = min(overall, key=lambda name: overall[name])
    chosen = found[best]
    tested = chosen.tested_days()
    errors = {name: float(np.nanmean(np.abs(one.errors[:, tested - 1]))) for name, one in found.items()}
    told = Backtest(errors[best], coverage(chosen, tested, 0.80), chosen.reached(tested), tested, errors)
    return best, chosen, told


def coverage(found: Trials, ahead: int, share: float) -> float | None:
    """Share of the trials inside the interval that the trials finished by their origin would have given."""
    inside: Sequence[bool] = [
        bool(abs(error) <= width(found.errors[done, ahead - 1], found.origins[done], ahead, share))
        for origin, error in zip(found.origins, found.errors[:, ahead - 1], strict=True)
        if np.isfinite(error) and (done := found.origins + ahead <= origin).sum() >= FEWEST_TRIALS
    ]
    return sum(inside) / len(inside) if len(inside) >= FEWEST_TRIALS else None
