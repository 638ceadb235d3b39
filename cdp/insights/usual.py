"""Whether a rate departs from what is usual, where days and weeks vary by more than chance draws of people.

The shares of a series are regressed on its level, drift and weekdays, with beta-binomial weights: a bucket of n people
varies by μ(1 − μ)(1/n + ρ(1 − 1/n)). The scatter ρ between buckets is estimated from the residuals and never taken
below none, so large buckets are not trusted more than their days deserve.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from cdp.engine.arrays import Ints
from cdp.insights.distributions import Floats, student_lower_tail

ROUNDS = 3  # of weights from the scatter and scatter from the residuals
HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Departure:
    """`difference` of the judged buckets from what is usual; `lower_tail`: how likely so low a value is by chance."""

    difference: float
    error: float
    degrees: int
    scatter: float

    @property
    def lower_tail(self) -> float:
        return student_lower_tail(self.difference / self.error, self.degrees)


def departure(hits: Ints, trials: Ints, usual: Floats, judged: Floats) -> Departure:
    """`usual`: the columns (buckets, …) of what explains the rates; `judged`: 1 for the buckets in question, else 0.

    All trials are positive, the columns independent, and there are more buckets than columns.
    """
    rates = hits / trials
    design = np.column_stack([usual, judged])
    mean = hits.sum() / trials.sum()
    degrees = len(rates) - design.shape[1]
    scatter = 0.0
    for _ in range(ROUNDS):
        variance = mean * (1 - mean) * (1 / trials + scatter * (1 - 1 / trials))
        weighted = design / variance[:, None]
        covariance = np.linalg.inv(design.T @ weighted)
        effects = covariance @ (weighted.T @ rates)
        scatter = _scatter((rates - design @ effects) ** 2 / (mean * (1 - mean)), trials, degrees)
    return Departure(float(effects[-1]), sqrt(float(covariance[-1, -1])), degrees, scatter)


def _scatter(squares: Floats, trials: Ints, degrees: int) -> float:
    """The ρ with which the squared residuals add up to their degrees of freedom; 0 when people alone explain them."""

    def excess(scatter: float) -> float:
        return float((squares / (1 / trials + scatter * (1 - 1 / trials))).sum()) - degrees

    low, high = 0.0, 1.0
    if excess(low) <= 0:
        return low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
