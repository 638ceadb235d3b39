"""The most frequent, the first and the last value: few values are asked for one by one, many together, both like the
oracle.
"""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.clickhouse import aggregate, tallies
from cdp.engine.clickhouse.measures import Measures
from cdp.engine.events import BEGINNING, ENDLESS, Events
from cdp.engine.predicates import Test
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_and_oracle
from tests.engine.story import at
from tests.engine.test_profile_histories import Questions, compare

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
# Some are one value in two texts, some are ordered otherwise as JSON.
VALUES: list[Any] = ["a", "a b", "a\"b", "a\\", "ä", "Z", "5", 5, 5.0, 50, True, "true", {"q": 1}, "", None, "\n"]  # fmt: skip
IS_LONG = Test("p", "contains", " ")
ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(VALUES)), min_size=1, max_size=25)


@pytest.mark.parametrize("most", [32, 1], ids=["few", "many"])
def test_they_are_those_of_the_oracle(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MOST_COUNTED", most)

    @given(ROWS, st.integers(1, 3))
    @settings(max_examples=12, deadline=None, derandomize=True)
    def holds(rows: list[tuple[int, Any]], least: int) -> None:
        told = [(profile, at(place // 2), "a", {"p": value}) for place, (profile, value) in enumerate(rows)]
        engine, oracle = clickhouse_and_oracle(told)
        for where in (None, IS_LONG):
            events = Events(("a",), where)
            ends = [AggregateSpec(events, fn, "p") for fn in ("first", "last")]
            mode = AggregateSpec(events, "mode", "p", min_count=least)
            compare(engine, oracle, Questions([mode, *ends], [], None, at(1_000)))

    holds()


def test_few_values_are_asked_for_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one statement, and not pair by pair."""
    engine, _ = clickhouse_and_oracle([(0, at(0), "a", {"p": "x"})])
    monkeypatch.setattr(aggregate, "read_tallies", None)
    monkeypatch.setattr(Measures, "end", None)
    functions = ("mode", "first", "last", "count")
    found = engine.aggregates([AggregateSpec(Events(("a",)), fn, "p") for fn in functions], at(10))
    assert [one.decoded() for one in found] == [["x"], ["x"], ["x"], [1]]


def test_numbers_that_do_not_fit_are_compared_as_before() -> None:
    """As when events lie thousands of years apart."""
    rows = [(0, BEGINNING, "a", {"p": "x"}), (0, ENDLESS - 1, "a", {"p": "y"}), (0, at(0), "a", {"p": "z"})]
    engine, oracle = clickhouse_and_oracle(rows)
    ends = [AggregateSpec(Events(("a",)), fn, "p") for fn in ("first", "last")]
    compare(engine, oracle, Questions(ends, [], None, ENDLESS))
