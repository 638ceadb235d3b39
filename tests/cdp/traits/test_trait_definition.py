"""What a definition may say: every fault at once, each with its place and a sentence."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cdp.definitions.trait_words import sentence
from cdp.definitions.traits import SYSTEM_NAMES, parse_stored, parse_trait
from cdp.traits.shown import shown
from stratum.lib.refusal import Invalid
from tests.cdp.traits.story import BERLIN, NOON, trait

RATIO = {"kind": "ratio", "numerator": {"event": "a"}, "denominator": {"event": "b"}}


def faults(body: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parse_trait(body)
    assert all(fault.detail.endswith(".") for fault in refused.value.faults)
    return {fault.pointer: fault.code for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"name": "Total"}, "/name", "malformed"),
        ({"name": "a" * 65}, "/name", "malformed"),
        ({"name": "total_spend"}, "/name", "reserved"),
        ({"name": "rfm_group"}, "/name", "reserved"),
        ({"name": "email"}, "/name", "reserved"),
        ({"name": None}, "/name", "required"),
        ({"colour": 1}, "/colour", "unknown_field"),
        ({"kind": "median", "fn": "count"}, "/kind", "unknown_choice"),
        ({"fn": "median"}, "/fn", "unknown_choice"),
        ({"fn": "sum"}, "/property", "required"),
        ({"kind": "last", "property": "p", "fn": "sum"}, "/fn", "not_applicable"),
        ({"fn": "avg", "property": "timestamp"}, "/property", "invalid"),
        ({"kind": "unique_count", "property": "timestamp"}, "/property", "invalid"),
        ({"event": ""}, "/event", "required"),
        ({"event": ["*", "a"]}, "/event", "invalid"),
        ({"event": {"prefix": ""}}, "/event/prefix", "required"),
        ({"event": 5}, "/event", "wrong_type"),
        ({"window": {"last": "P0D"}}, "/window/last", "out_of_range"),
        ({"window": {"last": "P1831D"}}, "/window/last", "out_of_range"),
        ({"window": {"last": "PT36H", "align": "day"}}, "/window/last", "invalid"),
        ({"window": {"between": ["P1D", "P2D"]}}, "/window/between", "reversed"),
        ({"window": {"from": "2026-02-01", "to": "2026-01-01"}}, "/window/to", "reversed"),
        ({"window": {"calendar": "someday"}}, "/window/calendar", "unknown_choice"),
        ({"window": {"since": "P1D"}}, "/window", "unknown_choice"),
        ({"window": {"last": "P1D", "more": 1}}, "/window/more", "unknown_field"),
        ({"where": {"property": "p", "op": "like", "value": 1}}, "/where/op", "invalid"),
        ({"calculation": "DAYS_SINCE"}, "/calculation", "not_applicable"),
        ({"kind": "last", "property": "p", "calculation": "YEARS"}, "/calculation", "unknown_choice"),
        ({"min_count": 2}, "/min_count", "not_applicable"),
        ({"kind": "most_frequent", "property": "p", "min_count": 0}, "/min_count", "out_of_range"),
        ({"kind": "most_frequent", "property": "p", "tie": "random"}, "/tie", "unknown_choice"),
        ({"currency": "EUR"}, "/currency", "not_applicable"),
        ({"fn": "sum", "property": "p", "currency": "euro"}, "/currency", "malformed"),
        ({"kind": "last", "property": "p", "default": []}, "/default", "wrong_type"),
        ({"default": 5}, "/default", "not_applicable"),
        ({"frequency": "weekly"}, "/frequency", "unknown_choice"),
        ({"numerator": {"event": "a"}}, "/numerator", "not_applicable"),
        ({"profile_filter": {"type": "event"}}, "/profile_filter/type", "unknown_choice"),
        ({"profile_filter": {"type": "profile", "field": "height", "op": "exists"}}, "/profile_filter/field", "unknown_field"),
        ({"profile_filter": {"type": "and", "children": []}}, "/profile_filter/children", "required"),
        ({"profile_filter": {"type": "profile", "field": "traits.some_trait", "op": "exists"}}, "/profile_filter", "cycle"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(body: dict[str, Any], pointer: str, code: str) -> None:
    assert faults(trait(**body)) == {pointer: code}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"event": "a"}, "/event"), ({"property": "p"}, "/property"), ({"numerator": None}, "/numerator"), ({"denominator": {"event": "b", "fn": 1}}, "/denominator/fn")],
)  # fmt: skip
def test_a_ratio_has_two_parts_and_no_event_of_its_own(body: dict[str, Any], pointer: str) -> None:
    assert pointer in faults({"name": "a", **RATIO, **body})


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_what_is_no_object(body: Any) -> None:
    assert faults(body)[""] == "wrong_type"


def test_every_fault_is_told_at_once() -> None:
    found = faults(trait(name="X", fn="sum", window={"last": "P0D"}, where={"op": "eq"}, more=1))
    assert set(found) == {"/name", "/property", "/window/last", "/where/property", "/more"}


def test_system_traits_may_be_stored_under_their_names() -> None:
    assert [parse_stored(trait(name=name), BERLIN).name for name in SYSTEM_NAMES] == list(SYSTEM_NAMES)


def test_a_filter_knows_what_it_asks() -> None:
    node = {"type": "not", "child": {"type": "and", "children": [
        {"type": "profile", "field": "traits.a", "op": "gt", "value": 1}, {"type": "profile_item", "field": "attributes.pets", "where": {"property": "kind", "op": "eq", "value": "cat"}}, {"type": "all"}]}}  # fmt: skip
    definition = parse_trait(trait(profile_filter=node))
    assert definition.uses == {"a"}
    assert definition.profile_filter is not None
    assert definition.profile_filter.fields == {"traits.a", "attributes.pets"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (trait(fn="sum", property="revenue", window={"last": "P30D"}, frequency="daily"), "The sum of revenue over purchase events in the last 30 days. Computed anew every day."),
        (trait(), "The number of purchase events. Kept up to date as events arrive."),
        (trait(kind="most_frequent", property="category", min_count=2), "The most frequent category of purchase events. It has to occur 2 times. Kept up to date as events arrive."),
        (trait(kind="last", property="timestamp", calculation="DAYS_SINCE"), "Days since the last purchase event. Kept up to date as events arrive."),
        (trait(kind="first", property="timestamp", event=["a", "b"]), "The time of the first a or b event. Kept up to date as events arrive."),
        (trait(kind="last", property="category", window={"last": "P1D", "align": "day"}), "The last category of purchase events today. Kept up to date as events arrive."),
        ({"name": "a", **RATIO}, "The number of a events, divided by the number of b events. Kept up to date as events arrive."),
    ],
)  # fmt: skip
def test_in_plain_english(body: dict[str, Any], words: str) -> None:
    assert sentence(parse_trait(body)) == words


# What readers see


def since(calculation: str, stored: str, now: datetime) -> Any:
    definition = parse_trait(trait(kind="last", property="timestamp", calculation=calculation))
    return shown(definition, stored, now=now, zone=BERLIN)


@pytest.mark.parametrize(
    ("stored", "now", "days"),
    [
        ("2026-07-30T21:59:59Z", "2026-07-31T00:01:00+02:00", 1),
        ("2026-07-30T22:00:00Z", "2026-07-31T23:59:00+02:00", 0),
        ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 1),  # a day of 23 hours
        ("2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", 0),  # and one of 25
        ("2026-08-02T00:00:00Z", "2026-07-31T12:00:00Z", -2),
    ],
)
def test_days_since_are_calendar_days_as_of_now(stored: str, now: str, days: int) -> None:
    assert since("DAYS_SINCE", stored, datetime.fromisoformat(now)) == days


def test_hours_since_are_whole_hours_that_have_passed() -> None:
    assert since("HOURS_SINCE", "2026-10-24T22:00:00Z", datetime.fromisoformat("2026-10-25T22:59:59Z")) == 24
    assert since("HOURS_SINCE", "2026-07-31T10:00:00Z", NOON + timedelta(minutes=59)) == 0


def test_where_nothing_is_stored() -> None:
    told = [
        shown(parse_trait(body), None, now=NOON, zone=BERLIN)
        for body in (trait(), trait(kind="last", property="p", default="x"))
    ]
    assert told == [0, "x"]
