"""Ordered funnels of unique users, rule by rule (docs: what every number means), on the oracle and on the engine."""

from dataclasses import replace
from typing import Any

import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.errors import NotSupported
from cdp.engine.funnels import Exclusion, Step
from cdp.engine.predicates import Test
from tests.engine.story import at, funnel, happen

LATER = at(10_000)


def depth(engine: Any, *steps: Any, as_of: int = LATER, **options: Any) -> int:
    """How far the only profile gets."""
    people = engine.funnel_people(funnel(*steps, **options), as_of)
    return int(people.depth[0]) if len(people.depth) else 0


def times(engine: Any, *steps: Any, **options: Any) -> list[float]:
    people = engine.funnel_people(funnel(*steps, **options), LATER)
    return [one / 1_000_000 if one >= 0 else -1 for one in people.step_ts[0].tolist()]


def counts(engine: Any, *steps: Any, **options: Any) -> list[int]:
    return [step.count for step in engine.funnel(funnel(*steps, **options), LATER).steps]


def test_nobody(engine: Any) -> None:
    answer = engine.funnel(funnel("a", "b"), LATER)
    assert [step.count for step in answer.steps] == [0, 0]
    assert (answer.converted, answer.in_progress, answer.average_us, answer.median_us) == (0, 0, None, None)


def test_depth_counts_steps_in_order(engine: Any) -> None:
    happen(engine, "1: a@1 b@2 c@3", "2: b@1 a@2 c@3", "3: a@1 c@2 b@3", "4: b@1 c@2")
    assert counts(engine, "a", "b", "c") == [3, 2, 1]


def test_the_best_entry_counts_not_the_first(engine: Any) -> None:
    happen(engine, "1: a@0 a@50 b@120")
    assert depth(engine, "a", "b", window=100) == 2


def test_an_early_entry_may_be_the_better_one(engine: Any) -> None:
    happen(engine, "1: a@0 b@10 a@20 c@30")
    assert depth(engine, "a", "b", "c") == 3


def test_one_event_serves_one_step(engine: Any) -> None:
    happen(engine, "1: a@0", "2: a@0 a@1")
    assert counts(engine, "a", "a") == [2, 1]
    assert counts(engine, Step(("a", "b")), "a") == [2, 1]


def test_a_step_used_three_times_needs_three_occurrences(engine: Any) -> None:
    happen(engine, "1: a@0 a@0", "2: a@0 a@0 a@0")
    assert counts(engine, "a", "a", "a") == [2, 2, 1]


def test_equal_times_convert_in_either_order(engine: Any) -> None:
    happen(engine, "1: c@5 b@5 a@5", "2: b@4 a@5 c@5")
    assert counts(engine, "a", "b", "c") == [2, 1, 1]


def test_events_of_one_instant_are_matched_to_the_steps_they_alone_can_serve(engine: Any) -> None:
    happen(engine, "1: a@5/price=9 a@5")
    dear = Step(("a",), Test("price", "gt", 5))
    assert depth(engine, "a", dear) == 2
    assert depth(engine, dear, "a") == 2
    assert depth(engine, dear, dear) == 1


def test_a_chain_may_advance_through_an_instant_from_both_sides(engine: Any) -> None:
    happen(engine, "1: a@0 c@5 b@5 d@9")
    assert times(engine, "a", "b", "c", "d") == [0, 5, 5, 9]


def test_the_window_is_inclusive_to_the_microsecond(engine: Any) -> None:
    happen(engine, "1: a@0 b@100", "2: a@0 b@100.000001")
    assert counts(engine, "a", "b", window=100) == [2, 1]


def test_the_window_runs_from_the_first_step(engine: Any) -> None:
    happen(engine, "1: a@0 b@60 c@120")
    assert depth(engine, "a", "b", "c", window=100) == 2


def test_the_time_window_of_a_step_runs_from_the_previous_one_inclusive(engine: Any) -> None:
    happen(engine, "1: a@0 b@10 c@20", "2: a@0 b@10.000001 c@15", "3: a@0 b@5 b@9 c@19", "4: a@0 b@5 c@15.5")
    quick = [Step((name,), max_gap=at(10)) for name in "abc"]
    assert counts(engine, *quick) == [4, 3, 2]


def test_with_time_windows_the_latest_entry_is_not_always_reachable(engine: Any) -> None:
    happen(engine, "1: a@0 b@2 a@4 b@8 c@10")
    assert times(engine, "a", Step(("b",), max_gap=at(2)), Step(("c",), max_gap=at(8))) == [0, 2, 10]
    assert times(engine, "a", Step(("b",), max_gap=at(4)), Step(("c",), max_gap=at(2))) == [4, 8, 10]


def test_only_the_entry_must_lie_in_the_range(engine: Any) -> None:
    happen(engine, "1: a@9 b@10", "2: a@10 b@25", "3: a@19.999999 b@25", "4: a@20 b@21")
    assert counts(engine, "a", "b", start=10, end=20) == [2, 2]


def test_an_entry_before_the_range_does_not_help(engine: Any) -> None:
    happen(engine, "1: a@5 b@12 a@15")
    assert depth(engine, "a", "b", start=10, end=20) == 1


def test_events_after_as_of_do_not_count(engine: Any) -> None:
    happen(engine, "1: a@0 b@10")
    assert depth(engine, "a", "b", as_of=at(10)) == 2
    assert depth(engine, "a", "b", as_of=at(10) - 1) == 1
    assert depth(engine, "a", "b", as_of=-1) == 0


def test_any_of_several_events_and_any_event_at_all(engine: Any) -> None:
    happen(engine, "1: a@0 b@1", "2: a@0 c@1", "3: d@0 d@1")
    assert counts(engine, "a", Step(("b", "c"))) == [2, 2]
    assert counts(engine, Step(("*",)), Step(("c", "d"))) == [3, 2]


def test_filters(engine: Any) -> None:
    happen(
        engine,
        "1: a@0 b@1/price=10",
        "2: a@0 b@1/price=10.01",
        "3: a@0 b@1",
        "4: a@0/price=11 b@1/price=9.99 b@2/price=11",
    )
    assert counts(engine, "a", Step(("b",), Test("price", "gt", 10))) == [4, 2]
    assert counts(engine, "a", Step(("b",), Test("price", "neq", 10))) == [4, 3]
    assert counts(engine, Step(("a",), Test("price", "not_exists")), "b") == [3, 3]


def test_a_filter_on_the_only_event_of_a_name(engine: Any) -> None:
    happen(engine, "1: a@0 b@0 c@0")
    assert counts(engine, "a", "b", Step(("c",), Test("price", "exists"))) == [1, 1, 0]
    assert counts(engine, Step(("a",), Test("price", "exists")), "b") == [0, 0]


def test_only_the_given_profiles(engine: Any) -> None:
    happen(engine, "1: a@0 b@1", "2: a@0", "3: a@0 b@1")
    assert counts(engine, "a", "b", profiles={2, 3, 99}) == [2, 1]
    assert counts(engine, "a", "b", profiles=set()) == [0, 0]


def test_still_in_progress_is_who_may_yet_convert(engine: Any) -> None:
    happen(engine, "1: a@0", "2: a@0 a@60", "3: a@0 b@10", "4: a@10 b@20 a@60")
    spec = funnel("a", "b", window=50)
    assert engine.funnel(spec, at(50)).in_progress == 2
    assert engine.funnel(spec, at(50) + 1).in_progress == 0
    assert engine.funnel(spec, at(60)).in_progress == 1
    assert engine.funnel(spec, at(110)).in_progress == 1
    assert engine.funnel(spec, at(111)).in_progress == 0


def test_an_entry_outside_the_range_is_not_in_progress(engine: Any) -> None:
    happen(engine, "1: a@10 a@30")
    assert engine.funnel(funnel("a", "b", window=50, end=20), at(60)).in_progress == 1
    assert engine.funnel(funnel("a", "b", window=50, end=20), at(61)).in_progress == 0


def test_times_take_the_earliest_completion(engine: Any) -> None:
    happen(engine, "1: a@0 b@10 a@20 b@21")
    assert times(engine, "a", "b") == [0, 10]


def test_among_the_earliest_completions_the_latest_entry(engine: Any) -> None:
    happen(engine, "1: a@0 a@5 b@10")
    assert times(engine, "a", "b") == [5, 10]


def test_then_the_earliest_middle_events(engine: Any) -> None:
    happen(engine, "1: a@0 b@2 c@3 b@4 c@5 d@9")
    assert times(engine, "a", "b", "c", "d") == [0, 2, 3, 9]


def test_times_are_those_of_the_deepest_chain(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 a@10 b@30 c@105")
    assert times(engine, "a", "b", "c", window=100) == [10, 30, 105]


def test_drop_outs_count_for_the_steps_they_did(engine: Any) -> None:
    happen(engine, "1: a@0 b@10", "2: a@0 b@20 c@50", "3: a@0 b@60 c@70", "4: a@0")
    answer = engine.funnel(funnel("a", "b", "c"), LATER)
    assert [step.average_us for step in answer.steps] == [None, at(30), at(20)]
    assert [step.median_us for step in answer.steps] == [None, at(20), at(20)]
    assert (answer.converted, answer.average_us, answer.median_us) == (2, at(60), at(60))


def test_the_median_of_an_even_number_is_the_midpoint(engine: Any) -> None:
    happen(engine, "1: a@0 b@0.000001", "2: a@0 b@0.000002")
    assert engine.funnel(funnel("a", "b"), LATER).median_us == 1.5


def test_twenty_steps(engine: Any) -> None:
    names = [f"e{number}" for number in range(20)]
    happen(engine, "1: " + " ".join(f"{name}@{when}" for when, name in enumerate(names)))
    assert depth(engine, *names) == 20


def test_more_names_than_the_kernel_reads_at_once(engine: Any) -> None:
    names = [f"e{number}" for number in range(30)]
    happen(engine, "1: a@0 " + " ".join(f"{name}@{when}" for when, name in enumerate(names, 1)), "2: a@0 e7@1 b@2")
    assert counts(engine, "a", Step(tuple(names)), "b") == [2, 2, 1]
    assert counts(engine, "a", Step(("*",)), Step(("*",)), "b") == [2, 2, 2, 0]


def test_a_busy_profile(columnar: ColumnarEngine) -> None:
    happen(columnar, "1: " + " ".join(f"a@{n} b@{n + 0.5}" for n in range(2_000)))
    people = columnar.funnel_people(
        funnel(Step(("a",)), Step(("b",), max_gap=at(1)), Step(("a",), max_gap=at(0.5)), "x", window=90, end=9_000),
        LATER,
    )
    assert people.depth.tolist() == [3]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "any_order", "counting": "totals", "exclusions": (Exclusion(("x",), None, 0, 1),)},
        {"mode": "any_order", "steps": (Step(("a",)),) * 11, "exclusions": (Exclusion(("x",), None, 0, 1),)},
        {"mode": "any_order", "steps": (Step(("a",)), Step(("b",), max_gap=1))},
        {"exclusions": (Exclusion(("x",), None, 1, 1),)},
        {"exclusions": (Exclusion(("x",), None, 0, 2),)},
        {"exclusions": (Exclusion(("x",), None, -1, 1),)},
        {"steps": ()},
        {"steps": (Step(("a",)),) * 33},
    ],
)
def test_other_questions_are_refused_in_words(columnar: ColumnarEngine, change: dict[str, Any]) -> None:
    with pytest.raises(NotSupported, match=r"^[A-Z].*\.$"):
        columnar.funnel(replace(funnel("a", "b"), **change), LATER)
