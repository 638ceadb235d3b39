"""How far forecasts of segments are off: `python -m benchmarks.forecast --seeds 20 [--write]`.

Invented segments with entries by weekday and stays of their own kind; 240 days are known, the next 30, 60 and 90 are
compared. Prints markdown, or replaces the tables in docs/forecast.md.
"""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from cdp.forecast.methods import METHODS
from cdp.forecast.report import forecast
from cdp.forecast.shapes import NEVER, Floats, Forecast, History, Stays

KNOWN, AHEAD = 240, 90
HORIZONS = (30, 60, 90)
DAY = np.arange(KNOWN + AHEAD)
WEEK = np.array([0.9, 0.95, 1.0, 1.0, 1.05, 1.2, 0.9])[DAY % 7]
PAGE = Path(__file__).parent.parent / "docs" / "forecast.md"
START, END = "<!-- measured -->\n", "<!-- end -->\n"
KINDS: dict[str, Callable[[np.random.Generator], Floats]] = {
    "steady": lambda dice: 20 * WEEK,
    "growing": lambda dice: 10 * WEEK * (1 + DAY / 90),
    "seasonal": lambda dice: 20 * WEEK * (1 + 0.5 * np.sin(2 * np.pi * DAY / 90)),
    "shock": lambda dice: 20 * WEEK * np.where(dice.integers(100, 200) <= DAY, 2.5, 1),
    "tiny": lambda dice: 0.3 * WEEK,
    "campaigns": lambda dice: WEEK * (5 + 80 * (np.repeat(dice.random(KNOWN // 5 + AHEAD // 5), 5) < 0.12)),
}


def segment(kind: str, seed: int) -> tuple[History, Stays]:
    """Half of those who come stay about a week, the others about two months."""
    dice = np.random.default_rng(seed)
    came = np.repeat(DAY, dice.poisson(KINDS[kind](dice)))
    leaving = np.where(dice.random(len(came)) < 0.5, 1 / 7, 1 / 60)
    gone = came + dice.geometric(leaving)
    entered, exited = (np.bincount(one[one < len(DAY)], minlength=len(DAY)) for one in (came, gone))
    gone[gone >= len(DAY)] = NEVER
    ones = np.ones(len(came), np.int64)
    stays = Stays(came, gone, ones.astype(bool), ones == 0, ones)
    return History(date(2026, 1, 5), np.cumsum(entered - exited), entered, exited), stays


def line(kind: str, seeds: int, horizon: int) -> str:
    """Median error at the last day by method and of the chosen one, and the share of days inside the intervals."""
    errors: dict[str, list[float]] = {name: [] for name in (*METHODS, "chosen")}
    inside80 = inside95 = 0
    for seed in range(seeds):
        history, stays = segment(kind, seed)
        known, came = history.until(KNOWN - 1), history.size[KNOWN : KNOWN + horizon]
        told = forecast(known, stays, horizon)
        assert isinstance(told, Forecast)
        for name, method in METHODS.items():
            errors[name].append(abs(came[-1] - method(known, stays, horizon)[-1]) / max(came[-1], 1))
        errors["chosen"].append(abs(came[-1] - told.points[-1].expected) / max(came[-1], 1))
        inside80 += sum(one.low80 <= size <= one.high80 for one, size in zip(told.points, came, strict=True))
        inside95 += sum(one.low95 <= size <= one.high95 for one, size in zip(told.points, came, strict=True))
    cells = [f"{np.median(one):.1%}" for one in errors.values()]
    shares = [f"{inside / seeds / horizon:.0%}" for inside in (inside80, inside95)]
    return f"| {' | '.join([kind, *cells, *shares])} |"


def table(seeds: int, horizon: int) -> str:
    rule = "---|" * (len(METHODS) + 4)
    head = f"| {horizon} days ahead | {' | '.join(METHODS)} | chosen | inside 80 % | inside 95 % |\n|{rule}\n"
    return head + "".join(f"{line(kind, seeds, horizon)}\n" for kind in KINDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    tables = "\n".join(table(given.seeds, horizon) for horizon in HORIZONS)
    text = f"{given.seeds} segments of each kind.\n\n{tables}"
    if not given.write:
        print(text)
        return
    before, _, rest = PAGE.read_text().partition(START)
    PAGE.write_text(before + START + text + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
