"""Whether so few events are chance."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cdp.quality.volume import Window, windows

NOW = datetime(2026, 4, 2, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
USUAL = (100, 96, 104, 99, 108, 93, 101, 99)


def window(count: int, before: tuple[int, ...] = USUAL) -> Window:
    return Window(NOW, NOW, count, before)


def test_what_is_usual_is_no_surprise() -> None:
    assert window(100).tail == pytest.approx(0.5, abs=0.05)
    assert window(150).tail > 0.99


def test_fewer_are_less_likely() -> None:
    tails = [window(count).tail for count in (90, 70, 50, 20)]
    assert tails == sorted(tails, reverse=True)
    assert window(50).tail < 0.01
    assert window(20).tail < 0.001


def test_nothing_where_enough_was_expected_is_nought() -> None:
    assert window(0).tail == 0
    assert window(0, (9, 8, 11, 9, 10, 7, 9, 8)).tail > 0


def test_one_sale_hides_no_loss() -> None:
    assert window(40, (*USUAL[:-1], 900)).tail < 0.01


def test_false_alarms_are_as_rare_as_told() -> None:
    dice = np.random.default_rng(7)
    rates = 400 * np.exp(dice.normal(0, 0.1, (2_000, 9)))
    counts = dice.poisson(rates)
    tails = [window(int(row[0]), tuple(row[1:].tolist())).tail for row in counts]
    assert np.mean(np.array(tails) < 0.01) < 0.015
    assert np.mean(np.array(tails) < 0.05) < 0.07


def test_windows_are_complete_hours_an_hour_apart() -> None:
    last, before = windows(NOW, 3, ZoneInfo("UTC"), 2)
    assert last[0] == (datetime(2026, 4, 2, 9, tzinfo=UTC), datetime(2026, 4, 2, 12, tzinfo=UTC))
    assert before[0] == (datetime(2026, 4, 2, 8, tzinfo=UTC), datetime(2026, 4, 2, 11, tzinfo=UTC))
    assert [end - last[0][1] for _, end in last] == [timedelta(0), timedelta(weeks=-1), timedelta(weeks=-2)]


def test_the_same_hours_are_those_of_the_clock_on_the_wall() -> None:
    """Clocks went forward on 29 March: a week before, the same local hours lay an hour later in UTC."""
    (_, after), (_, before) = windows(NOW, 3, BERLIN, 1)[0]
    assert after.astimezone(BERLIN).hour == before.astimezone(BERLIN).hour == 14
    assert after - before == timedelta(weeks=1) - timedelta(hours=1)
