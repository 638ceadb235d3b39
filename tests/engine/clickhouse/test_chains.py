"""Sequences and numbers of events that ClickHouse decides itself: the oracle's members, at every tie and edge."""

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse import sequences
from cdp.engine.clickhouse.asked import Question
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.conditions import Condition, EventCondition, SequenceCondition, SequenceStep
from cdp.engine.events import BEGINNING, ENDLESS, Events
from tests.engine import reference_conditions
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_and_oracle, clickhouse_engine
from tests.engine.story import at, happen
from tests.engine.test_histories import PROPERTIES
from tests.engine.test_profile_histories import plain_sequences

EXAMPLES = int(os.environ.get("HISTORIES", "15"))
# Few instants for many events, so that most of them share one.
EVENTS = st.tuples(st.integers(1, 3), st.integers(0, 6), st.sampled_from("abcd"), PROPERTIES)
COUNTS = st.builds(
    lambda name, op, value: EventCondition(Events((name,), None, BEGINNING, ENDLESS), "count", None, op, value),
    st.sampled_from("abz"),
    st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte"]),
    st.integers(0, 3),
)
EVERYBODY = np.arange(1, 5)  # and one who never did anything

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


def members(engine: ClickHouseEngine, condition: Condition, as_of: int) -> list[int]:
    return list(map(int, engine.members(condition, as_of).among(EVERYBODY)))


@given(
    st.lists(EVENTS, min_size=1, max_size=30),
    st.lists(plain_sequences() | COUNTS, min_size=3, max_size=6),
    st.integers(0, 9),
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_they_are_decided_like_the_oracle_decides(rows: list[Any], questions: list[Condition], as_of: int) -> None:
    note(f"{rows=}\n{questions=}\n{as_of=}")
    engine, oracle = clickhouse_and_oracle(rows)
    for condition in questions:
        expected = reference_conditions.members(oracle, condition, as_of, EVERYBODY.tolist())
        assert members(engine, condition, as_of) == expected, condition


def sequence(*names: str, total: int | None = None, gap: int | None = None) -> SequenceCondition:
    steps = tuple(SequenceStep((name,), None, 0, gap if place else None) for place, name in enumerate(names))
    return SequenceCondition(steps, BEGINNING, ENDLESS, total)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whom ClickHouse leaves to the kernel."""
    found: list[int] = []
    follow = sequences.followed

    def seen(question: Question, condition: SequenceCondition) -> Ints:
        found.extend([] if question.profiles is None else question.profiles.tolist())
        return follow(question, condition)

    monkeypatch.setattr(sequences, "followed", seen)
    return found


def test_only_those_are_followed_who_depend_on_the_order_of_one_instant(followed: list[int]) -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0 b@1", "2: a@2 b@2", "3: b@3 a@3", "4: b@0 a@1")
    assert members(engine, sequence("a", "b"), at(9)) == [1, 2]
    assert followed == [2, 3]
    followed.clear()
    assert members(engine, sequence("a", "b", total=at(1) - at(0)), at(1)) == [1] and not followed


def test_gaps_need_not_be_followed(followed: list[int]) -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0 b@2 c@4", "2: a@0 b@2 c@5", "3: a@0 a@4 b@5 b@6 c@8", "4: a@1 b@1 c@3")
    assert members(engine, sequence("a", "b", "c", gap=at(2) - at(0)), at(9)) == [1, 3, 4]
    assert followed == [4]


def test_a_robot_is_followed(followed: list[int]) -> None:
    """There are millions of ways to try a pattern for those who do the first steps thousands of times."""
    rows = [(profile, at(n), "ab"[n % 2], {}) for profile in (1, 2) for n in range(4_000)]
    engine, _ = clickhouse_and_oracle([*rows, (1, at(4_001), "c", {}), (2, at(7_000), "c", {}), (3, at(0), "a", {})])
    assert members(engine, sequence("a", "b", "c", gap=at(2_000) - at(0)), at(10_000)) == [1]
    assert followed == [2]
