"""What PostHog's libraries send to /batch/, told in Segment's terms."""

import pytest

from cdp.tracking.body import read_batch
from cdp.tracking.messages import Kind
from cdp.tracking.read import read_item
from tests.cdp.tracking.story import NOON, SERVER, accepted, rejected, track

ANONYMOUS = "0196a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"


def capture(event="clicked", distinct_id="u1", **fields):
    return {
        "event": event,
        "distinct_id": distinct_id,
        "uuid": "0196a1b2-0000-7000-8000-000000000001",
        "timestamp": "2026-05-01T11:59:58.123+00:00",
        "properties": {"$lib": "posthog-python", "$lib_version": "6.7.0", "$geoip_disable": True, "size": 3},
        **fields,
    }


def test_a_batch_as_posthog_node_sends_it():
    body = {"api_key": "stw_1", "batch": [{**capture(), "type": "capture"}], "sent_at": "2026-05-01T12:00:00Z"}
    envelope = read_batch(body, endpoint="batch")
    message = read_item(envelope.items[0], 0, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
    assert (message.kind, message.name, message.user_id) == (Kind.TRACK, "clicked", "u1")
    assert message.message_id == "0196a1b2-0000-7000-8000-000000000001"
    assert message.properties["size"] == 3
    assert message.context["library"] == {"name": "posthog-python", "version": "6.7.0"}
    assert message.sent_at == NOON
    assert message.ts.microsecond == 123_000


def test_a_capture_may_set_traits():
    assert accepted(capture(**{"$set": {"plan": "pro"}})).traits == {"plan": "pro"}
    item = capture(properties={"$set": {"email": "A@example.com"}})
    assert accepted(item).identifiers == (("user_id", "u1"), ("email", "a@example.com"))


@pytest.mark.parametrize("event", ["$identify", "$set"])
def test_identify(event):
    message = accepted(capture(event, **{"$set": {"email": "a@example.com"}}))
    assert message.kind is Kind.IDENTIFY
    assert message.traits == {"email": "a@example.com"}


def test_an_identify_of_the_browser_joins_the_anonymous_id():
    item = capture("$identify", properties={"$anon_distinct_id": ANONYMOUS, "$device_id": ANONYMOUS})
    assert accepted(item).identifiers == (("user_id", "u1"), ("anonymous_id", ANONYMOUS))


@pytest.mark.parametrize(
    "properties",
    [{"$is_identified": False}, {"$process_person_profile": False}, {"$device_id": ANONYMOUS}],
)
def test_what_posthog_calls_anonymous_is_no_user(properties):
    message = accepted(capture(distinct_id=ANONYMOUS, properties=properties))
    assert message.identifiers == (("anonymous_id", ANONYMOUS),)


def test_the_distinct_id_may_be_inside_the_properties():
    item = {"event": "clicked", "properties": {"distinct_id": "u1"}}
    assert accepted(item).user_id == "u1"


def test_numbers_and_blocked_ids():
    assert accepted(capture(distinct_id=7)).user_id == "7"
    for nobody in (None, "", "null", "anonymous"):
        assert rejected(capture(distinct_id=nobody)).code == "missing_identity"
    assert rejected(capture(distinct_id=["u1"])).code == "invalid_id"


@pytest.mark.parametrize(
    ("event", "kind", "name"), [("$pageview", Kind.PAGE, "page_view"), ("$screen", Kind.SCREEN, "screen_view")]
)
def test_pages_and_screens(event, kind, name):
    properties = {"$current_url": "https://shop.example/?gclid=1", "$screen_name": "Home", "$device_type": "Mobile"}
    message = accepted(capture(event, properties=properties))
    assert (message.kind, message.name, message.platform, message.device) == (kind, name, "google", "mobile")
    assert message.properties.get("name") == ("Home" if kind is Kind.SCREEN else None)


@pytest.mark.parametrize(
    ("distinct_id", "alias", "previous", "user"),
    [
        ("u1", "old", "old", "u1"),
        ("u1", ANONYMOUS, ANONYMOUS, "u1"),
        (ANONYMOUS, "u1", ANONYMOUS, "u1"),
    ],
)
def test_an_alias_leads_to_the_id_that_is_not_made_up(distinct_id, alias, previous, user):
    item = capture("$create_alias", distinct_id, properties={"distinct_id": distinct_id, "alias": alias})
    message = accepted(item)
    assert message.kind is Kind.ALIAS
    assert (message.previous_id, message.user_id) == (previous, user)


def test_a_group_of_a_person():
    properties = {"$group_type": "company", "$group_key": "acme", "$group_set": {"plan": "team"}}
    message = accepted(capture("$groupidentify", properties=properties))
    assert (message.kind, message.group_id, message.user_id) == (Kind.GROUP, "acme", "u1")
    assert message.traits == {"plan": "team"}


def test_a_group_of_nobody_makes_no_profile():
    properties = {"$group_type": "company", "$group_key": "acme"}
    assert rejected(capture("$groupidentify", "$company_acme", properties=properties)).code == "no_person"


@pytest.mark.parametrize(
    "wrong", [{"properties": "x"}, {"$set": "x"}, {"context": "x"}, {"event": 7}, {"event": ["e"]}]
)
def test_wrong_types_are_refused(wrong):
    outcome = capture() | wrong
    assert rejected(outcome).code in {"invalid_properties", "invalid_traits", "invalid_context", "invalid_event"}


def test_a_segment_item_is_never_mistaken():
    assert accepted(track(distinct_id="other")).user_id == "u1"
    assert rejected({"event": "e", "userId": None, "distinct_id": "u1"}).code == "unknown_type"
