"""The builder's rows and the condition's JSON."""

from typing import Any

from hypothesis import given

from cdp.definitions.segment_templates import TEMPLATES
from cdp.forms.segment_tree import Row, acted, condition, of_condition, of_post, placed
from tests.cdp.segments.test_histories import conditions

BOUGHT = {"type": "event", "event": "purchase", "window": {"last": "P90D"}}


def sent(row: Row) -> tuple[dict[str, str], list[str]]:
    """What a browser sends of the page."""
    found: dict[str, str] = {}
    for one in placed(row):
        found[f"kind-{one.path}"] = one.row.kind
        found |= {f"{name}-{one.path}": value for name, value in one.row.values.items()}
        if one.row.is_not:
            found[f"not-{one.path}"] = "on"
    return found, [one.path for one in placed(row)]


def meaning(node: dict[str, Any]) -> dict[str, Any]:
    """A group of one at the top is that one."""
    while node["type"] in ("and", "or") and len(node["children"]) == 1:
        node = node["children"][0]
    return node


@given(conditions)
def test_nothing_is_lost_on_the_way(node: dict[str, Any]) -> None:
    row = of_condition(node)
    assert of_post(*sent(row)) == row
    assert meaning(condition(row)) == meaning(node)


def test_templates_are_rows_with_fields() -> None:
    for template in TEMPLATES.values():
        row = of_condition(template.condition)
        assert condition(row) == template.condition
    kinds = [one.row.kind for one in placed(of_condition(TEMPLATES["high_value_at_risk"].condition))]
    assert kinds == ["group", "profile", "profile", "profile", "event"]


def test_a_row_knows_where_its_condition_stands() -> None:
    node = {"type": "or", "children": [BOUGHT, {"type": "not", "child": {"type": "and", "children": [BOUGHT, BOUGHT]}}]}
    assert [(one.path, one.pointer, one.depth) for one in placed(of_condition(node))] == [
        ("0", "/condition", 0),
        ("0.0", "/condition/children/0", 1),
        ("0.1", "/condition/children/1/child", 1),
        ("0.1.0", "/condition/children/1/child/children/0", 2),
        ("0.1.1", "/condition/children/1/child/children/1", 2),
    ]


def test_rows_are_added_moved_and_removed() -> None:
    row = of_condition({"type": "and", "children": [BOUGHT, {"type": "segment", "segment": "x"}]})
    row = acted(row, "add_profile", "0")
    assert [child.kind for child in row.children] == ["event", "segment", "profile"]
    row = acted(acted(row, "up", "0.2"), "down", "0.0")
    assert [child.kind for child in row.children] == ["profile", "event", "segment"]
    row = acted(acted(row, "duplicate", "0.0"), "remove", "0.3")
    assert [child.kind for child in row.children] == ["profile", "profile", "event"]
    assert acted(row, "remove", "0.9") == row
