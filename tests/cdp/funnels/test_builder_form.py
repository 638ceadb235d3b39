"""The builder's form says the same as the API's body, and finds its way back to the same lines."""

from datetime import UTC
from typing import Any

import pytest
from django.http import QueryDict

from cdp.definitions.funnels import parse_draft
from cdp.forms.funnels import TEMPLATES, Builder, FilterRow, StepRow
from stratum.lib.refusal import Invalid

FULL: dict[str, Any] = {
    "name": "Full",
    "description": "Everything the form can show",
    "steps": [
        {"event": "page_view", "label": "Landing"},
        {"event": ["add_to_cart", "add_to_wishlist"], "where": {"property": "value", "op": "gt", "value": 10}},
        {
            "event": "purchase",
            "where": {
                "type": "or",
                "children": [
                    {"property": "category", "op": "in", "value": ["Shoes", "Bags"]},
                    {"property": "value", "op": "between", "value": [10, 99.5]},
                    {"property": "coupon", "op": "not_exists"},
                    {"property": "new", "op": "eq", "value": True},
                    {"property": "count", "op": "eq", "value": 2},
                    {"property": "sku", "op": "eq", "value": "00012"},
                ],
            },
            "max_gap": "PT36H",
        },
    ],
    "mode": "ordered",
    "window": "P14D",
    "counting": "unique",
    "exclusions": [{"event": "refund", "between": [0, 2]}],
}


def faults_of(builder: Builder, **options: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        builder.read(zone=UTC, **options)
    return {fault.pointer: fault.detail for fault in refused.value.faults}


@pytest.mark.parametrize("body", [FULL, TEMPLATES["purchase"]])
def test_a_funnel_opened_and_saved_is_the_same_funnel(body: dict[str, Any]) -> None:
    draft = parse_draft(body)
    assert Builder.of_draft(draft).read(zone=UTC) == parse_draft({**body, **draft.definition.as_json()})


def test_its_filters_stand_as_lines() -> None:
    step = Builder.of_draft(parse_draft(FULL)).steps[2]
    assert (step.join, step.gap_count, step.gap_unit, step.advanced) == ("or", "36", "H", "")
    assert [(row.property, row.op, row.value) for row in step.filters] == [
        ("category", "in", "Shoes, Bags"),
        ("value", "between", "10, 99.5"),
        ("coupon", "not_exists", ""),
        ("new", "is_true", ""),
        ("count", "eq_number", "2"),
        ("sku", "eq", "00012"),
    ]


@pytest.mark.parametrize(
    "where",
    [
        {"type": "not", "child": {"property": "a", "op": "exists"}},
        {"type": "any_item", "property": "products", "where": {"property": "sku", "op": "eq", "value": "1"}},
        {"property": "a", "op": "in", "value": ["one, two", "three"]},
        {"property": "a", "op": "gt", "value": "10"},
        {"property": "a", "op": "within_last", "value": "P7D"},
        {
            "type": "and",
            "children": [
                {"property": "a", "op": "exists"},
                {"type": "or", "children": [{"property": "b", "op": "exists"}]},
            ],
        },
    ],
)
def test_what_lines_cannot_show_is_kept_as_it_is(where: dict[str, Any]) -> None:
    body = {"name": "A", "steps": [{"event": "a", "where": where}, {"event": "b"}]}
    builder = Builder.of_draft(parse_draft(body))
    assert builder.read(zone=UTC).definition.as_json()["steps"][0]["where"] == where


def test_empty_steps_are_left_out_of_a_preview_and_refused_at_save() -> None:
    builder = Builder(name="A", steps=[StepRow(["a"]), StepRow(), StepRow(["b"])])
    assert len(builder.read(zone=UTC, skip_empty=True).definition.steps) == 2
    assert set(faults_of(builder)) == {"/steps/1/event"}


def test_faults_find_their_fields_past_empty_steps() -> None:
    builder = Builder(
        name="A", steps=[StepRow(["a"]), StepRow(), StepRow(["b"], gap_count="soon"), StepRow(["*", "c"])]
    )
    with pytest.raises(Invalid) as refused:
        builder.read(zone=UTC, skip_empty=True)
    builder.show(refused.value.faults, skip_empty=True)
    assert [set(step.errors) for step in builder.steps] == [set(), set(), {"gap"}, {"event"}]
    assert builder.focus == "steps-2-gap"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (FilterRow("", "eq", "x"), "Choose the property"),
        (FilterRow("a", "eq", ""), "Give a value"),
        (FilterRow("a", "eq_number", "ten"), "is not a number"),
        (FilterRow("a", "between", "5, 1"), "smaller one first"),
        (FilterRow("a", "nonsense", "1"), "Unknown operator"),
    ],
)
def test_wrong_filters(row: FilterRow, sentence: str) -> None:
    builder = Builder(name="A", steps=[StepRow(["a"], filters=[row]), StepRow(["b"])])
    assert any(sentence in detail for detail in faults_of(builder).values())


@pytest.mark.parametrize("count", ["", "seven", "-1", "1e9", "9" * 30, "0.00000000001", "NaN"])
def test_windows_that_are_no_number(count: str) -> None:
    builder = Builder(name="A", steps=[StepRow(["a"]), StepRow(["b"])], window_count=count)
    assert "Write a number" in faults_of(builder)["/window"]


def test_half_a_day_is_a_window() -> None:
    builder = Builder(name="A", steps=[StepRow(["a"]), StepRow(["b"])], window_count="1.5")
    assert builder.read(zone=UTC).definition.as_json()["window"] == "P1DT12H"


class TestButtons:
    def steps(self, *names: str) -> Builder:
        return Builder(steps=[StepRow([name]) for name in names])

    def order(self, builder: Builder) -> list[str]:
        return [step.events[0] for step in builder.steps]

    def test_adding_up_to_twenty(self) -> None:
        builder = self.steps(*"ab")
        for _ in range(30):
            assert builder.act("add_step")
        assert len(builder.steps) == 20
        assert "at most 20" in builder.errors["steps"]

    def test_removing_down_to_two(self) -> None:
        builder = self.steps(*"abc")
        builder.act("remove_step:0")
        builder.act("remove_step:0")
        assert self.order(builder) == ["b", "c"]
        assert "at least 2" in builder.errors["steps"]

    def test_moving(self) -> None:
        builder = self.steps(*"abc")
        builder.act("down:0")
        assert (self.order(builder), builder.focus) == (["b", "a", "c"], "steps-1-down")
        builder.act("down:1")
        assert (self.order(builder), builder.focus) == (["b", "c", "a"], "steps-2-up")
        builder.act("up:1")
        assert (self.order(builder), builder.focus) == (["c", "b", "a"], "steps-0-down")

    def test_the_first_step_has_no_time_window(self) -> None:
        builder = Builder(name="A", steps=[StepRow(["a"]), StepRow(["b"], gap_count="1")])
        builder.act("up:1")
        assert builder.read(zone=UTC).definition.steps[0].max_gap is None

    def test_events_and_filters(self) -> None:
        builder = self.steps(*"ab")
        builder.act("add_event:1")
        builder.act("add_filter:1")
        assert (len(builder.steps[1].events), len(builder.steps[1].filters)) == (2, 1)
        builder.act("remove_event:1:0")
        builder.act("remove_filter:1:0")
        assert (builder.steps[1].events, builder.steps[1].filters) == ([""], [])

    @pytest.mark.parametrize(
        "do", ["up:", "up:x", "up:1:2:3", "up:99", "remove_event:9:9", "remove_step:-1", "down:٣", "add_filter:9999999"]
    )
    def test_nonsense_changes_nothing(self, do: str) -> None:
        builder = self.steps(*"abc")
        assert builder.act(do)
        assert self.order(builder) == ["a", "b", "c"]

    def test_save_is_none_of_them(self) -> None:
        assert not self.steps("a", "b").act("save")


@pytest.mark.parametrize("steps", ["", "0", "-5", "999999999999", "x"])
def test_any_number_of_steps_may_be_claimed(steps: str) -> None:
    assert 2 <= len(Builder.of_post(QueryDict(f"steps={steps}")).steps) <= 20
