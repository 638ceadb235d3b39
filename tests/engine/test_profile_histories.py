"""Random histories: aggregates and conditions like the oracle's, whatever happened to the events.

`HISTORIES=5000 pytest tests/engine/test_profile_histories.py` looks further than the few examples of every day.
"""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.aggregates import MILLION, Aggregate, AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.columnar import compaction
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.conditions import (
    Condition,
    EventCondition,
    FirstEvent,
    LastEvent,
    Regular,
    SequenceCondition,
    SequenceStep,
    Without,
)
from cdp.engine.events import BEGINNING, ENDLESS, TIMESTAMP, Events, Prefix
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, OfProfile, Predicate, StepRef, Test
from tests.engine import reference_aggregates, reference_conditions
from tests.engine.reference import Reference, label
from tests.engine.story import attribute, batch
from tests.engine.test_histories import CHANGES, PREDICATES, PROFILES, TIMES, VALUES, Change

EXAMPLES = int(os.environ.get("HISTORIES", "50"))
EVERYBODY = range(1, 6)
# A profile of its own in the universe that never did anything.
NAMES = st.sampled_from([("a",), ("b",), ("c",), ("a", "b"), ("*",), ("z",), (Prefix("a"),), (Prefix(""),), ("c", Prefix("b"))])  # fmt: skip
PROPERTIES = st.sampled_from(["p", "p", "p", "q", "p.q", "", "unknown"])
WINDOWS = st.just((BEGINNING, ENDLESS)) | st.tuples(TIMES, st.integers(0, 14)).map(lambda w: (w[0], w[0] + w[1]))
OPERATIONS = st.one_of(
    st.tuples(st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), st.sampled_from([0, 1, 2, 3, 1.5, 0.1, -1, 10**13, 0.3333333])),
    st.tuples(st.just("between"), st.sampled_from([(0, 1), (1, 3), (0.5, 1.5), (2, 2)])),
)  # fmt: skip
EVENTS = st.builds(lambda names, where, window: Events(names, where, *window), NAMES, st.none() | PREDICATES, WINDOWS)
SPECS = st.one_of(
    st.builds(
        AggregateSpec,
        EVENTS,
        st.sampled_from(["count", "sum", "avg", "min", "max", "mode", "first", "last", "unique", "unique_list"]),
        PROPERTIES,
        st.sampled_from(["alphabetical", "most_recent"]),
        st.integers(1, 2),
    ),
    st.builds(AggregateSpec, EVENTS, st.just("count")),
    st.builds(AggregateSpec, EVENTS, st.sampled_from(["count", "min", "max", "first", "last"]), st.just(TIMESTAMP)),
)
GAPS = st.integers(0, 4)
SEQUENCE_STEPS = st.builds(
    SequenceStep, NAMES, st.none() | PREDICATES, st.just(0) | GAPS, st.none() | st.integers(0, 8)
)
PLAIN_STEPS = st.builds(SequenceStep, NAMES)


@st.composite
def plain_sequences(draw: st.DrawFn) -> SequenceCondition:
    """Names of their own, and a total time or longest gaps."""
    names = draw(st.permutations(["a", "b", "c"]))[: draw(st.integers(1, 3))]
    has_gaps = draw(st.booleans())
    gaps = st.none() | st.integers(0, 8) if has_gaps else st.none()
    steps = [SequenceStep((name,), draw(st.none() | PREDICATES), 0, draw(gaps)) for name in names]
    total = None if has_gaps else draw(st.none() | st.integers(0, 9))
    return SequenceCondition(tuple(steps), *draw(WINDOWS), total)


@st.composite
def sequences(draw: st.DrawFn) -> SequenceCondition:
    steps = draw(st.lists(SEQUENCE_STEPS, min_size=1, max_size=4) | st.lists(PLAIN_STEPS, min_size=2, max_size=4))
    start, end = draw(WINDOWS)
    exclusions = []
    for _ in range(draw(st.integers(0, 2)) if len(steps) > 1 else 0):
        after = draw(st.integers(0, len(steps) - 2))
        before = draw(st.integers(after + 1, len(steps) - 1))
        exclusions.append(Without(draw(NAMES), draw(st.none() | PREDICATES), after, before))
    return SequenceCondition(tuple(steps), start, end, draw(st.none() | st.integers(0, 9)), tuple(exclusions))


# What an event is compared with besides itself.
ABOUT_PROFILES = st.builds(
    lambda known, otherwise: OfProfile(
        np.array(sorted(known), np.int64), np.arange(len(known)), [known[one] for one in sorted(known)], otherwise
    ),
    st.dictionaries(PROFILES, VALUES),
    st.none() | VALUES,
)
SCALAR_OPS = st.sampled_from(["eq", "eq", "neq", "gt", "gte", "lt", "lte"])


def beside(others: st.SearchStrategy[Any]) -> st.SearchStrategy[Predicate]:
    tests = st.builds(Test, st.sampled_from(["p", "q", "p.q"]), SCALAR_OPS, others)
    items = st.builds(AnyItem, st.just("p"), st.builds(Test, st.just("value"), SCALAR_OPS, others))
    either = tests | tests | items
    return st.one_of(
        either, st.builds(Not, either), st.builds(AllOf, st.tuples(either, PREDICATES)),
        st.builds(AnyOf, st.tuples(PREDICATES, either)), st.builds(Not, st.builds(AllOf, st.tuples(either, either))),
    )  # fmt: skip


@st.composite
def tied_sequences(draw: st.DrawFn) -> SequenceCondition:
    """Steps compared with those before them, with profiles, or with both."""
    condition = draw(sequences().filter(lambda one: len(one.steps) > 1))

    def filtered(one: Any, before: int) -> Any:
        refs = st.builds(StepRef, st.integers(0, before - 1), st.sampled_from(["p", "q", "p.q"])) if before else None
        others = ABOUT_PROFILES if refs is None else st.one_of(refs, refs, ABOUT_PROFILES)
        return replace(one, where=draw(beside(others))) if draw(st.booleans()) else one

    steps = tuple(filtered(one, place) for place, one in enumerate(condition.steps))
    exclusions = tuple(filtered(one, one.after + 1) for one in condition.exclusions)
    return replace(condition, steps=steps, exclusions=exclusions)


BESIDE_PROFILES = beside(ABOUT_PROFILES)
EVENT_CONDITIONS = st.builds(
    lambda events, measure, how: EventCondition(events, *measure, *how),
    EVENTS,
    st.just(("count", None)) | st.tuples(st.sampled_from(["count", "sum", "avg", "min", "max", "unique"]), PROPERTIES),
    OPERATIONS,
)
CONDITIONS: st.SearchStrategy[Condition] = st.one_of(
    EVENT_CONDITIONS,
    st.builds(lambda events, window: FirstEvent(events, *window), EVENTS, WINDOWS),
    st.builds(LastEvent, EVENTS, PREDICATES),
    st.builds(
        lambda events, period, periods, least, how: Regular(events, period, periods, min(least, periods), *how),
        EVENTS,
        st.integers(1, 5),
        st.integers(1, 4),
        st.integers(1, 3),
        OPERATIONS,
    ),
    sequences(),
    sequences(),
    plain_sequences(),
    plain_sequences(),
    tied_sequences(),
    tied_sequences(),
    st.builds(LastEvent, EVENTS, BESIDE_PROFILES),
    st.builds(lambda events, where: EventCondition(replace(events, where=where)), EVENTS, BESIDE_PROFILES),
)


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows already make a table of their own, and the rare names share one."""
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", 3)


@dataclass(frozen=True)
class Questions:
    specs: list[AggregateSpec]
    conditions: list[Condition]
    profiles: list[int] | None
    as_of: int


QUESTIONS = st.builds(
    Questions,
    st.lists(SPECS, min_size=1, max_size=4),
    st.lists(CONDITIONS, min_size=1, max_size=4),
    st.none() | st.lists(PROFILES, max_size=3, unique=True).map(sorted),
    st.integers(0, 26),
)


def apply(writer: Any, change: Change, first_seq: int) -> int:
    """Returns the next free sequence number. What happens at one time is received in another order than it is sent."""
    if change.kind == "append":
        rows = batch(change.what, seqs=list(range(first_seq, first_seq + len(change.what))))
        writer.append(replace(rows, received=rows.ts + rows.seq * 7 % 3))
        return first_seq + len(change.what)
    if change.kind == "attribute":
        writer.set_attributes(attribute(*change.what))
    else:
        getattr(writer, change.kind)(change.what)
    return first_seq


@given(st.lists(CHANGES, min_size=1, max_size=12), QUESTIONS)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1_000, suppress_health_check=list(HealthCheck))
def test_the_engine_answers_like_the_oracle(changes: list[Change], questions: Questions) -> None:
    note(f"{changes=}\n{questions=}")
    with tempfile.TemporaryDirectory() as folder:
        engine, oracle, seq = ColumnarEngine(Path(folder)), Reference(), 1
        for change in changes:
            if change.kind == "compact":
                assert engine.compact()
            elif change.kind == "reopen":
                engine = ColumnarEngine(Path(folder))
            elif change.kind == "ask":
                compare(engine, oracle, questions)
            else:
                with engine.writing(1) as writer:
                    apply(writer, change, seq)
                    writer.commit({"seq": seq})
                seq = apply(oracle, change, seq)
        compare(engine, oracle, questions)
        assert engine.compact()
        compare(engine, oracle, questions)


def compare(engine: ColumnarEngine, oracle: Reference, questions: Questions) -> None:
    as_of, some = questions.as_of, questions.profiles
    wanted = None if some is None else np.array(some, np.int64)
    for spec, ours in zip(questions.specs, engine.aggregates(questions.specs, as_of, wanted), strict=True):
        assert_same(ours, reference_aggregates.aggregate(oracle, spec, as_of, some), spec)
    for condition in questions.conditions:
        expected = reference_conditions.members(oracle, condition, as_of, list(EVERYBODY) if some is None else some)
        assert among(engine, condition, as_of, wanted) == expected, condition


def among(engine: ColumnarEngine, condition: Condition, as_of: int, wanted: Ints | None) -> Sequence[int]:
    found = engine.members(condition, as_of, wanted)
    assert found.profile.tolist() == sorted(set(found.profile.tolist()))
    return (found.profile if wanted is not None else found.among(np.array(EVERYBODY))).tolist()


def assert_same(ours: Aggregate, theirs: dict[int, reference_aggregates.Came], spec: AggregateSpec) -> None:
    assert ours.profile.tolist() == list(theirs), spec
    assert ours.events.tolist() == [one.events for one in theirs.values()], spec
    assert ours.skipped.tolist() == [one.skipped for one in theirs.values()], spec
    assert ours.present.tolist() == [is_there(spec, one.value) for one in theirs.values()], spec
    if ours.unit == "scaled" and spec.fn not in ("first", "last"):
        values = [0 if one.value is None else int(one.value * MILLION) for one in theirs.values()]
        assert ours.value.tolist() == values, spec
    else:
        assert list(map(labels_of, ours.decoded())) == [
            labels_of(one.value if is_there(spec, one.value) else None) for one in theirs.values()
        ], spec
    if spec.fn in ("first", "last") and theirs:
        assert ours.ts is not None
        assert ours.ts.tolist() == [one.ts or 0 for one in theirs.values()], spec


def is_there(spec: AggregateSpec, value: Any) -> bool:
    return value is not None and value != []


def labels_of(value: Any) -> Any:
    return [label(one) for one in value] if isinstance(value, list) else label(value)
