"""The rules of RFM, in the most obvious way."""

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.rfm.groups import GROUPS, group_of
from cdp.rfm.scores import FEWEST, CutOffs, fixed, relative, scores

values = st.lists(st.integers(-20, 20), min_size=1, max_size=120)


@given(values)
def test_a_score_counts_who_does_strictly_worse(customers: list[int]) -> None:
    wanted = [1 + floor(5 * Fraction(sum(other < one for other in customers), len(customers))) for one in customers]
    assert relative(np.array(customers, np.int64)).tolist() == wanted


@given(values)
def test_equal_customers_score_equally_and_better_ones_no_worse(customers: list[int]) -> None:
    told = relative(np.array(customers, np.int64)).tolist()
    for one, other in product(range(len(customers)), repeat=2):
        if customers[one] == customers[other]:
            assert told[one] == told[other]
        elif customers[one] > customers[other]:
            assert told[one] >= told[other]


@pytest.mark.parametrize(
    ("recency", "score"), [(0, 5), (7, 5), (8, 4), (30, 4), (31, 3), (90, 3), (91, 2), (180, 2), (181, 1)]
)
def test_fixed_recency_is_inclusive(recency: int, score: int) -> None:
    told = scores(np.array([recency]), np.array([1]), np.array([0]), CutOffs())
    assert (told.r.tolist(), told.f.tolist(), told.m.tolist(), told.is_relative) == ([score], [1], [1], False)


@pytest.mark.parametrize(("orders", "score"), [(1, 1), (2, 2), (5, 3), (9, 3), (10, 4), (19, 4), (20, 5)])
def test_fixed_orders(orders: int, score: int) -> None:
    assert fixed(np.array([orders]), CutOffs().orders).tolist() == [score]


@pytest.mark.parametrize(
    ("spend", "score"), [(49.99, 1), (50, 2), (199.99, 2), (200, 3), (500, 4), (999.99, 4), (1000, 5)]
)
def test_fixed_spend(spend: float, score: int) -> None:
    told = scores(np.array([0]), np.array([1]), np.array([round(spend * 1_000_000)]), CutOffs())
    assert told.m.tolist() == [score]


def test_fifty_customers_are_compared_with_each_other() -> None:
    many = np.arange(FEWEST)
    assert scores(many, many, many, CutOffs()).is_relative
    assert not scores(many[1:], many[1:], many[1:], CutOffs()).is_relative
    assert scores(many, many, many, CutOffs()).r.tolist() == [5] * 10 + [4] * 10 + [3] * 10 + [2] * 10 + [1] * 10


def test_each_code_is_in_exactly_one_group() -> None:
    codes = [code for group in GROUPS for code in group.codes]
    assert sorted(codes) == ["".join(code) for code in product("12345", repeat=3)]


def test_groups_by_code() -> None:
    told = group_of(np.array([5, 1, 1, 3]), np.array([5, 1, 5, 1]), np.array([5, 1, 5, 1]))
    assert [GROUPS[place].name for place in told.tolist()] == ["Champions", "Lost", "Cannot Lose Them", "New Customers"]
