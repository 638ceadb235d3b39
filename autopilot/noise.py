"""What the mean of 14 days does against the mean of an earlier 14 without any change: placebo windows. Pure.

A placebo is a pretended change on a past day: base days −17 … −4, actual days 1 … 14, as for a real one. What these
differ by, beyond what counting alone explains (Poisson), is the account's own unrest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASE, GAP, ACTUAL = 14, 4, 14  # days; the gap is days −3 … 0
SPAN = BASE + GAP + ACTUAL
# Unrest of an account whose own days say nothing yet, as a share of its base, and how many windows it is worth.
USUAL_UNREST, USUAL_WINDOWS = 0.12, 2.0
FEWEST = 5.0  # conversions in a placebo's base; smaller ones are counting noise only


@dataclass(frozen=True, slots=True)
class Noise:
    """`unrest`: standard deviation as a share of the base, Poisson left out. `windows`: how many independent placebos
    it rests on, the usual ones included.
    """

    unrest: float = USUAL_UNREST
    windows: float = USUAL_WINDOWS

    def sd(self, base: float, effects: Floats) -> Floats:
        """Of the observed difference a day, for each effect; widened for the few windows it rests on."""
        after = np.maximum(base + effects, 0)
        counting = base / BASE + after / ACTUAL
        unrest = (self.unrest * np.maximum(base, after)) ** 2
        sds: Floats = np.sqrt(counting + unrest) * sqrt(1 + 1 / self.windows)
        return np.maximum(sds, 1e-9)


def measure(series: Sequence[Sequence[float]]) -> Noise:
    """`series`: daily conversions of entities of the account, without gaps, in their order."""
    found = [windows(np.asarray(one, float)) for one in series]
    differences = np.concatenate([one[0] for one in found]) if found else np.empty(0)
    counting = np.concatenate([one[1] for one in found]) if found else np.empty(0)
    independent = sum(len(one[0]) / SPAN for one in found)
    if not len(differences):
        return Noise()
    own = max(float(np.mean(differences**2 - counting)), 0.0)
    total = independent + USUAL_WINDOWS
    unrest = (own * independent + USUAL_UNREST**2 * USUAL_WINDOWS) / total
    return Noise(sqrt(unrest), total)


def windows(days: Floats) -> tuple[Floats, Floats]:
    """Of every placebo the relative difference, and the part of its variance that counting explains."""
    if len(days) < SPAN:
        return np.empty(0), np.empty(0)
    sums = np.concatenate([[0.0], np.cumsum(days)])
    starts = np.arange(len(days) - SPAN + 1)
    base = sums[starts + BASE] - sums[starts]
    actual = sums[starts + SPAN] - sums[starts + BASE + GAP]
    enough = base >= FEWEST
    base, actual = base[enough], actual[enough]
    return (actual - base) / base, (1 / base) * (1 + actual / base)
