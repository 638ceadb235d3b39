"""What a forecast is made from, and what it says. Days are whole numbers: 0 is the first day of the history."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEVER = 2**31  # the day on which those who are still in left


@dataclass(frozen=True, eq=False, slots=True)
class History:
    """Consecutive complete local days: how many were in at the end of each, and how many came and went within it.

    A size need not be the one before plus flow: what a new condition or a merge of profiles brings is no flow.
    """

    first_day: date
    size: Ints
    entered: Ints
    exited: Ints

    def __len__(self) -> int:
        return len(self.size)

    def until(self, day: int) -> "History":
        """As it was known at the end of that day."""
        return History(self.first_day, self.size[: day + 1], self.entered[: day + 1], self.exited[: day + 1])

    def date(self, day: int) -> date:
        return self.first_day + timedelta(days=day)


@dataclass(frozen=True, eq=False, slots=True)
class Stays:
    """Stays in the segment, those that are alike counted together; parallel arrays.

    `entered` may lie before day 0; `exited` is NEVER for who is in. `known`: whether `entered` is the day they really
    came, and not only the one from which we know of them. `lost`: they did not leave by themselves (a new condition,
    a merge), so it is only known that they stayed until the day before.
    """

    entered: Ints
    exited: Ints
    known: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    count: Ints


@dataclass(frozen=True, slots=True)
class Point:
    """A day to come. 0 ≤ low95 ≤ low80 ≤ expected ≤ high80 ≤ high95, in members at the end of the day."""

    day: date
    expected: float
    low80: float
    high80: float
    low95: float
    high95: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the chosen method would have said on earlier days, against what came.

    `error`: mean of |came − expected| ÷ max(expected, size when it was made, 1), `tested_days` after it was made.
    `coverage80`: share of those trials whose size lay inside the 80 % interval that the trials finished by then would
    have given; None with fewer than three such. `trials`: how many there were `tested_days` ahead.
    `errors`: the same mean for every method, so that the choice can be seen.
    """

    error: float
    coverage80: float | None
    trials: int
    tested_days: int
    errors: dict[str, float]


@dataclass(frozen=True, slots=True)
class Forecast:
    """`entry_rate`: entries a day, mean of the last 28 days. `exit_rate`: share of the members that left on a day,
    of the last 28 days. `history_days`: how many complete days it rests on."""

    method: str
    points: tuple[Point, ...]
    entry_rate: float
    exit_rate: float
    backtest: Backtest
    low_confidence: bool
    history_days: int


@dataclass(frozen=True, slots=True)
class TooShort:
    """Refused: `have` complete days of history where `need` are needed."""

    have: int
    need: int
