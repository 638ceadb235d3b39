"""The most frequent value: of few values each is counted by itself, of many all together, and both like the oracle."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.clickhouse import aggregate, tallies
from cdp.engine.events import Events
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
        told = [(profile, at(place), "a", {"p": value}) for place, (profile, value) in enumerate(rows)]
        engine, oracle = clickhouse_and_oracle(told)
        modes = [AggregateSpec(Events(("a",), where), "mode", "p", min_count=least) for where in (None, IS_LONG)]
        compare(engine, oracle, Questions(modes, [], None, at(1_000)))

    holds()


def test_few_values_are_asked_for_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one statement, and not pair by pair."""
    engine, _ = clickhouse_and_oracle([(0, at(0), "a", {"p": "x"})])
    monkeypatch.setattr(aggregate, "read_tallies", None)
    mode, count = engine.aggregates([AggregateSpec(Events(("a",)), fn, "p") for fn in ("mode", "count")], at(10))
    assert mode.decoded() == ["x"] and count.value.tolist() == [1]
