"""Numbers of values, as they are decided when an event is written."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.engine.clickhouse.cells import cells
from cdp.engine.clickhouse.known import LISTS, MANIFOLD, NUMBERS, OTHERS, ROUGH, WIDE_ORDER, Known, Own, OwnColumns
from cdp.engine.clickhouse.properties import MOST_OWN, with_fresh
from cdp.engine.clickhouse.values import millionths
from cdp.engine.columnar.items import COUNTED, number_item
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine

ODD = [0, -0.0, 0.1, 1 / 3, 4e9 + 1e-6, 8.9e12, 9e12, -9e12, 1e300, 5e-324, 2**63, 10**400, "1", " 1 ", "\u00a01", "-.5", "1e5", "1e9999", "1_000", "abc", "NaN", "", True, "\u0661"]  # fmt: skip

NOBODY: Own = {}
MAPS = ("properties", "inner", "numbers")


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


def columns(*rows: dict[str, Any], own: Own = NOBODY) -> dict[str, list[Any]]:
    found = {name: column.to_pylist() for name, column in cells(rows, own)[0].items()}
    return {name: [dict(row) for row in found[name]] if name in MAPS else found[name] for name in found}


def test_numbers_by_every_path_that_leads_to_a_value() -> None:
    found = columns({"a": {"b": 1, "c": {"d": "x"}}, "a.b": None, "a.c.d": 2, "e": [1], "f": [], "g": "y"})
    assert found["numbers"] == [{"a.b": 1_000_000, "a.c.d": 2_000_000}]
    assert found["inner"] == [{"a.b": "1", "a.c": '{"d":"x"}', "a.c.d": '"x"'}]


@pytest.mark.parametrize("own", [{}, {"p": OwnColumns(0)}], ids=["in a map", "in its own columns"])
def test_what_is_remembered_of_a_value_is_not_told_of_another(own: Own) -> None:
    """Of one key in a dict of Python, and yet other values."""
    same = [1, True, 1.0, "1", 0.0, -0.0, False, 0, "", None]
    rows = [{"p": value} for value in same + same]
    found = columns(*rows, own=own)
    texts = ["1", "true", "1.0", '"1"', "0.0", "-0.0", "false", "0", '""', "null"]
    assert (found["text_0"] if own else [row["p"] for row in found["properties"]]) == texts + texts
    alone = [columns(row, own=own) for row in rows]
    for name, column in found.items():
        assert column == [one[name][0] for one in alone]


def test_a_property_with_columns_of_its_own_is_in_no_map() -> None:
    found = columns(
        {}, {"p": 1, "q": "x"}, {"q": 2.5, "r": 3}, {"p": {"s": 4}}, {}, own={"p": OwnColumns(0), "q": OwnColumns(1)}
    )
    assert (found["text_0"], found["number_0"]) == (["", "1", "", '{"s":4}', ""], [None, 1_000_000, None, None, None])
    assert (found["text_1"], found["number_1"]) == (["", '"x"', "2.5", "", ""], [None, None, 2_500_000, None, None])
    assert found["properties"] == [{}, {}, {"r": "3"}, {}, {}]
    assert found["numbers"] == [{}, {}, {"r": 3_000_000}, {"p.s": 4_000_000}, {}]


def test_rows_without_properties_have_empty_cells() -> None:
    assert columns({}, {"p": 1}, {})["numbers"] == [{}, {"p": 1_000_000}, {}]
    assert all(len(column) == 0 for column in cells([], {"p": OwnColumns(0)})[0].values())


def test_the_most_frequent_names_come_first_and_keep_their_columns() -> None:
    own = with_fresh({}, [{"b": 1}, {"b": 1, "c": 2}, {"a": 1, "d.e": 1}])
    assert own == {"b": OwnColumns(0), "a": OwnColumns(1), "c": OwnColumns(2)}
    assert with_fresh(own, [{"a": 1, "z": 2}]) == {**own, "z": OwnColumns(3)}


def test_no_name_gets_columns_when_all_are_taken() -> None:
    own = with_fresh({}, [{f"p{place}": 1 for place in range(MOST_OWN + 5)}])
    assert sorted(one.place for one in own.values()) == list(range(MOST_OWN))
    assert with_fresh(own, [{"q": 1}]) == own


KINDS = [
    (None, 0), ("", 0), ([], 0), ({}, 0), ([1], LISTS), ("x", OTHERS), (True, OTHERS), ({"a": 1}, OTHERS | MANIFOLD),
    (7, NUMBERS), (7.5, NUMBERS), ("7.5", NUMBERS), (7.0, NUMBERS | MANIFOLD), (1e-7, NUMBERS | ROUGH | MANIFOLD),
    ("0.12345678", NUMBERS | ROUGH), (10**13, OTHERS | ROUGH), (10**20, OTHERS | ROUGH | MANIFOLD),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), KINDS, ids=[repr(value) for value, _ in KINDS])
def test_kinds_of_values(value: Any, kind: int) -> None:
    assert cells([{"p": value}], {"p": OwnColumns(0)})[1] == {"p": kind}


def ranges(ts: tuple[int, int], received: tuple[int, int] = (0, 0), seq: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    return {"ts": ts, "received": received, "seq": seq}


def test_what_is_known_is_told_and_read_again() -> None:
    known = (
        Known({"p": OwnColumns(0)}).with_rows({"p": NUMBERS}, ranges((3, 5))).with_rows({"p": LISTS}, ranges((9, 9)))
    )
    assert known == Known({"p": OwnColumns(0, NUMBERS | LISTS)}, ranges((3, 9)))
    assert Known.from_text(known.to_text()) == known
    assert [known.during(*times) for times in ((3, 9), (4, 9), (2, 8))] == ["1", "ts >= 4", "ts <= 8"]
    assert Known().during(1, 2) == "ts >= 1 AND ts <= 2"


@pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
@pytest.mark.parametrize("far", [5, 2**40, 2**61], ids=["narrow", "wider", "too wide"])
def test_the_order_of_events_is_one_number(far: int) -> None:
    """As ClickHouse computes it, of all that lies at the ends of the ranges and beside them."""
    ends = [-far, -far + 1, 0, far - 1, far]
    rows = list(itertools.product(ends, repeat=3))
    known = Known({}, ranges(*[(-far, far)] * 3))
    assert (known.in_order == WIDE_ORDER) == (far == 2**61)
    asked = f"SELECT ts, received, seq FROM VALUES('ts Int64, received Int64, seq Int64', {', '.join(map(str, rows))})"
    found = clickhouse_engine().server.rows(f"SELECT * FROM ({asked} ORDER BY rand()) ORDER BY {known.in_order}", {})
    assert [tuple(row) for row in found] == sorted(rows)
