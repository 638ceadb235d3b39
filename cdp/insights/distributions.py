"""Logarithms of the gamma function, and the tails of Student's distribution."""

from math import exp, lgamma, log, log1p

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

HALF_LOG_TAU = 0.9189385332046727  # log(2π) / 2
STIRLING_FROM = 10.0  # from here on the series below is exact to the last places of a float
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)
_SMALLEST = 1e-300
_CLOSE = 1e-15
_MOST_TERMS = 500


def log_gamma(x: ArrayLike) -> Floats:
    """log Γ(x) for x > 0, element by element: Stirling's series, small arguments shifted up to where it holds."""
    shifted = np.array(x, np.float64)
    lowered = np.zeros_like(shifted)
    while (small := shifted < STIRLING_FROM).any():
        lowered[small] -= np.log(shifted[small])
        shifted[small] += 1
    inverse = 1 / shifted
    series = np.zeros_like(shifted)
    for coefficient in reversed(_STIRLING):
        series = series * inverse * inverse + coefficient
    return lowered + (shifted - 0.5) * np.log(shifted) - shifted + HALF_LOG_TAU + series * inverse


def student_lower_tail(t: float, degrees: float) -> float:
    """P(T ≤ t) of Student's distribution."""
    tail = 0.5 * beta_share(degrees / (degrees + t * t), degrees / 2, 0.5)
    return tail if t < 0 else 1 - tail


def student_both_tails(t: float, degrees: float) -> float:
    """P(|T| ≥ |t|) of Student's distribution."""
    return beta_share(degrees / (degrees + t * t), degrees / 2, 0.5)


def beta_share(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function Iₓ(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """1 + d₁ / (1 + d₂ / (1 + …)), by the modified method of Lentz."""
    value, above, below = 1.0, 1.0, 0.0
    for term in range(1, _MOST_TERMS):
        half = term // 2
        if term % 2:
            d = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            d = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1 / (_away_from_zero(1 + d * below))
        above = _away_from_zero(1 + d / above)
        value *= above * below
        if abs(above * below - 1) < _CLOSE:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _SMALLEST else _SMALLEST
