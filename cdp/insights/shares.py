"""A share of people, how sure it is, and whether two shares differ."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cdp.insights.distributions import Floats, log_gamma

Z_95 = 1.959963984540054
TIE = 1e-7  # tables whose probabilities differ by less, relatively, are equally likely
FAR = 15  # standard deviations; what lies beyond adds nothing that a float can hold


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with its 95 % Wilson interval."""

    count: int
    of: int

    @property
    def rate(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.count, self.of)


def wilson(count: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval without continuity correction; everything is possible while nobody was seen."""
    if not of:
        return 0.0, 1.0
    rate, squared = count / of, z * z
    middle = (rate + squared / (2 * of)) / (1 + squared / of)
    half = z * sqrt(rate * (1 - rate) / of + squared / (4 * of * of)) / (1 + squared / of)
    return (middle - half if count else 0.0), (middle + half if count < of else 1.0)


def fisher(count: int, of: int, other_count: int, other_of: int) -> float:
    """Fisher's exact test, two-sided: the probability of all tables that are no likelier than this one."""
    drawn = count + other_count
    low, high = max(0, drawn - other_of), min(drawn, of)
    whole = of + other_of
    mean = drawn * of / whole
    spread = sqrt(mean * (1 - of / whole) * (whole - drawn) / max(whole - 1, 1))
    reach = max(abs(count - mean), FAR * (spread + 1)) + 2
    possible = np.arange(max(low, int(mean - reach)), min(high, int(mean + reach)) + 1)
    logs = log_hypergeometric(possible, of, other_of, drawn)
    limit = logs[count - possible[0]] + TIE
    return min(1.0, float(np.exp(logs[logs <= limit]).sum()))


def log_hypergeometric(count: ArrayLike, of: int, other_of: int, drawn: int) -> Floats:
    """The log probability of `count` among the `drawn` when `of` and `other_of` are drawn from."""
    found = np.asarray(count, np.float64)
    constant = log_choose(of + other_of, drawn)
    return log_choose(of, found) + log_choose(other_of, drawn - found) - constant


def log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    """The logarithm of the binomial coefficient."""
    whole, part = np.asarray(n, np.float64), np.asarray(k, np.float64)
    return log_gamma(whole + 1) - log_gamma(part + 1) - log_gamma(whole - part + 1)


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Corrected p values: those up to q hold a share of at most q false ones, on average."""
    raw = np.asarray(p, np.float64)
    falling = np.argsort(-raw, kind="stable")
    ranks = np.arange(len(raw), 0, -1)
    corrected = np.empty_like(raw)
    corrected[falling] = np.minimum.accumulate(np.minimum(raw[falling] * len(raw) / ranks, 1))
    return corrected
