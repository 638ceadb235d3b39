"""Breakdowns and trends, rule by rule, on the oracle and on the engine."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import NotSupported
from cdp.engine.funnels import OTHER, Attribution, Breakdown, ByAttribute, ByGroups, ByProperty, Step
from cdp.engine.predicates import Test
from tests.engine.story import at, attribute, batch, funnel, happen

LATER = at(10_000)
Row = tuple[int, float, str, dict[str, Any]]


def record(engine: Any, *rows: Row) -> None:
    with engine.writing(1) as writer:
        writer.append(batch([(profile, at(when), name, given) for profile, when, name, given in rows]))
        writer.commit({})


def by(attribution: Attribution = "first_touch", step: int | None = None, limit: int = 10) -> Breakdown:
    return Breakdown(ByProperty("p", attribution, step), limit)


def groups(engine: Any, breakdown: Breakdown, *steps: Any, **options: Any) -> list[tuple[Any, list[int]]]:
    answer = engine.funnel(funnel(*(steps or ("a", "b")), breakdown=breakdown, **options), LATER)
    return [(one.value, [step.count for step in one.answer.steps]) for one in answer.breakdown]


def test_first_touch_is_the_first_value_that_is_there(engine: Any) -> None:
    record(engine, (1, 0, "a", {}), (1, 1, "b", {"p": "meta"}), (1, 2, "a", {"p": "google"}), (2, 0, "a", {"p": ""}))
    assert groups(engine, by()) == [("meta", [1, 1]), (None, [1, 0])]
    assert groups(engine, by("last_touch")) == [("google", [1, 1]), (None, [1, 0])]


def test_only_events_that_match_a_step_are_touches(engine: Any) -> None:
    record(engine, (1, 0, "z", {"p": "z"}), (1, 1, "a", {"p": 1}), (1, 2, "a", {"p": 2, "good": True}), (1, 3, "b", {}))
    good = Step(("a",), Test("good", "exists"))
    assert groups(engine, by(), good, "b") == [(2, [1, 1])]


def test_touches_outside_the_range_count(engine: Any) -> None:
    record(engine, (1, 0, "a", {"p": "early"}), (1, 20, "a", {"p": "in"}), (1, 900, "b", {"p": "late"}))
    assert groups(engine, by(), start=10, end=30) == [("early", [1, 0])]
    assert groups(engine, by("last_touch"), start=10, end=30) == [("late", [1, 0])]


def test_the_value_at_a_step_may_be_missing_from_compacted_events(engine: Any) -> None:
    record(engine, (1, 0, "a", {}), (2, 0, "a", {"p": "x"}), (3, 0, "a", {}))
    for _ in range(2):
        assert groups(engine, by("step", 0), "a") == [("x", [1]), (None, [2])]
        engine.compact()


def test_a_sequence_is_never_grouped_by_its_value(engine: Any) -> None:
    record(engine, (1, 0, "a", {"p": "x"}), (1, 1, "b", {"p": "y"}))
    assert groups(engine, by()) == [("x", [1, 1])]


def test_zero_and_false_are_values_and_missing_is_a_group(engine: Any) -> None:
    given: list[Any] = [0, False, None, "", [], {}, 1, 1.0, True, "1"]
    record(engine, *((profile, 0, "a", {"p": value}) for profile, value in enumerate(given)), (99, 0, "a", {}))
    found = groups(engine, by())
    assert [(type(value), value) for value, _ in found] == [(int, 1), (bool, False), (bool, True), (int, 0), (str, "1"), (type(None), None)]  # fmt: skip
    assert [counts[0] for _, counts in found] == [2, 1, 1, 1, 1, 5]


@pytest.mark.parametrize("attribution", ["first_touch", "last_touch"])
def test_beyond_the_limit_is_other_and_the_groups_add_up(engine: Any, attribution: Attribution) -> None:
    rows = [(profile, 0, "a", {"p": f"v{profile % 5}"} if profile % 7 else {}) for profile in range(1, 40)]
    record(engine, *rows, *((profile, 1, "b", {"p": "v0"}) for profile in range(1, 40, 3)))
    found = groups(engine, by(attribution, limit=2))
    assert [value for value, _ in found][2:] == [None, OTHER]
    whole = engine.funnel(funnel("a", "b"), LATER)
    assert [sum(counts[step] for _, counts in found) for step in (0, 1)] == [one.count for one in whole.steps]


def test_step_takes_the_value_at_that_step_and_leaves_out_who_did_not_reach_it(engine: Any) -> None:
    record(
        engine,
        (1, 0, "a", {"p": "x"}),
        (1, 1, "b", {"p": "y"}),
        (2, 0, "a", {"p": "x"}),
        (3, 0, "a", {}),
        (3, 1, "b", {}),
    )
    assert groups(engine, by("step", 0)) == [("x", [2, 1]), (None, [1, 1])]
    assert groups(engine, by("step", 1)) == [("y", [1, 1]), (None, [1, 1])]


def test_all_steps_asks_the_funnel_once_per_value(engine: Any) -> None:
    record(
        engine,
        (1, 0, "a", {"p": "x"}),
        (1, 1, "b", {"p": "y"}),
        (1, 2, "a", {"p": "y"}),
        (1, 3, "b", {"p": "y"}),
        (2, 0, "a", {}),
        (2, 1, "b", {}),
    )
    assert groups(engine, by("all_steps")) == [("x", [1, 0]), ("y", [1, 1]), (None, [1, 1])]
    people = engine.funnel_people(funnel("a", "b", breakdown=by("all_steps")), LATER)
    assert (people.profile.tolist(), people.group.tolist(), people.groups) == ([1, 1, 2], [0, 1, 2], ("x", "y", None))


def test_totals_are_grouped_by_attempt_at_a_step_and_by_user_at_a_touch(engine: Any) -> None:
    record(engine, (1, 0, "a", {"p": "x"}), (1, 1, "b", {}), (1, 2, "a", {"p": "y"}), (1, 3, "b", {}))
    assert groups(engine, by("step", 0), counting="totals") == [("x", [1, 1]), ("y", [1, 1])]
    assert groups(engine, by(), counting="totals") == [("x", [2, 2])]


def test_ties_of_touches_are_broken_by_reception_and_number(engine: Any) -> None:
    rows: list[Any] = [(1, 0, "b", {"p": "second"}), (1, 0, "a", {"p": "first"})]
    with engine.writing(1) as writer:
        late = batch(rows, seqs=[1, 2])
        writer.append(replace(late, received=np.array([9, 5])))
        writer.commit({})
    assert groups(engine, by())[0][0] == "first"
    assert groups(engine, by("last_touch"))[0][0] == "second"


def test_by_attribute_as_it_is_now(engine: Any) -> None:
    happen(engine, "1: a@0 b@1", "2: a@0", "3: a@0 b@1")
    with engine.writing(1) as writer:
        for profile, value, since in ((1, "old", 0), (1, "new", 5), (2, "gone", 1), (2, None, 2), (9, "new", 0)):
            writer.set_attributes(attribute(profile, "tier", value, at(since)))
        writer.relink({9: 3})
        writer.commit({})
    assert groups(engine, Breakdown(ByAttribute("tier"))) == [("new", [2, 2]), (None, [1, 0])]
    early = engine.funnel(funnel("a", "b", breakdown=Breakdown(ByAttribute("tier"))), at(3))
    assert [one.value for one in early.breakdown] == ["new", "old", None]


def test_by_groups_given_with_the_question(engine: Any) -> None:
    happen(engine, "1: a@0 b@1", "2: a@0", "3: a@0 b@1")
    given = ByGroups(np.array([1, 2, 77]), ["in", "in", "out"])
    assert groups(engine, Breakdown(given)) == [("in", [2, 1]), (None, [1, 1])]


@pytest.mark.parametrize("attribution", ["first_touch", "all_steps"])
def test_named_values_get_the_groups_even_where_nobody_entered(engine: Any, attribution: Attribution) -> None:
    seen = ["meta", "meta", "meta", "google", None, "tiktok"]
    record(engine, *((profile, 0, "a", {"p": value}) for profile, value in enumerate(seen)))
    named = replace(by(attribution), values=("google", "bing"))
    assert groups(engine, named) == [("google", [1, 0]), ("bing", [0, 0]), (None, [1, 0]), (OTHER, [4, 0])]
    nothing = replace(by(attribution), values=())
    assert groups(engine, nothing) == [(None, [1, 0]), (OTHER, [5, 0])]


@pytest.mark.parametrize(
    ("breakdown", "mode"),
    [
        (by("step", 0), "any_order"),
        (by("step", 2), "ordered"),
        (by("step"), "ordered"),
        (by(limit=0), "ordered"),
        (replace(by(), values=("x", None)), "ordered"),
    ],
)
def test_breakdowns_that_mean_nothing_are_refused(columnar: ColumnarEngine, breakdown: Breakdown, mode: Any) -> None:
    with pytest.raises(NotSupported, match=r"\.$"):
        columnar.funnel(funnel("a", "b", mode=mode, breakdown=breakdown), LATER)


# -- trend -------------------------------------------------------------------------------------------------------


def trend(engine: Any, *edges: float, as_of: float = 10_000, **options: Any) -> list[list[int]]:
    buckets = engine.trend(funnel("a", "b", **options), [at(edge) for edge in edges], at(as_of))
    return [[step.count for step in bucket.answer.steps] for bucket in buckets]


def test_a_user_counts_once_in_every_bucket_entered(engine: Any) -> None:
    happen(engine, "1: a@1 a@2 b@3 a@12 a@22 b@23", "2: a@5 b@25")
    assert trend(engine, 0, 10, 20, 30) == [[2, 2], [1, 1], [1, 1]]


def test_later_steps_may_fall_into_later_buckets(engine: Any) -> None:
    happen(engine, "1: a@9 b@11")
    assert trend(engine, 0, 10, 20) == [[1, 1], [0, 0]]


def test_only_entries_of_the_range_count_in_the_first_and_last_bucket(engine: Any) -> None:
    happen(engine, "1: a@1 b@2", "2: a@5 b@6", "3: a@19 b@20")
    assert trend(engine, 0, 10, 20, start=4, end=15) == [[1, 1], [0, 0]]


def test_an_attempt_counts_where_it_opened(engine: Any) -> None:
    happen(engine, "1: a@8 a@12 b@13 a@14 b@15")
    assert trend(engine, 0, 10, 20, counting="totals") == [[1, 1], [1, 1]]


def test_buckets_whose_window_is_still_open_are_marked(engine: Any) -> None:
    happen(engine, "1: a@1")
    spec, edges = funnel("a", "b", window=5), [at(0), at(10), at(20)]
    assert [bucket.is_open for bucket in engine.trend(spec, edges, at(15) - 1)] == [True, True]
    assert [bucket.is_open for bucket in engine.trend(spec, edges, at(15))] == [False, True]


def test_buckets_out_of_order_are_refused(columnar: ColumnarEngine) -> None:
    with pytest.raises(NotSupported, match=r"\.$"):
        columnar.trend(funnel("a"), [0, 10, 10], LATER)
