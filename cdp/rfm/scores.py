"""Scores from 1, the worst, to 5: by how many customers are strictly worse, or by fixed cut-offs where they are few."""

from dataclasses import dataclass

import numpy as np

from cdp.engine.arrays import Ints

SCORES = 5
FEWEST = 50  # customers from which they are compared with each other
MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True)
class CutOffs:
    """What still earns 5, 4, 3 and 2. `recency`: at most so many days; `orders` and `spend`: at least."""

    recency: tuple[int, ...] = (7, 30, 90, 180)
    orders: tuple[int, ...] = (20, 10, 5, 2)
    spend: tuple[float, ...] = (1000.0, 500.0, 200.0, 50.0)


@dataclass(frozen=True, eq=False)
class Scores:
    """From 1 to 5 for each customer. `is_relative`: whether they were compared with each other."""

    r: Ints
    f: Ints
    m: Ints
    is_relative: bool


def scores(recency: Ints, orders: Ints, spend: Ints, cut_offs: CutOffs) -> Scores:
    """`recency` in whole elapsed days since the last order, `spend` in millionths."""
    if len(recency) >= FEWEST:
        return Scores(relative(-recency), relative(orders), relative(spend), is_relative=True)
    money = tuple(round(least * MILLIONTHS) for least in cut_offs.spend)
    return Scores(
        fixed(-recency, tuple(-most for most in cut_offs.recency)),
        fixed(orders, cut_offs.orders),
        fixed(spend, money),
        is_relative=False,
    )


def relative(value: Ints) -> Ints:
    """1 + floor(5 × the share of customers with strictly less): equal customers score equally.

    So many have strictly less where the value is greater than the last of so many, for which nothing has to be sorted.
    """
    found = np.ones(len(value), np.int64)
    if not len(value):
        return found
    lasts = [-(-fifth * len(value) // SCORES) - 1 for fifth in range(1, SCORES)]
    for last in np.partition(value, lasts)[lasts]:
        found += value > last
    return found


def fixed(value: Ints, at_least: tuple[int, ...]) -> Ints:
    """1, and one more for each of the descending cut-offs that is reached."""
    reached: Ints = 1 + (value[:, None] >= np.array(at_least, np.int64)).sum(axis=1)
    return reached
