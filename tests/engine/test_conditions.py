"""Who fulfils a condition about events: every rule by hand, for the oracle and the engine."""

from datetime import UTC
from typing import Any

import numpy as np
import pytest

from cdp.engine.columnar import compaction
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.conditions import (
    Condition,
    EventCondition,
    FirstEvent,
    LastEvent,
    Members,
    Regular,
    SequenceCondition,
    SequenceStep,
    Without,
)
from cdp.engine.errors import NotSupported
from cdp.engine.events import TIMESTAMP, Events
from cdp.engine.predicates import StepRef, Test
from tests.engine.reference import Reference
from tests.engine.reference_conditions import members
from tests.engine.story import at, batch, happen

NOW = at(1_000)
EVERYBODY = [1, 2, 3, 4, 5]


def who(engine: Any, condition: Condition, now: int = NOW) -> list[int]:
    """Of profiles 1 to 5."""
    if isinstance(engine, Reference):
        return members(engine, condition, now, EVERYBODY)
    found: list[int] = engine.members(condition, now).among(np.array(EVERYBODY)).tolist()
    return found


def events(name: str, start: float = 0, end: float = 10_000, where: Test | None = None) -> Events:
    return Events((name,), where, at(start), at(end))


def seconds(
    *steps: str | SequenceStep, total: float | None = None, without: tuple[Without, ...] = ()
) -> SequenceCondition:
    some = tuple(one if isinstance(one, SequenceStep) else SequenceStep((one,)) for one in steps)
    return SequenceCondition(some, total=None if total is None else at(total), exclusions=without)


def near(name: str, least: float = 0, most: float | None = None) -> SequenceStep:
    return SequenceStep((name,), None, at(least), None if most is None else at(most))


def test_how_often(engine: Any) -> None:
    happen(engine, "1: a@1 a@2 a@3", "2: a@1", "3: b@1")
    assert who(engine, EventCondition(events("a"))) == [1, 2]
    assert who(engine, EventCondition(events("a"), op="gte", value=2)) == [1]
    assert who(engine, EventCondition(events("a", start=2), op="gte", value=2)) == [1]
    assert who(engine, EventCondition(events("a"), op="between", value=(1, 2))) == [2]


def test_few_or_none_includes_those_who_did_nothing(engine: Any) -> None:
    happen(engine, "1: a@1 a@2", "2: a@1", "3: b@1")
    assert who(engine, EventCondition(events("a"), op="eq", value=0)) == [3, 4, 5]
    assert who(engine, EventCondition(events("a"), op="lt", value=2)) == [2, 3, 4, 5]
    assert who(engine, EventCondition(events("a"), op="neq", value=1)) == [1, 3, 4, 5]
    assert who(engine, EventCondition(events("a"), op="neq", value=0)) == [1, 2]


def test_what_it_came_to(engine: Any) -> None:
    happen(engine, "1: a@1/p=10 a@2/p=20", "2: a@1/p=29.9", "3: a@1")
    assert who(engine, EventCondition(events("a"), "sum", "p", "gte", 30)) == [1]
    assert who(engine, EventCondition(events("a"), "sum", "p", "eq", 29.9)) == [2]
    assert who(engine, EventCondition(events("a"), "sum", "p", "lt", 1)) == [3, 4, 5]
    assert who(engine, EventCondition(events("a"), "avg", "p", "lt", 100)) == [1, 2]
    assert who(engine, EventCondition(events("a"), "avg", "p", "neq", 15)) == [2, 3, 4, 5]
    assert who(engine, EventCondition(events("a"), "max", "p", "gt", 20)) == [2]
    assert who(engine, EventCondition(events("a"), "unique", "p", "eq", 0)) == [3, 4, 5]


@pytest.mark.parametrize("large", [10**12, 10**13, 10**15, 10**16, 10**40], ids=str)
def test_compared_with_more_than_64_bits_of_millionths(engine: Any, large: int) -> None:
    """Nobody spends so much; most are below it, whatever is counted."""
    happen(engine, "1: a@0/p=9 a@1/p=9", "2: a@0/p=-3", "3: b@1")
    for fn, name in (("sum", "p"), ("max", "p"), ("count", None)):
        above, below = (
            EventCondition(events("a"), fn, name, "gt", large),
            EventCondition(events("a"), fn, name, "lt", large),
        )
        assert who(engine, above) == who(engine, EventCondition(events("a"), fn, name, "eq", large)) == []
        assert who(engine, below) == who(engine, EventCondition(events("a"), fn, name, "gt", -large))
        assert who(engine, below) == ([1, 2] if fn == "max" else EVERYBODY)
        assert who(engine, EventCondition(events("a"), fn, name, "between", (large, 2 * large))) == []
        assert who(engine, EventCondition(events("a"), fn, name, "lt", -large)) == []
    few = events("a", where=Test("p", "lt", large))
    assert who(engine, EventCondition(few, "count", None, "gte", 1)) == [1, 2]
    assert who(engine, Regular(events("a"), at(10), 1, 1, "gte", large)) == []


def test_the_very_first_event(engine: Any) -> None:
    happen(engine, "1: a@1 a@20", "2: a@20", "3: a@30")
    assert who(engine, FirstEvent(events("a"), at(10), at(30))) == [2]


def test_the_last_event(engine: Any) -> None:
    happen(engine, "1: a@1/p=5 a@2/p=6", "2: a@1/p=6 a@2/p=5", "3: a@9/p=6 b@10", "4: b@1/p=6")
    assert who(engine, LastEvent(events("a"), Test("p", "eq", 6))) == [1, 3]
    assert who(engine, LastEvent(events("a", end=9), Test("p", "eq", 6))) == [1]


def test_regular(engine: Any) -> None:
    """Periods of 10 s before 30 s: (20, 30], (10, 20], (0, 10]."""
    happen(engine, "1: a@5 a@15 a@25", "2: a@21 a@30 a@20.5", "3: a@20 a@30", "4: a@0 a@31")
    weekly = Regular(events("a"), at(10), 3, 2)
    assert who(engine, weekly, at(30)) == [1, 3]
    assert who(engine, Regular(events("a"), at(10), 3, 3), at(30)) == [1]
    assert who(engine, Regular(events("a"), at(10), 3, 1, "gte", 2), at(30)) == [2]
    assert who(engine, Regular(events("a"), at(10), 3, 3, "eq", 0), at(30)) == [4, 5]
    assert who(engine, Regular(events("a"), at(10), 3, 2, "neq", 1), at(30)) == [2, 4, 5]


def test_one_after_the_other(engine: Any) -> None:
    happen(engine, "1: a@1 b@2 c@3", "2: a@1 c@2 b@3", "3: b@1 a@2 b@3 b@4 c@5", "4: a@1 b@2")
    assert who(engine, seconds("a", "b", "c")) == [1, 3]
    assert who(engine, seconds("b", "b")) == [3]


def test_one_event_is_one_step(engine: Any) -> None:
    happen(engine, "1: a@1", "2: a@1 a@1")
    assert who(engine, seconds("a", "a")) == [2]


def test_gaps_are_inclusive(engine: Any) -> None:
    happen(engine, "1: a@0 b@10", "2: a@0 b@9.999999", "3: a@0 b@20", "4: a@0 b@20.000001")
    assert who(engine, seconds("a", near("b", 10, 20))) == [1, 3]


def test_a_sequence_is_not_greedy(engine: Any) -> None:
    """The first b is near its a, but only the second one has its c near."""
    happen(engine, "1: a@0 b@1 b@5 c@8", "2: a@0 b@1 c@8")
    assert who(engine, seconds("a", near("b", 0, 6), near("c", 0, 4))) == [1]


def test_the_whole_sequence_is_short_enough(engine: Any) -> None:
    happen(engine, "1: a@0 a@5 b@10", "2: a@0 b@10")
    assert who(engine, seconds("a", "b", total=5)) == [1]


def test_without_something_between(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 b@2", "2: a@0 x@1 a@2 b@3", "3: x@0 a@1 b@2 x@3", "4: a@0 b@1 x@2 c@3")
    clean = (Without(("x",), None, 0, 1),)
    assert who(engine, seconds("a", "b", without=clean)) == [2, 3, 4]
    assert who(engine, seconds("a", "b", "c", without=(Without(("x",), None, 0, 1),))) == [4]
    assert who(engine, seconds("a", "b", "c", without=(Without(("x",), None, 0, 2),))) == []


def test_a_step_on_the_way_may_be_what_is_excluded(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 c@2")
    assert who(engine, seconds("a", "b", "c", without=(Without(("b",), None, 0, 2),))) == []
    assert who(engine, seconds("a", "b", "c", without=(Without(("b",), None, 0, 1),))) == [1]


def test_events_of_one_instant_have_an_order(engine: Any) -> None:
    rows = batch([(1, at(5), "a", {}), (1, at(5), "b", {}), (2, at(5), "a", {}), (2, at(5), "b", {})])
    rows.received[:] = [10, 20, 20, 10]
    with engine.writing(1) as writer:
        writer.append(rows)
        writer.commit({})
    assert who(engine, seconds("a", "b")) == [1]
    assert who(engine, seconds("b", "a")) == [2]


def test_only_some_profiles(storing: Any) -> None:
    happen(storing, "1: a@1", "2: a@1", "3: b@1")
    some = np.array([2, 3, 9])
    assert storing.members(EventCondition(events("a")), NOW, some).profile.tolist() == [2]
    assert storing.members(EventCondition(events("a"), op="eq", value=0), NOW, some).profile.tolist() == [3, 9]
    assert storing.members(seconds("a"), NOW, some).profile.tolist() == [2]


def test_only_some_profiles_of_a_folded_table(columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows of a profile begin in the table says nothing about rows that were picked from it."""
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", 1)
    happen(columnar, "1: a@1 a@2 b@3", "2: a@1 b@2", "3: b@1 a@2", "4: a@1 a@2 a@3 b@4", "5: b@1")
    assert columnar.compact()
    for steps, does in ((("a",), [1, 2, 3, 4]), (("a", "b"), [1, 2, 4]), (("b", "a"), [3])):
        for some in ([2], [1, 4], [3, 4, 5], [5], [1, 2, 3, 4, 5], [4]):
            found = columnar.members(seconds(*steps, total=100), NOW, np.array(some, np.int64))
            assert found.profile.tolist() == [one for one in some if one in does], (steps, some)


@pytest.mark.parametrize("own_table_rows", [1, 1_000])
def test_some_profiles_of_a_folded_table_whose_steps_are_compared(
    columnar: ColumnarEngine, monkeypatch: pytest.MonkeyPatch, own_table_rows: int
) -> None:
    """Among those asked about, the ones with likely chains are picked once more."""
    monkeypatch.setattr(compaction, "OWN_TABLE_ROWS", own_table_rows)
    same = Test("p", "eq", StepRef(0, "p"), UTC)
    condition = seconds("a", SequenceStep(("b",), same), without=(Without(("x",), None, 0, 1),))
    values = {1: (7, 7), 2: (7, 8), 3: (8, 8), 4: (9, 9), 5: (9, 7)}
    rows = [(who, at(step), "ab"[step], {"p": value}) for who in values for step, value in enumerate(values[who])]
    with columnar.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})
    assert columnar.compact()
    for some in ([3], [2, 3], [4, 5], [1, 3, 4], [5], EVERYBODY):
        found = columnar.members(condition, NOW, np.array(some, np.int64))
        assert found.profile.tolist() == [one for one in some if one in (1, 3, 4)], some


def test_many_events_of_many_profiles(storing: Any) -> None:
    """More than one range of people, and more events than the buffers begin with."""
    rows = [
        (1 + row % 5 if row % 3 else 100 + row % 9_000, row * 1_000, "abc"[row % 7 % 3], {}) for row in range(30_000)
    ]
    oracle = Reference()
    for one_engine in (storing, oracle):
        with one_engine.writing(1) as writer:
            writer.append(batch(rows, seqs=list(range(1, len(rows) + 1))))
            writer.commit({})
    assert storing.compact()
    universe = sorted({row[0] for row in rows})
    found = storing.members(seconds("a", near("b", 0.5, 12), "c"), NOW)
    expected = members(oracle, seconds("a", near("b", 0.5, 12), "c"), NOW, universe[5:])
    assert found.profile[found.profile > 5].tolist() == expected
    assert found.profile[:5].tolist() == EVERYBODY


def test_a_complement() -> None:
    universe = np.array([1, 2, 3])
    assert Members(np.array([2, 9]), is_complement=True).among(universe).tolist() == [1, 3]
    assert Members(np.empty(0, np.int64), is_complement=True).among(universe).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "condition",
    [
        EventCondition(events("a"), "sum", None),
        EventCondition(events("a"), "max", TIMESTAMP),
        EventCondition(events("a"), op="between", value=1),
        EventCondition(events("a"), op="gte", value=(1, 2)),
        Regular(events("a"), 0, 3, 1),
        Regular(events("a"), 10, 3, 4),
        seconds("a", "b", without=(Without(("x",), None, 1, 1),)),
        seconds(),
    ],
)
def test_it_refuses_what_makes_no_sense(storing: Any, condition: Condition) -> None:
    with pytest.raises(NotSupported):
        storing.members(condition, NOW)
