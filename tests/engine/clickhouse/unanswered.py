"""What ClickHouse does not answer so far, by test of the shared suite, each with the reason.

Such a test has to fail with NotSupported; one that passes has to be taken out of this table.
"""

BREAKDOWNS = "funnels are broken down by the embedded engine only"

# Whole files, and single tests as file::test.
UNANSWERED = {
    "test_breakdown.py::test_first_touch_is_the_first_value_that_is_there": BREAKDOWNS,
    "test_breakdown.py::test_only_events_that_match_a_step_are_touches": BREAKDOWNS,
    "test_breakdown.py::test_touches_outside_the_range_count": BREAKDOWNS,
    "test_breakdown.py::test_the_value_at_a_step_may_be_missing_from_compacted_events": BREAKDOWNS,
    "test_breakdown.py::test_a_sequence_is_never_grouped_by_its_value": BREAKDOWNS,
    "test_breakdown.py::test_zero_and_false_are_values_and_missing_is_a_group": BREAKDOWNS,
    "test_breakdown.py::test_beyond_the_limit_is_other_and_the_groups_add_up": BREAKDOWNS,
    "test_breakdown.py::test_step_takes_the_value_at_that_step_and_leaves_out_who_did_not_reach_it": BREAKDOWNS,
    "test_breakdown.py::test_all_steps_asks_the_funnel_once_per_value": BREAKDOWNS,
    "test_breakdown.py::test_totals_are_grouped_by_attempt_at_a_step_and_by_user_at_a_touch": BREAKDOWNS,
    "test_breakdown.py::test_ties_of_touches_are_broken_by_reception_and_number": BREAKDOWNS,
    "test_breakdown.py::test_by_attribute_as_it_is_now": BREAKDOWNS,
    "test_breakdown.py::test_by_groups_given_with_the_question": BREAKDOWNS,
    "test_breakdown.py::test_named_values_get_the_groups_even_where_nobody_entered": BREAKDOWNS,
}


def reason(file: str, test: str) -> str | None:
    return UNANSWERED.get(f"{file}::{test}") or UNANSWERED.get(file)
