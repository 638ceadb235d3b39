"""The condition language: what is read, and what is refused where."""

from typing import Any

import pytest

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.conditions import Both, Neither, Performed, ProfileCondition
from cdp.engine.predicates import Ref, Test
from stratum.lib.refusal import Invalid

BOUGHT = {"type": "event", "event": "purchase"}
HIGH_VALUE_AT_RISK = {
    "type": "and",
    "children": [
        {"type": "profile", "field": "traits.total_spend_lifetime", "op": "gt", "value": "$500"},
        {"type": "profile", "field": "traits.days_since_purchase", "op": "gt", "value": 60},
        {"type": "profile", "field": "traits.email_open_rate_30d", "op": "lt", "value": "10%"},
        {"type": "not", "child": {**BOUGHT, "window": {"last": "P90D"}}},
    ],
}


def faults(raw: object) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parse_condition(raw)
    return {fault.pointer: fault.code for fault in refused.value.faults}


def test_the_tutorials_example_is_read_with_its_dollars_and_percents() -> None:
    condition = parse_condition(HIGH_VALUE_AT_RISK)
    assert isinstance(condition, Both)
    values = [one.predicate.value for one in condition.children if isinstance(one, ProfileCondition)]  # type: ignore[union-attr]
    assert values == [500, 60, 0.1]
    last = condition.children[-1]
    assert isinstance(last, Neither)
    assert isinstance(last.child, Performed)
    assert (last.child.op, last.child.value, last.child.path) == ("gte", 1, "/condition/children/3/child")


def test_a_trait_is_compared_with_another() -> None:
    read = parse_condition({"type": "profile", "field": "traits.a", "op": "gt", "value": {"ref": "traits.b"}})
    assert isinstance(read, ProfileCondition)
    assert isinstance(read.predicate, Test)
    assert read.predicate.value == Ref("traits.b")


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = BOUGHT
    for _ in range(levels - 1):
        node = {"type": "not", "child": node}
    return node


def test_eight_levels_and_a_hundred_comparisons_are_read() -> None:
    parse_condition(deep(8))
    parse_condition({"type": "or", "children": [BOUGHT] * 100})


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (deep(9), "/condition" + "/child" * 8, "too_deep"),
        ({"type": "or", "children": [BOUGHT] * 101}, "/condition", "too_many"),
        ({"type": "or", "children": []}, "/condition/children", "required"),
        ({"type": "likes"}, "/condition/type", "unknown_type"),
        ([], "/condition", "wrong_type"),
        ({**BOUGHT, "op": "gt"}, "/condition/value", "required"),
        ({**BOUGHT, "value": 3}, "/condition/op", "required"),
        ({**BOUGHT, "op": "about", "value": 3}, "/condition/op", "unknown_choice"),
        ({**BOUGHT, "op": "between", "value": [5, 2]}, "/condition/value", "invalid"),
        ({**BOUGHT, "op": "gt", "value": "3"}, "/condition/value", "wrong_type"),
        ({**BOUGHT, "measure": {"fn": "sum"}, "op": "gt", "value": 3}, "/condition/measure/property", "required"),
        ({**BOUGHT, "window": {"between": ["P10D", "P20D"]}}, "/condition/window/between", "reversed"),
        ({**BOUGHT, "window": {"from": "2026-02-01", "to": "2026-01-01"}}, "/condition/window/to", "reversed"),
        ({**BOUGHT, "whom": 1}, "/condition/whom", "unknown_field"),
        ({"type": "event", "event": {"prefix": ""}}, "/condition/event/prefix", "required"),
        (
            {**BOUGHT, "where": {"property": "a", "op": "matches", "value": "(?=a)"}},
            "/condition/where/value",
            "invalid",
        ),
        (
            {**BOUGHT, "where": {"property": "a", "op": "matches", "value": "a" * 201}},
            "/condition/where/value",
            "invalid",
        ),
        ({"type": "profile", "field": "shoe", "op": "eq", "value": 1}, "/condition/field", "unknown_field"),
        ({"type": "profile", "field": "email", "op": "eq"}, "/condition/value", "invalid"),
        ({"type": "profile", "field": "email", "op": "exists", "value": 1}, "/condition/value", "invalid"),
        (
            {"type": "profile", "field": "traits.a", "op": "between", "value": {"ref": "traits.b"}},
            "/condition/op",
            "unknown_choice",
        ),
        ({"type": "segment", "segment": "vip"}, "/condition/segment", "invalid"),
        ({"type": "static", "ids": ["anna"]}, "/condition/ids/0", "invalid"),
        ({"type": "first_event", "event": "a"}, "/condition/window", "required"),
        ({"type": "last_event", "event": "a"}, "/condition/has", "required"),
        (
            {"type": "regular", "event": "a", "per": "P7D", "periods": 4, "at_least": 5},
            "/condition/at_least",
            "out_of_range",
        ),
        ({"type": "sequence", "steps": [{"event": "a"}]}, "/condition/steps", "required"),
        (
            {
                "type": "sequence",
                "steps": [{"event": "a"}, {"event": "b"}],
                "exclude": [{"event": "c", "between": [1, 0]}],
            },
            "/condition/exclude/0/between",
            "out_of_range",
        ),
        (
            {"type": "sequence", "steps": [{"event": "a"}, {"event": "b", "gap": {"min": "P2D", "max": "P1D"}}]},
            "/condition/steps/1/gap/max",
            "reversed",
        ),
        (
            {"type": "held", "field": "email", "op": "exists", "for": {"op": "gt", "value": "P1D"}},
            "/condition/field",
            "unknown_field",
        ),
        (
            {"type": "held", "field": "attributes.plan", "op": "exists", "for": {"op": "gt", "value": "long"}},
            "/condition/for/value",
            "invalid",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_its_place(raw: object, pointer: str, code: str) -> None:
    assert faults(raw) == {pointer: code}


def test_every_fault_is_told_at_once() -> None:
    raw = {"type": "and", "children": [{"type": "likes"}, {**BOUGHT, "op": "gt"}]}
    assert set(faults(raw)) == {"/condition/children/0/type", "/condition/children/1/value"}
