"""Numbers of values, as they are decided when an event is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.engine.clickhouse.cells import cells
from cdp.engine.clickhouse.values import LIST, NO_NUMBER, millionths
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


def maps(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {name: [dict(row) for row in column.to_pylist()] for name, column in cells(rows).items()}


def test_numbers_by_every_path_that_leads_to_a_value() -> None:
    found = maps({"a": {"b": 1, "c": {"d": "x"}}, "a.b": None, "a.c.d": 2, "e": [1], "f": [], "g": "y"})
    assert found["numbers"] == [{"a.b": 1_000_000, "a.c.d": 2_000_000}]
    assert found["others"] == [{"a": NO_NUMBER, "a.c": NO_NUMBER, "e": LIST, "g": NO_NUMBER}]
    assert found["inner"] == [{"a.b": "1", "a.c": '{"d":"x"}', "a.c.d": '"x"'}]


def test_what_is_remembered_of_a_value_is_not_told_of_another() -> None:
    """Of one key in a dict of Python, and yet other values."""
    same = [1, True, 1.0, "1", 0.0, -0.0, False, 0, "", None]
    rows = [{"p": value} for value in same + same]
    found = maps(*rows)
    texts = ["1", "true", "1.0", '"1"', "0.0", "-0.0", "false", "0", '""', "null"]
    assert [row["p"] for row in found["properties"]] == texts + texts
    alone = [maps(row) for row in rows]
    for name, column in found.items():
        assert column == [one[name][0] for one in alone]


def test_rows_without_properties_have_empty_maps() -> None:
    assert maps({}, {"p": 1}, {})["numbers"] == [{}, {"p": 1_000_000}, {}]
    assert all(len(column) == 0 for column in cells([]).values())
