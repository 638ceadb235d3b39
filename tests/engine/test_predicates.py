"""Property filters: what each operator means, and which filters are refused."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cdp.engine.predicate_grammar import PredicateError, parse_predicate
from cdp.engine.predicates import AllOf, AnyItem, AnyOf, Not, Test, holds

NOW = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z
BERLIN = ZoneInfo("Europe/Berlin")


def decide(op: str, value: Any, operand: Any = None) -> bool:
    source = {"property": "p", "op": op} if operand is None else {"property": "p", "op": op, "value": operand}
    return holds(parse_predicate(source), {"p": value}, NOW)


@pytest.mark.parametrize("value", [None, "", [], {}])
def test_missing_values(value: Any) -> None:
    assert not decide("exists", value)
    assert decide("not_exists", value)
    assert not decide("eq", value, "x")
    assert decide("neq", value, "x")
    assert not decide("lt", value, 5)
    assert decide("not_contains", value, "x")
    assert decide("not_between", value, [1, 2])
    assert decide("has_none", value, ["a"])


@pytest.mark.parametrize("value", [0, False, "0", [0], {"a": None}])
def test_zero_and_false_are_values(value: Any) -> None:
    assert decide("exists", value)


@pytest.mark.parametrize(
    ("value", "operand", "equal"),
    [
        (5, 5.0, True), ("5", 5, True), (5, "5", True), (5, " 5.0 ", True), ("01234", "1234", False), ("abc", 5, False),
        (19.99, "19.99", True), (0.1 + 0.2, 0.3, False), (True, True, True), (True, 1, False), (1, True, False), ("true", True, False),
        ("A", "a", False), (["a", "b"], "b", True), (["a", "b"], "c", False), ({"a": 1}, "a", False), (2**60 + 1, 2**60, False),
    ],
)  # fmt: skip
def test_equality(value: Any, operand: Any, equal: bool) -> None:
    assert decide("eq", value, operand) is equal
    assert decide("neq", value, operand) is not equal
    assert decide("in", value, ["zzz", operand]) is equal
    assert decide("not_in", value, ["zzz", operand]) is not equal


def test_order_is_numeric_when_one_side_is_a_number() -> None:
    assert decide("gt", "10", 9)
    assert decide("lt", "10", "9")
    assert not decide("gt", "abc", 1)
    assert not decide("gt", True, 0)
    assert not decide("gt", [5], 1)
    assert decide("gte", 5, 5) and decide("lte", 5, 5)
    assert decide("between", 5, [5, 6]) and decide("between", 6, [5, 6]) and not decide("between", 6.001, [5, 6])


def test_text_operators_ignore_case() -> None:
    assert decide("contains", "Summer SALE", "sale")
    assert decide("starts_with", "Summer", "sUM") and decide("ends_with", "Summer", "MER")
    assert decide("contains", ["Red", "Blue"], "blu")
    assert decide("starts_with", 12.0, "12") and not decide("contains", 12.0, ".")
    assert decide("matches", "order-17", r"^order-\d+$")
    assert decide("not_matches", "Order-17", r"^order-\d+$")


def test_lists() -> None:
    assert decide("has_any", ["a", "b"], ["b", "c"])
    assert not decide("has_all", ["a", "b"], ["b", "c"]) and decide("has_all", ["a", "b", "c"], ["b", "c"])
    assert decide("has_none", ["a"], ["b", "c"])
    assert decide("has_any", "a", ["a"])


def test_dates() -> None:
    assert decide("before", "2026-01-30T23:59:59Z", "2026-01-31")
    assert decide("on", "2026-01-31T00:00:00Z", "2026-01-31") and decide(
        "on", "2026-01-31T23:59:59.999999Z", "2026-01-31"
    )
    assert decide("after", "2026-02-01", "2026-01-31") and not decide("after", "2026-01-31T12:00:00Z", "2026-01-31")
    assert decide("within_last", "2026-09-20T14:13:20Z", "P1D") and not decide(
        "within_last", "2026-09-20T14:13:19Z", "P1D"
    )
    assert decide("older_than", "2026-09-20T14:13:19Z", "P1D") and not decide(
        "within_last", "2026-09-22T00:00:00Z", "P1D"
    )
    assert decide("within_next", "2026-09-22", "P1D") and decide("later_than", "2026-09-23", "P1D")
    assert decide("within_last", NOW // 1_000_000 - 60, "PT1M") and decide("within_last", NOW // 1_000 - 60_000, "PT1M")
    assert not decide("before", "soon", "2026-01-31")


def test_dates_without_a_zone_are_read_in_the_given_one() -> None:
    on_sunday = parse_predicate({"property": "p", "op": "on", "value": "2026-03-29"}, zone=BERLIN)
    assert holds(on_sunday, {"p": "2026-03-28T23:00:00Z"}, NOW)
    assert holds(on_sunday, {"p": "2026-03-29T21:59:59Z"}, NOW)
    assert not holds(on_sunday, {"p": "2026-03-29T22:00:00Z"}, NOW)
    assert holds(on_sunday, {"p": "2026-03-29T23:30:00"}, NOW)


def test_groups() -> None:
    one, two = {"property": "a", "op": "eq", "value": 1}, {"property": "b", "op": "exists"}
    both = parse_predicate({"type": "and", "children": [one, two]})
    either = parse_predicate({"type": "or", "children": [one, two]})
    neither = parse_predicate({"type": "not", "child": {"type": "or", "children": [one, two]}})
    assert both == AllOf((Test("a", "eq", 1), Test("b", "exists")))
    assert isinstance(either, AnyOf) and isinstance(neither, Not)
    assert [holds(p, {"a": 1}, NOW) for p in (both, either, neither)] == [False, True, False]
    assert [holds(p, {"a": 1, "b": 0}, NOW) for p in (both, either, neither)] == [True, True, False]
    assert [holds(p, {}, NOW) for p in (both, either, neither)] == [False, False, True]


def test_any_item_wants_one_item_with_everything() -> None:
    dear_shoes = parse_predicate({"type": "any_item", "property": "products", "where": {"type": "and", "children": [
        {"property": "category", "op": "eq", "value": "shoes"}, {"property": "price", "op": "gt", "value": 100}]}})  # fmt: skip
    assert isinstance(dear_shoes, AnyItem)
    assert holds(dear_shoes, {"products": [{"category": "shoes", "price": 101}]}, NOW)
    assert not holds(
        dear_shoes, {"products": [{"category": "shoes", "price": 9}, {"category": "hats", "price": 101}]}, NOW
    )
    assert not holds(dear_shoes, {"products": "shoes"}, NOW)


def test_nested_properties() -> None:
    nested = Test("cart.total", "gt", 5)
    assert holds(nested, {"cart": {"total": 6}}, NOW)
    assert holds(nested, {"cart.total": 6, "cart": {"total": 1}}, NOW)
    assert not holds(nested, {"cart": [6]}, NOW)


@pytest.mark.parametrize(
    ("source", "pointer"),
    [
        ([], "/w"),
        ({"property": "", "op": "exists"}, "/w/property"),
        ({"property": "p", "op": "like", "value": "x"}, "/w/op"),
        ({"property": "p", "op": ["eq"], "value": "x"}, "/w/op"),
        ({"property": "p", "op": "eq"}, "/w/value"),
        ({"property": "p", "op": "exists", "value": 1}, "/w/value"),
        ({"property": "p", "op": "eq", "value": None}, "/w/value"),
        ({"property": "p", "op": "eq", "value": ["a"]}, "/w/value"),
        ({"property": "p", "op": "eq", "value": {"ref": "event.x"}}, "/w/value"),
        ({"property": "p", "op": "gt", "value": ["a"]}, "/w/value"),
        ({"property": "p", "op": "in", "value": "a"}, "/w/value"),
        ({"property": "p", "op": "in", "value": []}, "/w/value"),
        ({"property": "p", "op": "between", "value": [2, 1]}, "/w/value"),
        ({"property": "p", "op": "between", "value": ["a", True]}, "/w/value"),
        ({"property": "p", "op": "matches", "value": "("}, "/w/value"),
        ({"property": "p", "op": "matches", "value": "(?=a)"}, "/w/value"),
        ({"property": "p", "op": "matches", "value": "a" * 201}, "/w/value"),
        ({"property": "p", "op": "on", "value": "2026-02-30"}, "/w/value"),
        ({"property": "p", "op": "within_last", "value": "7 days"}, "/w/value"),
        ({"property": "p", "op": "exists", "a/b": 1}, "/w/a~1b"),
        ({"type": "and", "children": []}, "/w/children"),
        ({"type": "xor"}, "/w/type"),
        ({"type": "or", "children": [{"property": "p", "op": "exists"}, {"property": "p"}]}, "/w/children/1/op"),
        ({"type": "not"}, "/w/child"),
    ],
)  # fmt: skip
def test_refused_with_the_place(source: Any, pointer: str) -> None:
    with pytest.raises(PredicateError) as refused:
        parse_predicate(source, "/w")
    assert refused.value.pointer == pointer
    assert refused.value.sentence.endswith(".") or "RE2" in refused.value.sentence


def test_depth_and_size_are_limited() -> None:
    deep: Any = {"property": "p", "op": "exists"}
    for _ in range(8):
        deep = {"type": "not", "child": deep}
    with pytest.raises(PredicateError):
        parse_predicate(deep)
    with pytest.raises(PredicateError):
        parse_predicate({"type": "or", "children": [{"property": "p", "op": "exists"}] * 101})


def test_hostile_patterns_take_no_time() -> None:
    assert not decide("matches", "a" * 30_000 + "!", r"^(a+)+$")
