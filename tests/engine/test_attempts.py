"""Total events, exclusions, strict and any order, rule by rule, on the oracle and on the engine."""

from typing import Any

from tests.engine.story import at, funnel, happen

LATER = at(10_000)


def chains(engine: Any, *steps: Any, **options: Any) -> list[list[float]]:
    """The times, in seconds, of every row of the answer."""
    people = engine.funnel_people(funnel(*steps, **options), LATER)
    return [[one / 1_000_000 for one in row if one >= 0] for row in people.step_ts.tolist()]


def counts(engine: Any, *steps: Any, **options: Any) -> list[int]:
    return [step.count for step in engine.funnel(funnel(*steps, **options), LATER).steps]


def totals(engine: Any, *steps: Any, **options: Any) -> list[int]:
    return counts(engine, *steps, counting="totals", **options)


# -- total events ------------------------------------------------------------------------------------------------


def test_every_conversion_is_an_attempt(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 a@2 b@3 a@4", "2: a@0 b@1")
    assert totals(engine, "a", "b") == [4, 3]
    assert counts(engine, "a", "b") == [2, 2]


def test_a_further_first_step_refreshes_the_attempt(engine: Any) -> None:
    happen(engine, "1: a@0 a@50 b@120")
    assert totals(engine, "a", "b", window=100) == [1, 1]
    assert chains(engine, "a", "b", window=100, counting="totals") == [[50, 120]]


def test_an_attempt_closes_after_its_window(engine: Any) -> None:
    happen(engine, "1: a@0 a@100.000001 b@100.000002", "2: a@0 a@100 b@100.000001")
    assert totals(engine, "a", "b", window=100) == [3, 2]


def test_a_conversion_uses_its_events_up(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 b@2")
    assert totals(engine, "a", "b") == [1, 1]
    happen(engine, "2: a@0 a@1 a@2")
    assert totals(engine, "a", "a") == [3, 1]


def test_what_an_open_attempt_did_is_gone_with_it(engine: Any) -> None:
    happen(engine, "1: a@0 a@1 b@2 b@3 c@4 c@5")
    assert totals(engine, "a", "b", "c") == [1, 1, 1]


def test_depth_inside_an_attempt_is_the_best_over_its_entries(engine: Any) -> None:
    happen(engine, "1: a@0 b@10 a@20 c@30 b@150 a@240")
    assert chains(engine, "a", "b", "c", counting="totals") == [[0, 10, 30], [240]]


def test_events_of_one_instant_serve_the_attempt_best(engine: Any) -> None:
    happen(engine, "1: a@0 a@5 b@5 b@9")
    assert chains(engine, "a", "b", counting="totals") == [[0, 5], [5, 9]]
    happen(engine, "2: b@5 a@5 b@5 a@5")
    assert chains(engine, "a", "b", counting="totals", profiles={2}) == [[5, 5], [5, 5]]


def test_only_attempts_that_open_in_the_range_count(engine: Any) -> None:
    happen(engine, "1: a@5 b@12 a@15 b@25 a@30 b@31")
    assert chains(engine, "a", "b", start=10, end=20, counting="totals") == [[15, 25]]


def test_open_attempts_are_in_progress(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 a@60", "2: a@0")
    spec = funnel("a", "b", window=50, counting="totals")
    assert engine.funnel(spec, at(60)).in_progress == 1
    assert engine.funnel(spec, at(111)).in_progress == 0


# -- exclusions --------------------------------------------------------------------------------------------------


def test_who_does_the_excluded_event_in_between_leaves_the_funnel(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 b@2", "2: a@0 b@2 x@3", "3: x@0 a@1 b@2", "4: a@0 x@1")
    assert counts(engine, "a", "b", without=(("x", 0, 1),)) == [2, 2]


def test_one_clean_chain_of_the_deepest_is_enough(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 a@2 b@3")
    assert chains(engine, "a", "b", without=(("x", 0, 1),)) == [[2, 3]]
    assert counts(engine, "a", "b", "c", without=(("x", 0, 2),)) == [1, 1, 0]


def test_a_shallower_clean_chain_does_not_help(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 b@2 a@50")
    assert counts(engine, "a", "b", without=(("x", 0, 1),)) == [0, 0]


def test_where_the_later_step_was_not_reached_the_window_is_what_counts(engine: Any) -> None:
    happen(engine, "1: a@0 x@100", "2: a@0 x@100.000001", "3: a@0 b@1 x@100", "4: a@0 b@1 x@100.000001")
    assert counts(engine, "a", "b", "c", window=100, without=(("x", 0, 2),)) == [2, 1, 0]


def test_an_early_entry_may_escape_a_late_exclusion(engine: Any) -> None:
    happen(engine, "1: a@0 a@5 x@12")
    assert chains(engine, "a", "b", window=10, without=(("x", 0, 1),)) == [[0]]


def test_exclusions_are_strictly_in_between(engine: Any) -> None:
    happen(engine, "1: a@0 x@0 b@2", "2: a@0 x@2 b@2", "3: a@0 b@1 x@1 c@2")
    assert counts(engine, "a", "b", without=(("x", 0, 1),)) == [3, 3]
    assert counts(engine, "a", "b", "c", without=(("x", 0, 2),), profiles={3}) == [0, 0, 0]


def test_an_exclusion_holds_between_its_steps_only(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 b@2 c@3", "2: a@0 b@2 x@2.5 c@3")
    assert counts(engine, "a", "b", "c", without=(("x", 1, 2),)) == [1, 1, 1]


def test_times_are_those_of_a_clean_chain(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 x@2 b@3 c@4")
    assert chains(engine, "a", "b", "c", without=(("x", 1, 2),)) == [[0, 3, 4]]


def test_an_attempt_closes_at_an_excluded_event(engine: Any) -> None:
    happen(engine, "1: a@0 x@1 a@2 b@3", "2: a@0 x@1 b@2")
    assert totals(engine, "a", "b", without=(("x", 0, 1),)) == [3, 1]


def test_an_attempt_stays_open_while_a_clean_chain_is_left(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 a@2 x@3 b@4 c@5")
    assert chains(engine, "a", "b", "c", counting="totals", without=(("x", 1, 2),)) == [[2, 4, 5]]
    assert counts(engine, "a", "b", "c", without=(("x", 1, 2),)) == [1, 1, 1]


# -- strict ------------------------------------------------------------------------------------------------------


def test_strict_steps_are_neighbours_in_the_whole_timeline(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 c@2", "2: a@0 b@1 z@1.5 c@2", "3: a@0 z@0.5 b@1", "4: a@0 z@1 a@2 b@3 c@4")
    assert counts(engine, "a", "b", "c", mode="strict") == [4, 3, 2]


def test_strict_neighbours_of_one_instant_may_come_in_either_order(engine: Any) -> None:
    happen(engine, "1: a@0 z@0 b@1 z@1", "2: a@0 b@1 z@1 c@2", "3: c@0 b@0 z@0 a@0")
    assert counts(engine, "a", "b", mode="strict") == [3, 3]
    assert counts(engine, "a", "b", "c", mode="strict") == [3, 3, 1]


def test_strict_totals(engine: Any) -> None:
    happen(engine, "1: a@0 b@1 a@2 z@3 b@4 a@5 b@6")
    assert totals(engine, "a", "b", mode="strict") == [2, 2]
    assert chains(engine, "a", "b", mode="strict", counting="totals") == [[0, 1], [5, 6]]


def test_strict_heeds_window_gap_and_exclusion(engine: Any) -> None:
    happen(engine, "1: a@0 b@50 c@101", "2: a@0 b@50 c@100")
    assert counts(engine, "a", "b", "c", mode="strict", window=100) == [2, 2, 1]
    assert counts(engine, "a", "b", "c", mode="strict", window=100, without=(("b", 0, 2),)) == [0, 0, 0]


# -- any order ---------------------------------------------------------------------------------------------------


def test_any_step_may_be_first(engine: Any) -> None:
    happen(engine, "1: c@0 a@1 b@2", "2: b@0 c@1", "3: c@0 c@1")
    assert counts(engine, "a", "b", "c", mode="any_order") == [3, 2, 1]
    assert chains(engine, "a", "b", "c", mode="any_order") == [[0, 1, 2], [0, 1], [0]]


def test_any_order_needs_distinct_events_in_one_window(engine: Any) -> None:
    happen(engine, "1: a@0 b@100", "2: a@0 b@100.000001", "3: a@0")
    assert counts(engine, "a", "b", mode="any_order", window=100) == [3, 1]
    assert counts(engine, "a", "a", mode="any_order", profiles={3}) == [1, 0]


def test_any_order_enters_with_its_first_event(engine: Any) -> None:
    happen(engine, "1: b@5 a@12 b@25", "2: b@20 a@21")
    assert chains(engine, "a", "b", mode="any_order", start=10, end=20) == [[12, 25]]


def test_any_order_totals(engine: Any) -> None:
    happen(engine, "1: b@0 a@1 b@2 b@3 a@4 z@5 a@200")
    assert chains(engine, "a", "b", mode="any_order", counting="totals") == [[0, 1], [3, 4], [200]]


def test_in_any_order_the_best_clean_attempt_counts(engine: Any) -> None:
    happen(engine, "1: b@0 x@1 a@2 c@3", "2: c@0 a@1 x@2 b@3", "3: a@0 x@1")
    assert chains(engine, "a", "b", "c", mode="any_order", without=(("x", 0, 1),)) == [[2, 3], [0, 1, 3]]
