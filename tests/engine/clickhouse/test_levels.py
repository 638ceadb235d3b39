"""Funnels that ClickHouse counts itself: the oracle's numbers, at every tie and edge."""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.clickhouse.levels import can_count
from cdp.engine.funnels import Exclusion, FunnelSpec, Step
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_and_oracle, clickhouse_engine
from tests.engine.story import at, funnel, happen
from tests.engine.test_histories import PLAIN_STEPS, PROPERTIES

EXAMPLES = int(os.environ.get("HISTORIES", "15"))
# Few instants for many events, so that most of them share one.
EVENTS = st.tuples(st.integers(1, 3), st.integers(0, 6), st.sampled_from("abcd"), PROPERTIES)
SPECS = st.builds(
    lambda steps, window, start, length: FunnelSpec(steps, "ordered", window, "unique", start, start + length, timed=False),
    PLAIN_STEPS.flatmap(lambda steps: st.integers(1, 3).map(lambda count: steps[:count])),
    st.integers(0, 7),
    st.integers(0, 4),
    st.integers(0, 7),
)  # fmt: skip

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


@given(st.lists(EVENTS, min_size=1, max_size=30), st.lists(SPECS, min_size=3, max_size=6), st.integers(0, 9))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, suppress_health_check=list(HealthCheck))
def test_they_are_counted_like_the_oracle_counts(rows: list, questions: list[FunnelSpec], as_of: int) -> None:
    note(f"{rows=}\n{questions=}\n{as_of=}")
    engine, oracle = clickhouse_and_oracle(rows)
    for spec in questions:
        assert can_count(spec)
        assert engine.funnel(spec, as_of) == oracle.funnel(spec, as_of), spec


def test_profiles_merges_and_voids_are_minded() -> None:
    engine = clickhouse_engine()
    happen(engine, "1: a@0", "2: b@1", "3: a@0 b@1", "4: a@0 b@1")
    asked = replace(funnel("a", "b"), timed=False)
    assert [step.count for step in engine.funnel(asked, at(9)).steps] == [3, 2]
    assert engine.funnel(replace(asked, profiles=funnel("a", profiles={3}).profiles), at(9)).converted == 1
    with engine.writing(1) as writer:
        writer.relink({2: 1})
        writer.forget([4])
        writer.commit({})
    assert [step.count for step in engine.funnel(asked, at(9)).steps] == [2, 2]


def test_other_funnels_are_not_counted_so() -> None:
    plain = replace(funnel("a", "b"), timed=False)
    assert can_count(plain)
    for other in (
        replace(plain, timed=True),
        replace(plain, mode="strict"),
        replace(plain, counting="totals"),
        replace(plain, steps=(Step(("a",)), Step(("a",)))),
        replace(plain, steps=(Step(("a",)), Step(("b",), None, 5))),
        replace(plain, exclusions=(Exclusion(("c",), None, 0, 1),)),
    ):
        assert not can_count(other)
