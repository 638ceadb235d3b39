"""Numbers of values, as they are decided when an event is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.engine.clickhouse.values import LIST, NO_NUMBER, amounts, millionths
from cdp.engine.columnar.items import COUNTED, number_item

ODD = [0, -0.0, 0.1, 1 / 3, 4e9 + 1e-6, 8.9e12, 9e12, -9e12, 1e300, 5e-324, 2**63, 10**400, "1", " 1 ", "\u00a01", "-.5", "1e5", "1e9999", "1_000", "abc", "NaN", "", True, "\u0661"]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_it_is_the_law_of_numbers(value: Any) -> None:
    number, status = number_item(value)
    assert millionths(value) == (number if status == COUNTED else None)


@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.decimals(-(10**10), 10**10, places=6).map(float)
)
def test_it_is_the_law_of_any_number(value: float) -> None:
    number, status = number_item(value)
    assert millionths(value) == (number if status == COUNTED else None)


def test_the_millionths_of_money() -> None:
    assert [millionths(one) for one in (19.99, "19.99", 5)] == [19_990_000, 19_990_000, 5_000_000]


def test_by_every_path_that_leads_to_a_value() -> None:
    numbers, others = amounts({"a": {"b": 1, "c": {"d": "x"}}, "a.b": None, "a.c.d": 2, "e": [1], "f": [], "g": "y"})
    assert numbers == {"a.b": 1_000_000, "a.c.d": 2_000_000}
    assert others == {"a": NO_NUMBER, "a.c": NO_NUMBER, "e": LIST, "g": NO_NUMBER}
