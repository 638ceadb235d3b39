"""Random histories: whatever happens to the events, the engine answers like the oracle.

`HISTORIES=5000 pytest tests/engine/test_histories.py` looks further than the few examples of every day.
"""

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from cdp.engine.columnar import compaction
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.funnels import Breakdown, ByAttribute, ByGroups, ByProperty, Exclusion, FunnelSpec, Step
from cdp.engine.predicates import AllOf, AnyOf, Not, Predicate, Test
from cdp.engine.timeline import AttributeValue
from tests.engine.reference import Reference
from tests.engine.story import attribute, batch

EXAMPLES = int(os.environ.get("HISTORIES", "50"))
TIMES = st.integers(0, 12)
PROFILES = st.integers(1, 4)
VALUES = st.sampled_from([0, 1, 2, 1.5, 0.1, 1 / 3, 10**13, 2**70, "1", "x", "Xy", "", True, False, None, [], ["x", 1], {"q": 1}, {"q": None}, -1e300])  # fmt: skip
PROPERTIES = st.dictionaries(st.sampled_from(["p", "q", "p.q", ""]), VALUES, max_size=2)
ROWS = st.lists(st.tuples(PROFILES, TIMES, st.sampled_from("aaabbcd"), PROPERTIES), min_size=1, max_size=6)

TESTS = st.one_of(
    st.builds(Test, st.sampled_from(["p", "q", "p.q"]), st.sampled_from(["exists", "not_exists"])),
    st.builds(Test, st.sampled_from(["p", "p.q"]), st.sampled_from(["eq", "neq"]), st.sampled_from([1, 1.5, "1", "x", True, 1 / 3, 10**13])),
    st.builds(Test, st.just("p"), st.sampled_from(["gt", "gte", "lt", "lte"]), st.sampled_from([1, 1.25, "1.5", "x", 10**30, -1])),
    st.builds(Test, st.just("p"), st.sampled_from(["in", "not_in", "has_any", "has_all", "has_none"]), st.sampled_from([(1, "x"), ("1", False)])),
    st.builds(Test, st.just("p"), st.sampled_from(["between", "not_between"]), st.sampled_from([(0.5, 1.5), (-1, 1.4999999), ("a", "y")])),
    st.builds(Test, st.just("p"), st.sampled_from(["contains", "starts_with", "ends_with", "matches", "not_matches"]), st.sampled_from(["x", "1", "Y"])),
    st.builds(Test, st.just("p"), st.sampled_from(["within_last", "older_than"]), st.sampled_from(["PT1S", "PT0.000005S"])),
)  # fmt: skip
PREDICATES: st.SearchStrategy[Predicate] = st.one_of(
    TESTS,
    st.builds(Not, TESTS),
    st.builds(AllOf, st.tuples(TESTS, TESTS)),
    st.builds(AnyOf, st.tuples(TESTS, TESTS)),
)
STEPS = st.builds(
    Step,
    st.sampled_from([("a",), ("b",), ("c",), ("a", "b"), ("*",), ("z",)]),
    st.none() | PREDICATES,
    st.none() | st.integers(0, 6),
)


# Steps of different events without gaps have a kernel of their own.
PLAIN_STEPS = st.permutations("abcd").flatmap(
    lambda names: st.tuples(*(st.builds(Step, st.just((name,)), st.none() | PREDICATES) for name in names[:3]))
)


@st.composite
def exclusions(draw: st.DrawFn, steps: int) -> Exclusion:
    after = draw(st.integers(0, steps - 2))
    before = draw(st.integers(after + 1, steps - 1))
    return Exclusion(draw(st.sampled_from([("d",), ("b", "d"), ("*",)])), draw(st.none() | PREDICATES), after, before)


ATTRIBUTIONS = st.sampled_from(["first_touch", "last_touch", "all_steps"])
NAMES = st.sampled_from(["p", "q", "p.q", "", "unknown"])
NAMED_VALUES = st.sampled_from([(), (1,), ("x", 1.5), (True, "never seen", 0)])
GROUPS = st.dictionaries(PROFILES, VALUES).map(lambda of: ByGroups(np.array(list(of), np.int64), list(of.values())))


@st.composite
def breakdowns(draw: st.DrawFn, steps: int, mode: str) -> Breakdown:
    by = st.builds(ByProperty, NAMES, ATTRIBUTIONS) | st.builds(ByAttribute, st.sampled_from("xyz")) | GROUPS
    if mode != "any_order":
        by |= st.builds(ByProperty, NAMES, st.just("step"), st.integers(0, steps - 1))
    return Breakdown(draw(by), draw(st.integers(1, 3)), draw(st.none() | NAMED_VALUES))


@st.composite
def specs(draw: st.DrawFn) -> FunnelSpec:
    start = draw(st.integers(0, 6))
    steps = tuple(draw(PLAIN_STEPS | st.lists(STEPS, min_size=1, max_size=4)))
    mode = draw(st.sampled_from(["ordered", "ordered", "strict", "any_order"]))
    if mode == "any_order":
        steps = tuple(replace(step, max_gap=None) for step in steps)
    counting = draw(st.sampled_from(["unique", "totals"]))
    excluded = (mode, counting) != ("any_order", "totals") and len(steps) > 1
    return FunnelSpec(
        steps=steps,
        mode=mode,
        window=draw(st.integers(0, 12)),
        counting=counting,
        start=start,
        end=start + draw(st.integers(0, 12)),
        exclusions=tuple(draw(st.lists(exclusions(len(steps)), max_size=2))) if excluded else (),
        profiles=draw(
            st.none() | st.frozensets(PROFILES, max_size=3).map(lambda some: np.array(sorted(some), np.int64))
        ),
        breakdown=draw(st.none() | breakdowns(len(steps), mode)),
    )


@dataclass(frozen=True)
class Change:
    """One thing that happens: `kind` names it, `what` is its argument."""

    kind: str
    what: Any = None


CHANGES = st.one_of(
    st.builds(Change, st.just("append"), ROWS),
    st.builds(Change, st.just("append"), ROWS),
    st.builds(Change, st.just("append"), ROWS),
    st.builds(Change, st.just("relink"), st.dictionaries(PROFILES, PROFILES, min_size=1, max_size=2)),
    st.builds(Change, st.just("retract"), st.sets(st.integers(1, 20), min_size=1, max_size=3)),
    st.builds(Change, st.just("forget"), st.sets(PROFILES, min_size=1, max_size=1)),
    st.builds(Change, st.just("purge"), TIMES),
    st.builds(Change, st.just("attribute"), st.tuples(PROFILES, st.sampled_from("xy"), VALUES, TIMES)),
    st.just(Change("compact")),
    st.just(Change("reopen")),
    st.just(Change("ask")),
)


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows already make a table of their own, and the rare names share one."""
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", 3)


def apply(writer: Any, change: Change, first_seq: int) -> int:
    """Returns the next free sequence number."""
    if change.kind == "append":
        writer.append(batch(change.what, seqs=list(range(first_seq, first_seq + len(change.what)))))
        return first_seq + len(change.what)
    if change.kind == "attribute":
        writer.set_attributes(attribute(*change.what))
    else:
        getattr(writer, change.kind)(change.what)
    return first_seq


@given(st.lists(CHANGES, min_size=1, max_size=12), st.lists(specs(), min_size=1, max_size=3), st.integers(0, 26))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 1_000, suppress_health_check=list(HealthCheck))
def test_the_engine_answers_like_the_oracle(changes: list[Change], questions: list[FunnelSpec], as_of: int) -> None:
    note(f"{changes=}\n{questions=}\n{as_of=}")
    with tempfile.TemporaryDirectory() as folder:
        engine, oracle, seq = ColumnarEngine(Path(folder)), Reference(), 1
        for change in changes:
            if change.kind == "compact":
                assert engine.compact()
            elif change.kind == "reopen":
                engine = ColumnarEngine(Path(folder))
            elif change.kind == "ask":
                compare(engine, oracle, questions, as_of)
            else:
                with engine.writing(1) as writer:
                    apply(writer, change, seq)
                    writer.commit({"seq": seq})
                seq = apply(oracle, change, seq)
        compare(engine, oracle, questions, as_of)
        assert engine.compact()
        compare(engine, oracle, questions, as_of)
        assert engine.check() == []


def compare(engine: ColumnarEngine, oracle: Reference, questions: list[FunnelSpec], as_of: int) -> None:
    for spec in questions:
        ours, theirs = engine.funnel_people(spec, as_of), oracle.funnel_people(spec, as_of)
        assert ours.profile.tolist() == theirs.profile.tolist()
        assert ours.depth.tolist() == theirs.depth.tolist()
        assert ours.step_ts.tolist() == theirs.step_ts.tolist()
        assert engine.funnel(spec, as_of) == oracle.funnel(spec, as_of)
        if spec.breakdown is not None:
            assert ours.groups == theirs.groups
            assert ours.group is not None and theirs.group is not None
            assert ours.group.tolist() == theirs.group.tolist()
        edges, whole = (0, 4, 5, 9, 14), replace(spec, breakdown=None)
        assert engine.trend(whole, edges, as_of) == oracle.trend(whole, edges, as_of)
    for profile in range(1, 5):
        ours_seen = engine.timeline(profile, as_of, 5)
        assert ours_seen == oracle.timeline(profile, as_of, 5)
        if ours_seen:
            before = ours_seen[-1].position
            assert engine.timeline(profile, as_of, 3, before) == oracle.timeline(profile, as_of, 3, before)
        assert settled(engine.attributes(profile)) == settled(oracle.attributes(profile))
    catalog = {event.name: (event.count, event.profiles) for event in engine.catalog(3, as_of).events}
    assert catalog == oracle.counts(3, as_of)
    assert engine.census(as_of) == oracle.census(as_of)
    properties = {
        (event.name, one.name): (one.count, one.types)
        for event in engine.catalog(3, as_of).events
        for one in event.properties
    }
    assert properties == oracle.properties(3, as_of)
    for ours_all, theirs_all in (
        (engine.activity(as_of), oracle.activity(as_of)),
        (engine.daily(3, 11, as_of, offset=-5), oracle.daily(3, 11, as_of, offset=-5)),
    ):
        assert [one.tolist() for one in vars(ours_all).values()] == [one.tolist() for one in vars(theirs_all).values()]


def settled(history: dict[str, tuple[AttributeValue, ...]]) -> dict[str, list[AttributeValue]]:
    """Values that two merged profiles got at the same instant have no order."""
    return {name: sorted(values, key=lambda one: (one.ts, repr(one.value))) for name, values in history.items()}
