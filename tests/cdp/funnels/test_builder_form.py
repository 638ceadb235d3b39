"""The builder's form says the same as the API's body, and finds its way back to the same lines."""

from datetime import UTC
from typing import Any

import pytest
from django.http import QueryDict

from cdp.definitions.funnel_templates import TEMPLATES
from cdp.definitions.funnels import parse_draft
from cdp.forms.funnel_matches import FilterRow
from cdp.forms.funnels import Builder, ExclusionRow, StepRow
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


@pytest.mark.parametrize("body", [FULL, *(template.body for template in TEMPLATES.values())])
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
        builder.act("add_event:steps-1")
        builder.act("add_filter:steps-1")
        assert (len(builder.steps[1].events), len(builder.steps[1].filters)) == (2, 1)
        builder.act("remove_event:steps-1:0")
        builder.act("remove_filter:steps-1:0")
        assert (builder.steps[1].events, builder.steps[1].filters) == ([""], [])

    @pytest.mark.parametrize(
        "do",
        [
            "up:",
            "up:x",
            "up:1:2:3",
            "up:99",
            "down:٣",
            "move:0:9",
            "move:1:1",
            "move:-1:0",
            "insert_step:7",
            "copy_step:7",
            "remove_step:-1",
            "remove_step:9",
            "undo",
            "undo:1",
            "remove_exclusion:0",
            "add_filter",
            "add_filter:",
            "add_filter:steps-9999999",
            "add_filter:exclusions-0",
            "remove_event:steps-9:9",
            "remove_event:steps-0:0",
            "remove_filter:steps-0:4",
            "add_event:name",
        ],
    )
    def test_nonsense_changes_nothing(self, do: str) -> None:
        builder = self.steps(*"abc")
        assert builder.act(do)
        assert self.order(builder) == ["a", "b", "c"]

    def test_a_step_dragged_to_another_place(self) -> None:
        builder = self.steps(*"abcd")
        builder.act("move:3:0")
        assert (self.order(builder), builder.focus) == (["d", "a", "b", "c"], "steps-0-event")
        assert builder.said == "d is now step 1 of 4."

    def test_a_step_after_any_other(self) -> None:
        builder = self.steps(*"abc")
        builder.act("insert_step:0")
        assert (self.order(builder), builder.focus) == (["a", "", "b", "c"], "steps-1-event")

    def test_a_copy_stands_beside_its_step_and_is_its_own(self) -> None:
        builder = Builder(steps=[StepRow(["a"]), StepRow(["b"], filters=[FilterRow("x", "eq", "1")])])
        builder.act("copy_step:1")
        builder.steps[2].filters[0].value = "2"
        assert (self.order(builder), builder.steps[1].filters[0].value) == (["a", "b", "b"], "1")

    def test_no_button_makes_a_21st_step(self) -> None:
        builder = self.steps(*"abcdefghijklmnopqrst")
        for do in ("insert_step:3", "copy_step:3", "add_step"):
            builder.act(do)
        assert len(builder.steps) == 20
        assert "at most 20" in builder.errors["steps"]

    def test_removal_can_be_undone_with_all_that_was_typed(self) -> None:
        builder = self.steps(*"abc")
        builder.steps[1] = StepRow(["b", "c"], label="Middle", gap_count="x", filters=[FilterRow("p", "gt", "1")])
        builder.exclusions = [ExclusionRow(["e"], after="0", before="1")]
        builder.act("remove_step:1")
        assert builder.said == "Step 2, Middle, is removed."
        builder.act("undo")
        assert (builder.steps[1].label, builder.steps[1].gap_count) == ("Middle", "x")
        assert builder.steps[1].filters == [FilterRow("p", "gt", "1")]
        assert (builder.exclusions[0].after, builder.exclusions[0].before) == ("0", "1")
        assert builder.removed is None

    def test_only_the_latest_removal_can_be_undone(self) -> None:
        builder = self.steps(*"abc")
        builder.act("remove_step:0")
        builder.act("add_step")
        builder.act("undo")
        assert self.order(builder) == ["b", "c", ""]

    def test_exclusions_come_and_go(self) -> None:
        builder = self.steps(*"abc")
        builder.act("add_exclusion")
        builder.act("add_filter:exclusions-0")
        row = builder.exclusions[0]
        assert (row.after, row.before, len(row.filters), builder.focus) == ("0", "2", 1, "exclusions-0-property-0")
        builder.act("remove_exclusion:0")
        assert builder.exclusions == []
        for _ in range(30):
            builder.act("add_exclusion")
        assert len(builder.exclusions) == 20
        assert "at most 20" in builder.errors["exclusions"]

    @pytest.mark.parametrize(
        ("do", "ends"),
        [
            ("insert_step:0", ("2", "4")),
            ("insert_step:2", ("1", "4")),
            ("copy_step:3", ("1", "3")),
            ("remove_step:0", ("0", "2")),
            ("remove_step:1", ("1", "2")),
            ("remove_step:3", ("1", "2")),
            ("move:1:4", ("2", "4")),
            ("move:3:0", ("0", "2")),
            ("up:1", ("0", "3")),
        ],
    )
    def test_an_exclusion_stays_between_its_steps(self, do: str, ends: tuple[str, str]) -> None:
        builder = self.steps(*"abcde")
        builder.exclusions = [ExclusionRow(["x"], after="1", before="3")]
        builder.act(do)
        assert (builder.exclusions[0].after, builder.exclusions[0].before) == ends

    @pytest.mark.parametrize("removed", [0, 1, 2])
    @pytest.mark.parametrize("ends", [("0", "1"), ("1", "2"), ("0", "2")])
    def test_an_exclusion_is_never_left_with_one_step(self, removed: int, ends: tuple[str, str]) -> None:
        builder = Builder(name="A", steps=[StepRow([name]) for name in "abc"])
        builder.exclusions = [ExclusionRow(["x"], after=ends[0], before=ends[1])]
        builder.act(f"remove_step:{removed}")
        kept = builder.read(zone=UTC).definition.exclusions[0]
        assert (kept.after, kept.before) == (0, 1)

    def test_save_is_none_of_them(self) -> None:
        assert not self.steps("a", "b").act("save")


@pytest.mark.parametrize("steps", ["", "0", "-5", "999999999999", "x"])
def test_any_number_of_steps_may_be_claimed(steps: str) -> None:
    assert 2 <= len(Builder.of_post(QueryDict(f"steps={steps}")).steps) <= 50


def test_a_form_with_too_many_steps_is_refused_and_not_cut_short() -> None:
    builder = Builder(name="A", steps=[StepRow(["a"]) for _ in range(21)])
    faults = faults_of(builder)
    assert faults == {"/steps": "A funnel has at most 20 steps; this one has 21. Remove some."}


class TestExclusions:
    def builder(self, *exclusions: ExclusionRow) -> Builder:
        steps = [StepRow(["a"]), StepRow(), StepRow(["b"]), StepRow(["c"])]
        return Builder(name="A", steps=steps, exclusions=list(exclusions))

    def test_a_preview_counts_its_steps_anew(self) -> None:
        builder = self.builder(ExclusionRow(["x"], after="0", before="3"), ExclusionRow())
        (kept,) = builder.read(zone=UTC, skip_empty=True).definition.exclusions
        assert (kept.after, kept.before) == (0, 2)

    def test_a_preview_leaves_out_what_an_empty_step_ends(self) -> None:
        builder = self.builder(ExclusionRow(["x"], after="0", before="1"))
        assert builder.read(zone=UTC, skip_empty=True).definition.exclusions == ()

    @pytest.mark.parametrize(("after", "before"), [("3", "0"), ("2", "2"), ("0", "9"), ("", "1"), ("x", "2")])
    def test_an_exclusion_outside_the_steps_is_told_at_its_field(self, after: str, before: str) -> None:
        builder = self.builder(
            ExclusionRow(["y"], after="0", before="3"), ExclusionRow(["x"], after=after, before=before)
        )
        builder.steps[1] = StepRow(["d"])
        with pytest.raises(Invalid) as refused:
            builder.read(zone=UTC)
        builder.show(refused.value.faults)
        assert [set(row.errors) for row in builder.exclusions] == [set(), {"between"}]
        assert builder.focus == "exclusions-1-between"


def test_a_time_window_in_any_order_is_told_at_its_field() -> None:
    builder = Builder(name="A", mode="any_order", steps=[StepRow(["a"]), StepRow(["b"], gap_count="2")])
    with pytest.raises(Invalid) as refused:
        builder.read(zone=UTC)
    builder.show(refused.value.faults)
    assert "Steps in any order have no previous step" in builder.steps[1].errors["gap"]


def test_templates_are_the_tutorials_and_its_names() -> None:
    steps = TEMPLATES["purchase"].body["steps"]
    assert [(step["event"], step["label"]) for step in steps[:2]] == [
        ("page_view", "Landing Page"),
        ("view_content", "Product Page"),
    ]
    assert TEMPLATES["sign-up"].ready_steps({"page_view", "Signed Up"}) == 2
