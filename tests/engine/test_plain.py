"""The kernels of funnels whose steps have events of their own: wherever their work is cut, and however they find rows."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.engine.columnar import step_streams, walk
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.tally import middle
from cdp.engine.funnels import Breakdown, ByGroups, ByProperty, Exclusion, Step
from cdp.engine.predicates import Test
from tests.engine.reference import Reference
from tests.engine.story import at, batch, funnel, happen

GIVEN: list[dict[str, Any]] = [{}, {"p": 1}, {"p": "x"}, {"p": ""}, {"p": None}, {"p": ["x"]}]
EVENTS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 30), st.sampled_from("aabbcd"), st.sampled_from(GIVEN)),
    min_size=1,
    max_size=40,
)
GROUPS = ByGroups(np.array([3, 1]), ["one", "two"])
STEPS = st.lists(st.sampled_from("abcdz"), min_size=1, max_size=4, unique=True)


@pytest.fixture(params=[0, 1_000], ids=["rows are searched for", "rows are known"])
def cut_anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "ROWS_PER_RANGE", 1)
    monkeypatch.setattr("cdp.engine.columnar.tally.ROWS_PER_RANGE", 1)
    monkeypatch.setattr("cdp.engine.columnar.plain_breakdown.ROWS_PER_RANGE", 1)
    monkeypatch.setattr("cdp.engine.columnar.touches.PEOPLE_PER_RANGE", 1)
    monkeypatch.setattr(step_streams, "PROFILES_PER_ROW", request.param)


@pytest.mark.usefixtures("cut_anywhere")
@settings(deadline=None, max_examples=60, derandomize=True)
@given(EVENTS, STEPS, st.booleans(), st.integers(0, 12), st.integers(0, 35))
def test_it_answers_like_the_oracle(
    events: list[Any], names: list[str], is_filtered: bool, window: int, as_of: int
) -> None:
    steps = [Step((name,), Test("p", "exists") if is_filtered and place % 2 else None) for place, name in
             enumerate(names)]  # fmt: skip
    spec = replace(funnel(*steps), window=window, start=4, end=25, profiles=np.array([1, 2, 3, 5]))
    with tempfile.TemporaryDirectory() as folder:
        engine, oracle = ColumnarEngine(Path(folder)), Reference()
        with engine.writing(1) as writer:
            writer.append(batch(events))
            writer.commit({})
        oracle.append(batch(events))
        for _ in range(2):
            for asked in (spec, replace(spec, timed=False), replace(spec, counting="totals")):
                assert engine.funnel(asked, as_of) == oracle.funnel(asked, as_of)
                edges = (0, 6, 7, 15, 40)
                assert engine.trend(asked, edges, as_of) == oracle.trend(asked, edges, as_of)
            for by in (ByProperty("p", "first_touch"), ByProperty("p", "last_touch"), GROUPS):
                asked = replace(spec, breakdown=Breakdown(by, 1))
                assert engine.funnel(asked, as_of) == oracle.funnel(asked, as_of)
            ours, theirs = engine.funnel_people(spec, as_of), oracle.funnel_people(spec, as_of)
            assert ours.profile.tolist() == theirs.profile.tolist()
            assert ours.step_ts.tolist() == theirs.step_ts.tolist()
            assert engine.compact()


@pytest.mark.usefixtures("cut_anywhere")
@settings(deadline=None, max_examples=80, derandomize=True)
@given(EVENTS, STEPS.filter(lambda names: len(names) > 1), st.booleans(), st.integers(0, 12), st.data())
def test_strict_order_and_exclusions_answer_like_the_oracle(
    events: list[Any], names: list[str], is_filtered: bool, window: int, data: st.DataObject
) -> None:
    """Where steps have events of their own; at instants that are mostly apart, as in life."""
    events = [(profile, 40 * ts + place, *rest) for place, (profile, ts, *rest) in enumerate(events)]
    where = Test("p", "exists") if is_filtered else None
    spec = replace(
        funnel(Step((names[0],)), *(Step((name,), where) for name in names[1:])), window=40 * window, end=1_000
    )
    before = data.draw(st.integers(1, len(names) - 1))
    excluded = Exclusion((data.draw(st.sampled_from("cd")),), where, data.draw(st.integers(0, before - 1)), before)
    with tempfile.TemporaryDirectory() as folder:
        engine, oracle = ColumnarEngine(Path(folder)), Reference()
        with engine.writing(1) as writer:
            writer.append(batch(events))
            writer.commit({})
        oracle.append(batch(events))
        for _ in range(2):
            for mode, counting, exclusions in (
                ("strict", "unique", ()),
                ("ordered", "unique", (excluded,)),
                ("ordered", "totals", (excluded,)),
                ("strict", "unique", (excluded,)),
            ):
                asked = replace(spec, mode=mode, counting=counting, exclusions=exclusions)
                ours, theirs = engine.funnel_people(asked, 1_200), oracle.funnel_people(asked, 1_200)
                assert ours.profile.tolist() == theirs.profile.tolist()
                assert ours.step_ts.tolist() == theirs.step_ts.tolist()
                assert engine.funnel(asked, 700) == oracle.funnel(asked, 700)
            assert engine.compact()


def test_without_times_only_counts_are_given(engine: Any) -> None:
    happen(engine, "1: a@0 b@2", "2: a@0")
    asked = replace(funnel("a", "b"), timed=False)
    answer = engine.funnel(asked, at(1_000))
    assert [(step.count, step.average_us, step.median_us) for step in answer.steps] == [
        (2, None, None),
        (1, None, None),
    ]
    assert (answer.converted, answer.average_us, answer.median_us) == (1, None, None)


def test_attempts_without_times_are_counted_too(engine: Any) -> None:
    happen(engine, "1: a@0 b@2 a@3 b@4")
    asked = replace(funnel("a", "b", counting="totals"), timed=False)
    answer = engine.funnel(asked, at(1_000))
    assert (answer.converted, answer.average_us, answer.steps[1].average_us) == (2, None, None)


def test_the_median_lies_between_two() -> None:
    assert middle(np.array([5, 1, 2, 4])) == (3.0, 3.0)
    assert middle(np.array([9, 1, 2])) == (4.0, 2.0)
    assert middle(np.empty(0, np.int64)) == (None, None)
