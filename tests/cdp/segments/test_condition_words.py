"""Conditions in plain English."""

from typing import Any

import pytest

from cdp.definitions.condition_reading import parse_condition
from cdp.definitions.condition_words import lines, sentence
from cdp.definitions.segment_templates import TEMPLATES

BOUGHT = {"type": "event", "event": "purchase"}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            {**BOUGHT, "op": "gte", "value": 3, "window": {"last": "P30D"}},
            "performed purchase at least 3 times in the last 30 days",
        ),
        (
            {"type": "not", "child": {**BOUGHT, "window": {"last": "P90D"}}},
            "did not perform purchase in the last 90 days",
        ),
        (
            {**BOUGHT, "measure": {"fn": "sum", "property": "revenue"}, "op": "gt", "value": 500},
            "the sum of revenue over purchase is more than 500",
        ),
        (
            {"type": "sequence", "steps": [{"event": "a"}, {"event": "b", "gap": {"max": "P1D"}}], "total": "P7D"},
            "performed a, then b (at most 1 day later) all within 7 days",
        ),
        (
            {"type": "profile", "field": "traits.a", "op": "gt", "value": {"ref": "traits.b"}},
            "traits.a is more than traits.b",
        ),
        (
            {
                "type": "held",
                "field": "attributes.plan",
                "op": "eq",
                "value": "gold",
                "for": {"op": "gte", "value": "P30D"},
            },
            "attributes.plan is gold for at least 30 days",
        ),
    ],
)
def test_it_reads_like_a_sentence(condition: dict[str, Any], words: str) -> None:
    parse_condition(condition)
    assert sentence(condition) == words


def test_each_node_has_a_line() -> None:
    condition = {"type": "or", "children": [BOUGHT, {"type": "not", "child": {"type": "all"}}]}
    assert list(lines(condition)) == [
        ("/condition", 0, "Any of these"),
        ("/condition/children/0", 1, "performed purchase"),
        ("/condition/children/1", 1, "Not"),
        ("/condition/children/1/child", 2, "everybody"),
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_a_condition(name: str) -> None:
    parse_condition(TEMPLATES[name].condition)
    assert sentence(TEMPLATES[name].condition)
