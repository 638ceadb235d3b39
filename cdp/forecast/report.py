"""A forecast of the size of a segment, or why there is none."""

import numpy as np

from cdp.forecast.backtest import choose, scale, widths
from cdp.forecast.methods import METHODS, entry_rate, exit_rate
from cdp.forecast.shapes import Forecast, History, Point, Stays, TooShort

BREAK = 0.10  # a day on which more than this share of the size came or went without flow begins the history anew


def forecast(history: History, stays: Stays, horizon: int) -> Forecast | TooShort:
    """`horizon` days after the last of the history. Fewer days of history than that are too short.

    Fewer than twice as many make it low in confidence: no method could then be tried that far ahead, twice over.
    """
    if len(history) < horizon:
        return TooShort(len(history), horizon)
    method, found, told = choose(history, stays, horizon)
    expected = np.maximum(METHODS[method](history, stays, horizon), 0)
    at = scale(expected, int(history.size[-1]))
    near, far = widths(found, 0.80) * at, widths(found, 0.95) * at
    far = np.maximum(near, far)
    bands = zip(expected, expected - near, expected + near, expected - far, expected + far, strict=True)
    points = tuple(
        Point(history.date(len(history) + ahead), *(max(round(float(one), 2), 0.0) for one in band))
        for ahead, band in enumerate(bands)
    )
    low = len(history) < 2 * horizon
    return Forecast(method, points, entry_rate(history), exit_rate(history), told, low, len(history))


def last_break(history: History) -> int:
    """The first day of the history that can be compared with today: the last one on which a new condition moved it."""
    unexplained = np.abs(np.diff(history.size) - history.entered[1:] + history.exited[1:])
    breaks = np.flatnonzero(unexplained > np.maximum(BREAK * np.maximum(history.size[:-1], history.size[1:]), 5))
    return int(breaks[-1]) + 1 if len(breaks) else 0
