"""A property filter in plain English."""

from collections.abc import Mapping
from typing import Any

from cdp.engine.predicate_grammar import STEP
from cdp.engine.predicates import read_duration
from stratum.lib import periods

OPERATORS: Mapping[str, str] = {
    "exists": "has a value",
    "not_exists": "has no value",
    "eq": "is",
    "neq": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "between": "is between",
    "not_between": "is not between",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "not_matches": "does not match",
    "has_any": "has any of",
    "has_all": "has all of",
    "has_none": "has none of",
    "after": "is after",
    "before": "is before",
    "on": "is on",
    "within_last": "is within the last",
    "within_next": "is within the next",
    "older_than": "is longer ago than",
    "later_than": "is further ahead than",
}
DURATIONS = ("within_last", "within_next", "older_than", "later_than")
RANGES = ("between", "not_between")


def predicate_words(node: Mapping[str, Any]) -> str:
    """`category is Shoes and (price is more than 10 or brand has a value)`."""
    return _words(node, is_inside=False)


def _words(node: Mapping[str, Any], *, is_inside: bool) -> str:
    match node.get("type"):
        case "and" | "or":
            joined = f" {node['type']} ".join(_words(child, is_inside=True) for child in node["children"])
            return f"({joined})" if is_inside and len(node["children"]) > 1 else joined
        case "not":
            return f"not {_words(node['child'], is_inside=True)}"
        case "any_item":
            return f"any of {node['property']} with {_words(node['where'], is_inside=True)}"
        case "all":
            return "anything"
    return " ".join(filter(None, (node["property"], OPERATORS[node["op"]], _value(node["op"], node.get("value")))))


def _value(op: str, value: Any) -> str:
    if value is None:
        return ""
    if op in DURATIONS:
        micros = read_duration(value)
        return str(value) if micros is None else periods.duration_words(micros)
    if op in RANGES:
        return f"{_shown(value[0])} and {_shown(value[1])}"
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value)
    return _shown(value)


def _other(ref: str) -> str:
    """`step.0.sku` is the sku of step 1, as the sentence counts steps."""
    step = STEP.fullmatch(ref)
    return f"the {step[2]} of step {int(step[1]) + 1}" if step else ref


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return _other(str(value.get("ref", "")))
    return f"{value:,}" if isinstance(value, int) else str(value)
