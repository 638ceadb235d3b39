"""The pure rules of forecasts: survival against brute force, bands in order, refusals."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.forecast.report import forecast, last_break
from cdp.forecast.shapes import NEVER, Forecast, History, Stays, TooShort
from cdp.forecast.survival import risk_table

STAY = st.tuples(st.integers(-8, 12), st.integers(0, 12), st.booleans(), st.booleans())


def stays_of(rows: list[tuple[int, int, bool]]) -> Stays:
    """(entered, exited, lost) of each."""
    entered, exited, lost = (np.array([row[k] for row in rows], np.int64) for k in range(3))
    ones = np.ones(len(rows), np.int64)
    return Stays(entered, exited, ones.astype(bool), lost.astype(bool), ones)


def shop(days: int, come: float, leave: float, seed: int = 1, start: int = 200) -> tuple[History, Stays]:
    """Poisson entries, each member leaves with the same chance a day."""
    dice = np.random.default_rng(seed)
    came = np.concatenate([np.zeros(start, np.int64), np.repeat(np.arange(days), dice.poisson(come, days))])
    gone = came + dice.geometric(leave, len(came))
    gone[gone >= days] = NEVER
    entered = np.bincount(came[start:], minlength=days)
    exited = np.bincount(gone[gone < days], minlength=days)
    size = start + np.cumsum(entered - exited)
    ones = np.ones(len(came), np.int64)
    known = np.arange(len(came)) >= start
    return History(date(2026, 1, 5), size, entered, exited), Stays(came, gone, known, ~known & False, ones)


@given(st.lists(STAY, min_size=1, max_size=25), st.integers(0, 15))
def test_exits_and_risk_are_those_of_counting_day_by_day(drawn: list[tuple[int, int, bool, bool]], today: int) -> None:
    rows = [(came, NEVER if is_in else came + long, lost) for came, long, is_in, lost in drawn]
    exits, risk = risk_table(stays_of(rows), today)
    for k in range(30):
        at_risk = left = 0
        for came, gone, lost in rows:
            day = came + k
            if not 0 <= day <= today or gone < 0 or day > gone or (lost and day >= gone):
                continue
            at_risk += 1
            left += day == gone
        assert (exits[k], risk[k]) == (left, at_risk) if k < len(risk) else at_risk == 0


@pytest.mark.parametrize(("days", "horizon"), [(29, 30), (59, 60), (89, 90)])
def test_less_history_than_horizon_is_refused(days: int, horizon: int) -> None:
    assert forecast(*shop(days, 5, 0.05), horizon) == TooShort(days, horizon)


def test_less_than_twice_the_horizon_is_low_in_confidence() -> None:
    short, enough = forecast(*shop(59, 5, 0.05), 30), forecast(*shop(60, 5, 0.05), 30)
    assert isinstance(short, Forecast) and isinstance(enough, Forecast)
    assert short.low_confidence and not enough.low_confidence


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("come", "leave", "start"), [(10, 0.05, 200), (0.1, 0.2, 2), (0, 0.05, 50), (30, 0.001, 0)])
def test_bands_lie_in_order_and_never_below_nobody(come: float, leave: float, start: int, seed: int) -> None:
    told = forecast(*shop(100, come, leave, seed, start), 30)
    assert isinstance(told, Forecast) and len(told.points) == 30
    for one in told.points:
        assert 0 <= one.low95 <= one.low80 <= one.expected <= one.high80 <= one.high95


def test_steady_segments_are_told_within_a_tenth() -> None:
    history, stays = shop(240, 10, 0.05)
    known = History(history.first_day, history.size[:210], history.entered[:210], history.exited[:210])
    told = forecast(known, stays, 30)
    assert isinstance(told, Forecast)
    assert told.points[-1].expected == pytest.approx(history.size[-1], rel=0.15)
    assert told.points[-1].low95 <= history.size[-1] <= told.points[-1].high95
    assert told.points[0].day.isoformat() == "2026-08-03"


def test_a_new_condition_begins_the_history_anew() -> None:
    flat = np.zeros(6, np.int64)
    sizes = np.array([100, 100, 100, 300, 300, 300])
    assert last_break(History(date(2026, 1, 5), sizes, flat, flat)) == 3
