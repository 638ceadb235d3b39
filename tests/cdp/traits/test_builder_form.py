"""The trait builder's form says the same as the API's body, and finds its way back to the same fields."""

from datetime import UTC
from typing import Any

import pytest
from django.http import QueryDict

from cdp.definitions.trait_templates import TEMPLATES
from cdp.definitions.trait_yaml import read_yaml
from cdp.definitions.traits import parse_trait
from cdp.forms.funnel_matches import FilterRow
from cdp.forms.traits import TraitBuilder
from stratum.lib.refusal import Fault

SUM: dict[str, Any] = {"name": "spend", "kind": "aggregation", "fn": "sum", "event": "purchase", "property": "revenue"}
BODIES: list[dict[str, Any]] = [
    *({**read_yaml(template.yaml), "label": template.label} for template in TEMPLATES.values()),
    {**SUM, "fn": "avg", "currency": "EUR", "default": 12.5, "where": {"property": "revenue", "op": "gt", "value": 10}},
    {**SUM, "window": {"last": "PT36H"}, "description": "Of a day and a half"},
    {**SUM, "window": {"last": "P7D", "align": "day"}, "frequency": "hourly"},
    {**SUM, "window": {"between": ["P60D", "P30D"]}},
    {**SUM, "window": {"before": "P90D"}},
    {**SUM, "window": {"calendar": "last_month"}},
    {**SUM, "window": {"from": "2026-01-01", "to": "2026-02-01"}},
    {**SUM, "event": ["purchase", "Order Completed"]},
    {**SUM, "event": {"prefix": "order_"}},
    {
        "name": "brands",
        "kind": "most_frequent",
        "event": "purchase",
        "property": "brand",
        "min_count": 3,
        "tie": "most_recent",
        "default": "none",
    },
    {
        "name": "open_rate",
        "kind": "ratio",
        "numerator": {"event": "email_opened", "window": {"last": "P30D"}},
        "denominator": {"event": "email_delivered", "where": {"property": "kind", "op": "neq", "value": "test"}},
    },
    {"name": "skus", "kind": "unique_list", "event": "purchase", "property": "sku"},
    {
        **SUM,
        "profile_filter": {
            "type": "and",
            "children": [
                {"type": "profile", "field": "lifecycle_stage", "op": "eq", "value": "customer"},
                {"type": "profile", "field": "attributes.plan", "op": "in", "value": ["gold", "silver"]},
            ],
        },
    },
    {
        **SUM,
        "profile_filter": {"type": "not", "child": {"type": "profile", "field": "email", "op": "exists"}},
    },
]


@pytest.mark.parametrize("body", BODIES)
def test_a_trait_opened_and_saved_is_the_same_trait(body: dict[str, Any]) -> None:
    saved = parse_trait(body, zone=UTC)
    written, faults = TraitBuilder.of_body(saved.to_json()).body()
    assert faults == []
    assert parse_trait(written, zone=UTC).to_json() == saved.to_json()


def test_first_and_last_are_one_type() -> None:
    builder = TraitBuilder.of_body(read_yaml(TEMPLATES["days_since_purchase"].yaml))
    assert (builder.type, builder.end, builder.property_name) == ("first_last", "last", "timestamp")
    assert builder.calculation == "DAYS_SINCE"


def test_a_profile_filter_stands_as_lines() -> None:
    profiles = TraitBuilder.of_body(BODIES[-2]).profiles
    assert (profiles.join, profiles.advanced) == ("and", "")
    assert profiles.filters == [
        FilterRow("lifecycle_stage", "eq", "customer"),
        FilterRow("attributes.plan", "in", "gold, silver"),
    ]


def test_more_than_lines_stays_json() -> None:
    assert '"type": "not"' in TraitBuilder.of_body(BODIES[-1]).profiles.advanced


def test_fields_that_do_not_apply_are_left_out() -> None:
    post = QueryDict(
        "type=aggregation&fn=count&property_name=revenue&currency=EUR&calculation=DAYS_SINCE&min_count=2&tie=most_recent"
        "&name=orders&part-0-event=purchase&part-1-event=email_opened&part-0-window_kind=last&part-0-window_count=30"
    )
    body, faults = TraitBuilder.of_post(post).body()
    assert faults == []
    assert {"property", "currency", "calculation", "min_count", "tie", "denominator"}.isdisjoint(body)
    assert body["window"] == {"last": "P30D"}


def test_a_default_is_a_number_where_values_are() -> None:
    assert TraitBuilder(type="aggregation", fn="avg", default="5").body()[0]["default"] == 5
    assert TraitBuilder(type="most_frequent", default="5").body()[0]["default"] == "5"


def test_what_cannot_be_written_is_told() -> None:
    post = QueryDict("part-0-event=purchase&part-0-window_kind=last&part-0-window_count=many")
    _, faults = TraitBuilder.of_post(post).body()
    assert [fault.pointer for fault in faults] == ["/window"]


@pytest.mark.parametrize(
    ("pointer", "place", "slot"),
    [
        ("/event", 0, "event"),
        ("/where/children/0/op", 0, "where"),
        ("/window/last", 0, "window"),
        ("/numerator/event/1", 0, "event"),
        ("/denominator/window", 1, "window"),
        ("/denominator", 1, "event"),
    ],
)
def test_faults_of_events_stand_at_their_part(pointer: str, place: int, slot: str) -> None:
    builder = TraitBuilder()
    builder.show([Fault(pointer, "No.")])
    assert builder.parts[place].errors == {slot: "No."}
    assert builder.focus == f"part-{place}-{slot}"


def test_other_faults_stand_at_their_field() -> None:
    builder = TraitBuilder()
    builder.show([Fault("/property", "Which?"), Fault("/profile_filter/field", "Who?"), Fault("/kind", "What?")])
    assert (builder.errors["property_name"], builder.errors["type"]) == ("Which?", "What?")
    assert builder.profiles.errors == {"where": "Who?"}
    assert builder.focus == "property_name"


def test_in_yaml_all_faults_stand_at_the_text() -> None:
    builder = TraitBuilder(view="yaml", yaml="Name: x")
    builder.show([Fault("/event", "Name an event."), Fault("/property", "Name a property.")])
    assert builder.errors == {"yaml": "Name an event. Name a property."}


def test_buttons_change_rows() -> None:
    builder = TraitBuilder()
    assert builder.act("add_filter:part-1")
    assert builder.act("add_filter:profiles")
    assert builder.act("add_event:part-0")
    assert (len(builder.parts[1].filters), len(builder.profiles.filters), len(builder.parts[0].events)) == (1, 1, 2)
    assert builder.act("remove_filter:profiles:0")
    assert builder.profiles.filters == []
    assert builder.act("remove_event:part-9:0")
    assert not builder.act("save")
