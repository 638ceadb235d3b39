"""A definition is read whole or refused with every fault at its place."""

from typing import Any

import pytest

from cdp.definitions import funnels
from cdp.engine.predicates import AllOf, Test
from stratum.lib.periods import DAY, HOUR
from stratum.lib.refusal import Invalid

DOCUMENTED: dict[str, Any] = {
    "name": "Purchase Funnel",
    "description": "",
    "steps": [
        {"event": "page_view", "label": "Landing Page"},
        {"event": "view_content"},
        {
            "event": ["add_to_cart", "add_to_wishlist"],
            "where": {"property": "value", "op": "gt", "value": 10},
            "max_gap": "P1D",
        },
        {"event": "purchase"},
    ],
    "mode": "ordered",
    "window": "P7D",
    "counting": "unique",
    "exclusions": [{"event": "support_ticket", "between": [1, 3]}],
}
TWO_STEPS = [{"event": "page_view"}, {"event": "purchase"}]


def faults_of(body: object, pointer: str = "") -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        funnels.parse_draft(body, pointer)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


def test_the_documented_body_reads_and_writes_back() -> None:
    draft = funnels.parse_draft(DOCUMENTED)
    written = {"name": draft.name, "description": draft.description, **draft.definition.as_json()}
    assert written == DOCUMENTED


def test_what_it_means() -> None:
    definition = funnels.parse_draft(DOCUMENTED).definition
    third = definition.steps[2]
    assert third.match.events == ("add_to_cart", "add_to_wishlist")
    assert third.match.predicate == Test("value", "gt", 10)
    assert third.max_gap == DAY
    assert (definition.window, definition.mode, definition.counting) == (7 * DAY, "ordered", "unique")
    assert [(each.after, each.before) for each in definition.exclusions] == [(1, 3)]


def test_defaults_are_the_recommended_values() -> None:
    definition = funnels.parse_draft({"name": "Short", "steps": TWO_STEPS}).definition
    assert definition.as_json() == {
        "steps": TWO_STEPS, "mode": "ordered", "window": "P7D", "counting": "unique", "exclusions": [],
    }  # fmt: skip


def test_a_step_is_called_by_its_label_or_its_events() -> None:
    steps = [{"event": "page_view", "label": " Landing Page "}, {"event": ["a", "b"]}, {"event": "*"}]
    definition = funnels.parse_draft({"name": "Names", "steps": steps}).definition
    assert [step.title for step in definition.steps] == ["Landing Page", "a or b", "Any event"]


def test_equal_windows_are_one_definition() -> None:
    week = funnels.parse_draft({"name": "A", "steps": TWO_STEPS, "window": "P1W"}).definition
    days = funnels.parse_draft({"name": "B", "steps": TWO_STEPS, "window": "PT168H"}).definition
    assert week == days
    assert week.as_json()["window"] == "P7D"


def test_repeated_names_of_a_step_count_once() -> None:
    steps = [{"event": ["a", "a"]}, {"event": ["b"]}]
    assert funnels.parse_draft({"name": "A", "steps": steps}).definition.as_json()["steps"] == [
        {"event": "a"},
        {"event": "b"},
    ]


def test_every_fault_is_named_at_once() -> None:
    body = {
        "name": " ",
        "colour": "red",
        "steps": [{"event": ""}, {"event": "purchase", "max_gap": "soon"}, {"where": {"property": "", "op": "eq"}}, 7],
        "mode": "sideways",
        "window": "P0D",
        "counting": 3,
        "exclusions": [{"event": "x", "between": [2, 1]}, {"event": "x"}],
    }
    assert set(faults_of(body)) == {
        "/name", "/colour", "/steps/0/event", "/steps/1/max_gap", "/steps/2/event", "/steps/2/where/property", "/steps/3",
        "/steps/3/event", "/mode", "/window", "/counting", "/exclusions/0/between", "/exclusions/1/between",
    }  # fmt: skip


def test_pointers_start_where_the_definition_stands() -> None:
    assert set(faults_of({"name": "A", "steps": []}, "/funnel")) == {"/funnel/steps"}


@pytest.mark.parametrize("body", [None, [], "funnel", 7, {}])
def test_a_body_that_is_no_funnel(body: object) -> None:
    assert faults_of(body)


@pytest.mark.parametrize(
    ("change", "pointer", "sentence"),
    [
        ({"steps": [{"event": "a"}]}, "/steps", "at least 2 steps"),
        ({"steps": [{"event": "a"}] * 21}, "/steps", "at most 20 steps; this one has 21"),
        ({"steps": None}, "/steps", "list of 2 to 20"),
        ({"steps": {"0": {"event": "a"}}}, "/steps", "list of 2 to 20"),
        ({"steps": [{"event": 5}, {"event": "b"}]}, "/steps/0/event", "is text"),
        ({"steps": [{"event": ["a", 5]}, {"event": "b"}]}, "/steps/0/event/1", "is text"),
        ({"steps": [{"event": {"prefix": "a"}}, {"event": "b"}]}, "/steps/0/event", "is text"),
        ({"steps": [{"event": []}, {"event": "b"}]}, "/steps/0/event", "Choose an event"),
        ({"steps": [{"event": ["*", "a"]}, {"event": "b"}]}, "/steps/0/event", "already any event"),
        ({"steps": [{"event": "a" * 201}, {"event": "b"}]}, "/steps/0/event", "at most 200"),
        ({"steps": [{"event": "a\0"}, {"event": "b"}]}, "/steps/0/event", "NUL"),
        ({"steps": [{"event": "a", "max_gap": "P1D"}, {"event": "b"}]}, "/steps/0/max_gap", "first step has none"),
        ({"steps": [{"event": "a"}, {"event": "b", "max_gap": 5}]}, "/steps/1/max_gap", "as text like P7D"),
        ({"steps": [{"event": "a"}, {"event": "b", "labl": ""}]}, "/steps/1/labl", "There is no field “labl”"),
        ({"steps": [{"event": "a"}, {"event": "b", "where": {"property": "p", "op": "near", "value": 1}}]},
         "/steps/1/where/op", "Unknown operator"),
        ({"window": "P0D"}, "/window", "between 1 second"),
        ({"window": "P400D"}, "/window", "366 days"),
        ({"window": "P1M"}, "/window", "is not a duration"),
        ({"window": 604800}, "/window", "as text like P7D"),
        ({"window": None}, "/window", "as text like P7D"),
        ({"mode": "random"}, "/mode", "ordered, strict, any_order"),
        ({"mode": ["ordered"]}, "/mode", "ordered, strict, any_order"),
        ({"counting": "twice"}, "/counting", "unique, totals"),
        ({"exclusions": {}}, "/exclusions", "as a list"),
        ({"exclusions": [{"event": "x", "between": [0, 2]}]}, "/exclusions/0/between", "from 0 to 1"),
        ({"exclusions": [{"event": "x", "between": [1, 1]}]}, "/exclusions/0/between", "smaller one first"),
        ({"exclusions": [{"event": "x", "between": [-1, 1]}]}, "/exclusions/0/between", "from 0 to 1"),
        ({"exclusions": [{"event": "x", "between": [False, True]}]}, "/exclusions/0/between", "counted from 0"),
        ({"name": "x" * 121}, "/name", "at most 120"),
        ({"name": ["x"]}, "/name", "must be text"),
        ({"name": "\ud800"}, "/name", "surrogate"),
        ({"description": "x" * 2001}, "/description", "at most 2000"),
        ({"steps": [{"event": "a", "where": {"property": "p", "op": "gt", "value": float("inf")}}, {"event": "b"}]},
         "", "too large"),
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(change: dict[str, Any], pointer: str, sentence: str) -> None:
    faults = faults_of({"name": "A", "steps": TWO_STEPS, **change})
    assert sentence in faults[pointer]


@pytest.mark.parametrize("nothing", [{}, [], 0, False])
@pytest.mark.parametrize("field", ["name", "description", "label"])
def test_nothing_of_another_type_is_no_text(field: str, nothing: object) -> None:
    step = {"event": "a", **({"label": nothing} if field == "label" else {})}
    body = {"name": "A", "steps": [step, {"event": "b"}], **({} if field == "label" else {field: nothing})}
    pointer = "/steps/0/label" if field == "label" else f"/{field}"
    assert faults_of(body) == {pointer: f"The {field} must be text."}


def test_a_body_nested_a_thousand_deep_is_refused() -> None:
    where: dict[str, Any] = {"property": "p", "op": "exists"}
    for _ in range(900):
        where = {"type": "not", "child": where}
    assert "nested deeper" in faults_of({"name": "A", "steps": [{"event": "a", "where": where}, {"event": "b"}]})[""]


def test_the_limits_themselves_are_allowed() -> None:
    body = {"name": "x" * 120, "steps": [{"event": "a"}] * 20, "window": "P366D"}
    assert len(funnels.parse_draft(body).definition.steps) == 20
    assert funnels.parse_draft({**body, "window": "PT1S"}).definition.window == 1_000_000


def test_a_filter_with_groups() -> None:
    where = {"type": "and", "children": [{"property": "a", "op": "eq", "value": 1}, {"property": "b", "op": "exists"}]}
    definition = funnels.parse_draft(
        {"name": "A", "steps": [{"event": "a", "where": where}, {"event": "b"}]}
    ).definition
    assert isinstance(definition.steps[0].match.predicate, AllOf)
    assert definition.as_json()["steps"][0]["where"] == where


def test_single_parameters() -> None:
    assert funnels.parse_window("PT1H", "/window") == HOUR
    assert funnels.parse_counting("totals", "/counting") == "totals"
    with pytest.raises(Invalid):
        funnels.parse_window("PT0S", "/window")
    with pytest.raises(Invalid):
        funnels.parse_counting("", "/counting")
