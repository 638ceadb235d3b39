"""What the real SDKs put on the wire, read back. Nothing leaves the process."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from cdp.tracking.body import forced_kind, read_batch, read_body
from cdp.tracking.messages import Kind, Message
from cdp.tracking.read import read_item
from tests.cdp.tracking.story import BROWSER, DEFAULT_ALIASES, NOON, SERVER

HOST = "http://stratum.example"
SDKS = [SegmentClient, RudderClient]


def sent(call: Any) -> tuple[Message, str | None]:
    """The one message of a recorded request, and the write key in its body."""
    request = call.request
    raw = request.body if isinstance(request.body, bytes) else request.body.encode()
    headers = request.headers
    body = read_body(raw, encoding=headers.get("Content-Encoding"), content_type=headers.get("Content-Type"))
    envelope = read_batch(body, endpoint=request.path_url.rsplit("/", 1)[1])
    (item,) = envelope.items
    message = read_item(item, 0, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
    assert isinstance(message, Message), message
    assert message.sent_at is not None
    return message, envelope.write_key


@pytest.fixture(params=SDKS, ids=["segment", "rudder"])
def sdk(request):
    with responses.RequestsMock() as wire:
        wire.post(f"{HOST}/v1/batch", json={"success": True})
        yield request.param("stw_1", host=HOST, sync_mode=True, gzip=True), wire


def test_track(sdk):
    client, wire = sdk
    when = datetime(2026, 5, 1, 11, 0, tzinfo=UTC)
    client.track("u1", "Order Completed", {"revenue": 12.5}, timestamp=when, message_id="m-1")
    message, _ = sent(wire.calls[0])
    assert (message.kind, message.name, message.original_name) == (Kind.TRACK, "purchase", "Order Completed")
    assert (message.message_id, message.ts, message.properties) == ("m-1", when, {"revenue": 12.5})
    assert message.identifiers == (("user_id", "u1"),)
    assert message.context["library"]["name"] == "analytics-python"


def test_identify(sdk):
    client, wire = sdk
    client.identify(17, {"email": "Alice@Example.com", "plan": None}, timestamp=NOON)
    message, _ = sent(wire.calls[0])
    assert message.traits == {"email": "alice@example.com", "plan": None}
    assert message.identifiers == (("user_id", "17"), ("email", "alice@example.com"))


@pytest.mark.parametrize(("method", "name"), [("page", "page_view"), ("screen", "screen_view")])
def test_page_and_screen(sdk, method, name):
    client, wire = sdk
    getattr(client, method)(
        None, "Shop", "Home", {"url": "https://shop.example/?gclid=1"}, anonymous_id="a1", timestamp=NOON
    )
    message, _ = sent(wire.calls[0])
    assert (message.name, message.user_id, message.anonymous_id) == (name, None, "a1")
    assert message.properties == {"url": "https://shop.example/?gclid=1", "name": "Home", "category": "Shop"}
    assert message.platform == "google"


def test_group_and_alias(sdk):
    client, wire = sdk
    client.group("u1", "acme", {"seats": 3}, timestamp=NOON)
    client.alias("a1", "u1", timestamp=NOON)
    group, alias = sent(wire.calls[0])[0], sent(wire.calls[1])[0]
    assert (group.group_id, group.traits) == ("acme", {"seats": 3})
    assert (alias.previous_id, alias.user_id) == ("a1", "u1")


def test_segment_repeats_its_write_key_in_the_body():
    with responses.RequestsMock() as wire:
        wire.post(f"{HOST}/v1/batch", json={"success": True})
        SegmentClient("stw_1", host=HOST, sync_mode=True).track("u1", "e", timestamp=NOON)
        assert sent(wire.calls[0])[1] == "stw_1"


def browser_page() -> dict[str, Any]:
    """@segment/analytics-next, one page call to /v1/p, as a browser sends it with text/plain."""
    url = "https://shop.example/sale?utm_source=ig&utm_medium=paid&utm_campaign=Spring%20Sale&fbclid=IwAR0"
    page = {"path": "/sale", "referrer": "https://l.instagram.com/", "search": url[24:], "title": "Sale", "url": url}
    return {
        "timestamp": "2026-05-01T11:59:59.900Z",
        "integrations": {"Segment.io": True},
        "type": "page",
        "properties": page,
        "context": {
            "page": page,
            "userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
            "locale": "de-DE",
            "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
            "campaign": {"name": "Spring Sale", "source": "ig", "medium": "paid"},
            "timezone": "Europe/Berlin",
        },
        "messageId": "ajs-next-1746100799900-5b0c",
        "writeKey": "stw_1",
        "userId": None,
        "anonymousId": "5a0c9d51-6a67-4ae6-8c31-9d1d6bfe8d11",
        "sentAt": "2026-05-01T11:59:59.950Z",
        "_metadata": {"bundled": ["Segment.io"], "unbundled": [], "bundledIds": []},
    }


def one(item: dict[str, Any], endpoint: str) -> Message:
    body = read_body(json.dumps(item).encode(), encoding=None, content_type="text/plain")
    envelope = read_batch(body, endpoint=endpoint)
    message = read_item(
        envelope.items[0], 0, rules=BROWSER, received_at=NOON, kind=forced_kind(endpoint), envelope=envelope
    )
    assert isinstance(message, Message), message
    return message


def test_the_browser_library():
    message = one(browser_page(), "p")
    assert (message.name, message.anonymous_id, message.user_id) == (
        "page_view",
        "5a0c9d51-6a67-4ae6-8c31-9d1d6bfe8d11",
        None,
    )
    assert (message.platform, message.device, message.campaign) == ("meta", "mobile", "Spring Sale")
    assert message.flags == ()
    assert message.ts.microsecond == 900_000


def test_rudder_node_sends_only_an_original_timestamp():
    item = {
        "event": "Product Added",
        "userId": "u1",
        "properties": {},
        "type": "track",
        "context": {"library": {"name": "analytics-node", "version": "3.0.0"}},
        "channel": "server",
        "_metadata": {"nodeVersion": "22.1.0"},
        "originalTimestamp": "2026-05-01T11:00:00.000Z",
        "messageId": "m-1",
        "sentAt": "2026-05-01T12:00:00.000Z",
    }
    body = {"batch": [item], "timestamp": "2026-05-01T12:00:00Z", "sentAt": "2026-05-01T12:00:00Z"}
    envelope = read_batch(body, endpoint="batch")
    message = read_item(item, 0, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
    assert isinstance(message, Message)
    assert (message.name, message.ts.hour, message.sent_at) == (DEFAULT_ALIASES["Product Added"], 11, NOON)


def test_jitsu_masks_the_key_in_the_body_and_sends_a_null_group():
    item = {
        "type": "track",
        "event": "Checkout Started",
        "userId": None,
        "anonymousId": "a1",
        "properties": {},
        "timestamp": "2026-05-01T11:59:59Z",
        "sentAt": "2026-05-01T11:59:59Z",
        "messageId": "1x2y3z",
        "writeKey": "abc:***",
        "groupId": None,
        "context": {"traits": {"email": "a@example.com"}, "clientIds": {"fbp": "fb.1.2.3"}, "campaign": {}},
    }
    message = one(item, "track")
    assert (message.name, message.group_id) == ("initiate_checkout", None)
    assert message.identifiers == (("email", "a@example.com"), ("anonymous_id", "a1"))
