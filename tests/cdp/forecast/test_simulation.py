"""Intervals hold about as often as they say: few seeds of the benchmark, so with room for chance."""

import pytest

from benchmarks.forecast import AHEAD, KNOWN, segment
from cdp.forecast.report import forecast
from cdp.forecast.shapes import Forecast


@pytest.mark.parametrize("kind", ["steady", "growing", "shock"])
def test_intervals_cover(kind: str) -> None:
    inside = 0
    for seed in range(4):
        history, stays = segment(kind, seed)
        told = forecast(history.until(KNOWN - 1), stays, AHEAD)
        assert isinstance(told, Forecast)
        came = history.size[KNOWN:]
        inside += sum(one.low80 <= size <= one.high80 for one, size in zip(told.points, came, strict=True))
    assert inside / (4 * AHEAD) >= 0.65
