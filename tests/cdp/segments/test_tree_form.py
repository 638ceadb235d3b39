"""The builder's rows and the condition's JSON."""

from typing import Any

import pytest
from hypothesis import given

from cdp.definitions.segment_templates import TEMPLATES
from cdp.forms.segment_tree import Placed, Row, acted, condition, everyone, focus_after, of_condition, of_post, placed
from tests.cdp.segments.test_histories import conditions

BOUGHT = {"type": "event", "event": "purchase", "window": {"last": "P90D"}}


def sent(row: Row) -> tuple[dict[str, str], list[str]]:
    """What a browser sends of the page."""
    found: dict[str, str] = {}
    for one in rows_of(row):
        found[f"kind-{one.path}"] = one.row.kind
        found |= {f"{name}-{one.path}": value for name, value in one.row.values.items()}
        if one.row.is_not:
            found[f"not-{one.path}"] = "on"
    return found, [one.path for one in rows_of(row)]


def rows_of(row: Row) -> list[Placed]:
    return list(everyone(placed(row)))


def meaning(node: dict[str, Any]) -> dict[str, Any]:
    """A group of one at the top is that one."""
    while node["type"] in ("and", "or") and len(node["children"]) == 1:
        node = node["children"][0]
    return node


@given(conditions)
def test_nothing_is_lost_on_the_way(node: dict[str, Any]) -> None:
    row = of_condition(node)
    assert condition(of_post(*sent(row))) == condition(row)
    assert meaning(condition(row)) == meaning(node)


def test_templates_are_rows_with_fields() -> None:
    for template in TEMPLATES.values():
        row = of_condition(template.condition)
        assert condition(row) == template.condition
    kinds = [one.row.kind for one in rows_of(of_condition(TEMPLATES["high_value_at_risk"].condition))]
    assert kinds == ["group", "profile", "profile", "profile", "event"]


def test_a_row_knows_where_its_condition_stands() -> None:
    node = {"type": "or", "children": [BOUGHT, {"type": "not", "child": {"type": "and", "children": [BOUGHT, BOUGHT]}}]}
    assert [(one.path, one.pointer, one.depth) for one in rows_of(of_condition(node))] == [
        ("0", "/condition", 0),
        ("0.0", "/condition/children/0", 1),
        ("0.1", "/condition/children/1/child", 1),
        ("0.1.0", "/condition/children/1/child/children/0", 2),
        ("0.1.1", "/condition/children/1/child/children/1", 2),
    ]


EVERY_KIND: dict[str, dict[str, Any]] = {
    "count": {**BOUGHT, "op": "between", "value": [2, 5.5]},
    "sum with nested filters": {
        "type": "event",
        "event": ["purchase", "refund"],
        "where": {
            "type": "and",
            "children": [
                {"property": "revenue", "op": "gt", "value": 10.5},
                {"type": "or", "children": [{"property": "sku", "op": "in", "value": ["a,b", "5", 5, True]}]},
                {"type": "not", "child": {"property": "coupon", "op": "exists"}},
                {"type": "any_item", "property": "items", "where": {"property": "qty", "op": "gte", "value": 2}},
                {"property": "revenue", "op": "lt", "value": {"ref": "attributes.limit"}},
            ],
        },
        "window": {"last": "P30D", "align": "day"},
        "measure": {"fn": "sum", "property": "revenue"},
        "op": "gte",
        "value": 100,
    },
    "prefix": {"type": "event", "event": {"prefix": "cart_"}, "window": {"calendar": "last_month"}},
    "first": {"type": "first_event", "event": "purchase", "window": {"between": ["P60D", "PT12H"]}},
    "last": {
        "type": "last_event",
        "event": "purchase",
        "where": {"property": "a", "op": "exists"},
        "window": {"from": "2026-01-01"},
        "has": {
            "type": "or",
            "children": [
                {"property": "at", "op": "within_last", "value": "P7D"},
                {"property": "b", "op": "eq", "value": ""},
            ],
        },
    },
    "regular": {"type": "regular", "event": "x", "per": "P1W", "periods": 4, "at_least": 3, "op": "gt", "value": 1},
    "sequence": {
        "type": "sequence",
        "window": {"before": "P1D"},
        "total": "PT90M",
        "steps": [
            {"event": "a", "where": {"property": "n", "op": "eq", "value": 1}},
            {"event": "b", "gap": {"min": "PT1H", "max": "P2D"}},
            {"event": "c", "where": {"property": "n", "op": "eq", "value": {"ref": "step.0.n"}}},
        ],
        "exclude": [{"event": "d", "where": {"property": "n", "op": "not_exists"}, "between": [0, 2]}],
    },
    "trait with trait": {"type": "profile", "field": "traits.a", "op": "gt", "value": {"ref": "traits.b"}},
    "percent": {"type": "profile", "field": "traits.rate", "op": "lt", "value": "10%"},
    "existence": {"type": "not", "child": {"type": "profile", "field": "attributes.plan", "op": "exists"}},
    "text that looks like a number": {"type": "profile", "field": "attributes.zip", "op": "eq", "value": "1234"},
    "text that is one": {"type": "profile", "field": "attributes.zip", "op": "eq", "value": "01234"},
    "user id": {"type": "profile", "field": "user_id", "op": "in", "value": ["12", "13"]},
    "range": {"type": "profile", "field": "attributes.age", "op": "not_between", "value": [18, 65]},
    "dates": {"type": "profile", "field": "created_at", "op": "after", "value": "2026-01-01"},
    "item": {
        "type": "profile_item",
        "field": "attributes.pets",
        "where": {"property": "kind", "op": "eq", "value": "cat"},
    },
    "held": {
        "type": "held",
        "field": "attributes.plan",
        "op": "eq",
        "value": "gold",
        "for": {"op": "gte", "value": "P30D"},
    },
    "segment": {"type": "segment", "segment": "0b3f8c1e-8f3a-4f7e-9a43-0d0f3c9f5b11"},
    "static": {"type": "static", "ids": ["4", "7"]},
    "all": {"type": "all"},
}


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_has_fields(name: str) -> None:
    """No row of JSON, and what the page sends back says the same."""
    node = EVERY_KIND[name]
    row = of_condition(node)
    assert not {one.row.kind for one in rows_of(row)} & {"json", "filter_json"}
    assert condition(of_post(*sent(row))) == node


@pytest.mark.parametrize("name", EVERY_KIND)
def test_pointers_lead_to_what_rows_say(name: str) -> None:
    """Of each row whose JSON stands alone."""
    node = {"type": "or", "children": [EVERY_KIND[name], BOUGHT]}
    for one in rows_of(of_condition(node)):
        if one.row.kind == "test":
            assert at(node, one.pointer)["property"] == one.row.values["property"]
        elif one.row.kind in ("step", "exclusion", "event", "first_event", "last_event", "regular"):
            assert at(node, one.pointer)["event"] in (
                one.row.values["event"],
                {"prefix": "cart_"},
                ["purchase", "refund"],
            )


def at(node: Any, pointer: str) -> Any:
    for part in pointer.removeprefix("/condition").split("/")[1:]:
        node = node[int(part) if isinstance(node, list) else part]
    return node


@pytest.mark.parametrize(
    "node",
    [
        {"type": "weather", "city": "Berlin"},
        {"type": "event", "event": "a", "unheard_of": 1},
        {"type": "sequence", "steps": "a"},
        {"type": "held", "field": "attributes.a"},
        {"type": "event", "event": "a", "where": {"type": "weather"}},
        {"type": "profile"},
        {},
    ],
)
def test_what_an_older_version_wrote_still_opens(node: dict[str, Any]) -> None:
    assert condition(of_post(*sent(of_condition(node)))) == node


def test_rows_that_cannot_stand_where_they_were_sent_do_no_harm() -> None:
    sent_rows = {
        "kind-0": "group",
        "kind-0.0": "step",
        "kind-0.0.0": "group",
        "kind-0.1": "sequence",
        "kind-0.1.0": "has",
    }
    row = of_post(sent_rows, ["0", "0.0", "0.0.0", "0.1", "0.1.0", "0.9.9", "x", *(["0" + ".0" * 500])])
    assert [one.row.kind for one in rows_of(row)] == ["group", "event", "test", "sequence", "step"]
    assert acted(row, "add_step", "0") == row
    assert acted(row, "move:9", "0.7") == row


def test_the_order_of_the_paths_counts_while_a_row_is_dragged() -> None:
    row = of_condition({"type": "and", "children": [BOUGHT, {"type": "all"}]})
    fields, paths = sent(row)
    assert condition(of_post(fields, paths[::-1])) == condition(row)


def test_steps_and_exclusions_move_among_themselves() -> None:
    row = of_condition(EVERY_KIND["sequence"])
    assert [child.values["event"] for child in acted(row, "down", "0.0.0").children[0].children] == ["b", "a", "c", "d"]
    assert acted(row, "down", "0.0.2") == row
    moved = acted(row, "move:0", "0.0.2")
    assert [child.values["event"] for child in moved.children[0].children] == ["c", "a", "b", "d"]
    assert focus_after(row, "move:0", "0.0.2") == "0.0.0"


def test_a_row_goes_into_a_group_of_its_own() -> None:
    row = acted(of_condition({"type": "and", "children": [BOUGHT, BOUGHT]}), "wrap", "0.1")
    assert condition(row) == {"type": "and", "children": [BOUGHT, {"type": "or", "children": [BOUGHT]}]}
    assert focus_after(row, "wrap", "0.1") == "0.1"
    inside = of_condition(EVERY_KIND["sum with nested filters"])
    assert acted(inside, "wrap", "0.0.0").children[0].children[0].kind == "tests"


def test_rows_are_added_moved_and_removed() -> None:
    row = of_condition({"type": "and", "children": [BOUGHT, {"type": "segment", "segment": "x"}]})
    row = acted(row, "add_profile", "0")
    assert [child.kind for child in row.children] == ["event", "segment", "profile"]
    row = acted(acted(row, "up", "0.2"), "down", "0.0")
    assert [child.kind for child in row.children] == ["profile", "event", "segment"]
    row = acted(acted(row, "duplicate", "0.0"), "remove", "0.3")
    assert [child.kind for child in row.children] == ["profile", "profile", "event"]
    assert acted(row, "remove", "0.9") == row
