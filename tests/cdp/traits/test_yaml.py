"""Traits as the product's manual writes them: pasted as printed, turned into the API's shape, and printed again."""

from typing import Any

import pytest

from cdp.definitions.trait_words import sentence
from cdp.definitions.trait_yaml import LONGEST, read_yaml, write_yaml
from cdp.definitions.traits import parse_stored, parse_trait
from stratum.lib.refusal import Invalid
from tests.cdp.traits.story import BERLIN

PRINTED: dict[str, tuple[str, dict[str, Any]]] = {
    "Total Spend (30 Days)": (
        "Name: total_spend_30d\nType: Aggregation\nAggregation: SUM\nEvent: purchase\nProperty: revenue\n"
        "Time Window: 30 days\nUpdate Frequency: Daily\n",
        {"name": "total_spend_30d", "kind": "aggregation", "fn": "sum", "event": "purchase", "property": "revenue", "window": {"last": "P30D"}, "frequency": "daily"},
    ),
    "Purchase Frequency": (
        "Name: purchase_frequency_30d\nType: Aggregation\nAggregation: COUNT\nEvent: purchase\nTime Window: 30 days\n",
        {"name": "purchase_frequency_30d", "kind": "aggregation", "fn": "count", "event": "purchase", "window": {"last": "P30D"}, "frequency": "realtime"},
    ),
    "Favorite Product Category": (
        "Name: favorite_category\nType: Most Frequent\nEvent: purchase\nProperty: category\nTime Window: 90 days\n",
        {"name": "favorite_category", "kind": "most_frequent", "property": "category", "window": {"last": "P90D"}, "min_count": 1},
    ),
    "Days Since Last Purchase": (
        "Name: days_since_purchase\nType: Last\nEvent: purchase\nProperty: timestamp\nCalculation: DAYS_SINCE\n",
        {"name": "days_since_purchase", "kind": "last", "property": "timestamp", "calculation": "DAYS_SINCE", "window": None},
    ),
    "Average Order Value": (
        "Name: average_order_value\nType: Aggregation\nAggregation: AVG\nEvent: purchase\nProperty: revenue\n"
        "Time Window: All time\n",
        {"name": "average_order_value", "kind": "aggregation", "fn": "avg", "property": "revenue", "window": None},
    ),
}  # fmt: skip
EXAMPLES = pytest.mark.parametrize(("text", "shape"), PRINTED.values(), ids=PRINTED)


@EXAMPLES
@pytest.mark.parametrize("pasted", ["{}", "```yaml\n{}```", "**Example 1**\n```yaml\n{}```\nand so on", "\n{}\n\n"])
def test_an_example_is_read_as_printed(text: str, shape: dict[str, Any], pasted: str) -> None:
    for lines in (text, text.replace("\n", "\r\n")):
        written = parse_trait(read_yaml(pasted.replace("{}", lines)), zone=BERLIN).to_json()
        assert {name: written[name] for name in shape} == shape


@EXAMPLES
def test_an_example_is_printed_as_it_was_read(text: str, shape: dict[str, Any]) -> None:
    printed = write_yaml(parse_trait(read_yaml(text)))
    assert printed.replace("Time Window: All time\n", "") == text.replace("Time Window: All time\n", "")


WHERE = {
    "type": "and",
    "children": [
        {"property": "day", "op": "after", "value": "2026-01-01"},
        {"property": "n", "op": "in", "value": ["1", 1]},
    ],
}


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "ratio", "numerator": {"event": "email_opened", "window": {"last": "P30D"}}, "denominator": {"event": ["email_delivered", "Delivered"], "window": {"last": "P30D"}}, "default": 0},
        {"kind": "aggregation", "fn": "count", "event": {"prefix": "email"}, "where": WHERE, "window": {"last": "P3D", "align": "day"}},
        {"kind": "aggregation", "fn": "max", "event": "*", "property": "no: #1", "currency": "EUR", "window": {"between": ["P2D", "PT90S"]}, "frequency": "hourly"},
        {"kind": "most_frequent", "event": ["on", "yes", "2026-01-01", "12:30", "0x10"], "property": "null", "min_count": 3, "tie": "most_recent", "default": "", "label": "Größe: “x”", "description": "two\nlines"},
        {"kind": "last", "event": "purchase", "property": "p", "default": False, "window": {"calendar": "last_week"}, "profile_filter": {"type": "profile", "field": "traits.total_spend", "op": "gt", "value": 1.5}},
        {"kind": "unique_list", "event": " ~ ", "property": "p", "window": {"from": "2026-01-01"}},
    ],
)  # fmt: skip
def test_everything_survives_a_round_trip(body: dict[str, Any]) -> None:
    definition = parse_trait({"name": "some_trait", **body}, zone=BERLIN)
    assert parse_trait(read_yaml(write_yaml(definition)), zone=BERLIN) == definition
    assert parse_stored(definition.to_json(), BERLIN) == definition
    assert sentence(definition).endswith(".")


def test_email_open_rate_in_its_short_form() -> None:
    text = "Name: open_rate\nType: Ratio\nNumerator: email_opened\nDenominator: {Event: email_delivered, Time Window: 30 days}"
    written = parse_trait(read_yaml(text)).to_json()
    assert written["numerator"] == {"event": "email_opened", "where": None, "window": None}
    assert written["denominator"] == {"event": "email_delivered", "where": None, "window": {"last": "P30D"}}


@pytest.mark.parametrize(
    ("condition", "where"),
    [
        ("revenue >= 10", {"property": "revenue", "op": "gte", "value": 10}),
        ("category = Shoes", {"property": "category", "op": "eq", "value": "Shoes"}),
        ("[revenue > 1.5, {property: a, op: exists}]", {"type": "and", "children": [{"property": "revenue", "op": "gt", "value": 1.5}, {"property": "a", "op": "exists"}]}),
        ("{property: day, op: after, value: 2026-01-01}", {"property": "day", "op": "after", "value": "2026-01-01"}),
    ],
)  # fmt: skip
def test_conditions(condition: str, where: dict[str, Any]) -> None:
    assert read_yaml(f"Conditions: {condition}")["where"] == where


@pytest.mark.parametrize(
    ("phrase", "window"),
    [
        ("Last 2 weeks", "P14D"),
        ("12 hours", "PT12H"),
        ("1 day", "P1D"),
        ("P30D", "P30D"),
        ("the last 45 minutes", "PT45M"),
    ],
)
def test_time_windows_as_people_write_them(phrase: str, window: str) -> None:
    assert read_yaml(f"Time Window: {phrase}")["window"] == {"last": window}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Name: [", "line 1, column 8"),
        ("Name: a\nName: b", "line 2"),
        ("a: &a [1]\nName: *a", "cannot be read"),
        ("!!python/object/apply:os.getcwd []", "cannot be read"),
        ("- Name", "one setting per line"),
        ("", "one setting per line"),
        ("Colour: red", "“Colour” is no setting"),
        ("Type: First/Last", "write First, or write Last"),
        ("Type: Median", "choose one of"),
        ("Aggregation: MEDIAN", "choose one of"),
        ("Time Window: a while", "no time window"),
        ("Where: expensive", "no condition"),
        ("x" * (LONGEST + 1), "longer than"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        read_yaml(text)
    assert {fault.pointer for fault in refused.value.faults} == {"/yaml"}


def test_keys_that_are_no_text_do_not_surprise_anybody() -> None:
    with pytest.raises(Invalid) as refused:
        parse_trait(read_yaml("Name: a\nType: Last\nEvent: b\nProperty: c\nWhere: {1: 2}"))
    assert [fault.pointer for fault in refused.value.faults] == ["/where/1"]
