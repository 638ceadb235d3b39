"""Whatever JSON can say, reading never raises and what it gives can be stored."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.tracking.body import BadBody, Envelope, read_batch, read_body
from cdp.tracking.messages import Kind, Message, Rejection
from cdp.tracking.read import read_item
from tests.cdp.tracking.story import BROWSER, NOON, SERVER

TEXT = st.text(alphabet=st.characters(codec=None), max_size=12)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), TEXT)
WORDS = st.sampled_from(
    [
        "null",
        "u1",
        "a@b.co",
        "+491712345678",
        "2026-05-01T12:00:00Z",
        "2026-05-01",
        "https://x.de/?gclid=1",
        "$identify",
    ]
)
FIELDS = st.sampled_from(
    [
        "type",
        "event",
        "userId",
        "anonymousId",
        "messageId",
        "traits",
        "properties",
        "context",
        "timestamp",
        "originalTimestamp",
        "sentAt",
        "groupId",
        "previousId",
        "name",
        "category",
        "distinct_id",
        "uuid",
        "$set",
        "email",
        "phone",
        "page",
        "url",
        "search",
        "referrer",
        "campaign",
        "source",
        "externalIds",
        "id",
        "device",
        "userAgent",
        "userAgentData",
        "mobile",
        "os",
        "alias",
        "$device_id",
        "$group_type",
        "$group_key",
        "event_id",
        "collection",
    ]
)
KINDS = st.sampled_from([kind.name.lower() for kind in Kind])
VALUES = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS | TEXT, inner, max_size=5),
    max_leaves=25,
)
ITEMS = VALUES | st.builds(
    lambda kind, fields: {"type": kind, "event": "e", "userId": "u1", **fields},
    KINDS,
    st.dictionaries(FIELDS, VALUES, max_size=6),
)


def assert_polite(fault: BadBody) -> None:
    assert fault.sentence
    assert 400 <= fault.status < 500


def assert_storable(outcome: Message | Rejection) -> None:
    if isinstance(outcome, Rejection):
        texts = [outcome.message_id, outcome.name, outcome.code, outcome.reason, outcome.item]
        assert all("\0" not in text and text.encode() is not None for text in texts)
        return
    stored = orjson.dumps([outcome.traits, outcome.properties, outcome.context])
    assert b"\\u0000" not in stored.replace(b"\\\\", b"")
    texts = [outcome.message_id, outcome.name, outcome.platform, outcome.campaign, outcome.event_id, outcome.group_id]
    texts += [part for pair in outcome.identifiers for part in pair]
    assert all("\0" not in text and len(text.encode()) <= 2_000 for text in texts if text)
    assert outcome.ts.tzinfo is not None
    assert (outcome.ts - NOON).total_seconds() <= 3_600


@settings(max_examples=400, deadline=None, derandomize=True)
@given(ITEMS, st.sampled_from([None, *Kind]), st.booleans())
def test_every_item_becomes_a_message_or_a_rejection(item, kind, client_side):
    rules = BROWSER if client_side else SERVER
    outcome = read_item(item, 5, rules=rules, received_at=NOON, kind=kind, envelope=Envelope(items=[], sent_at=NOON))
    assert isinstance(outcome, Message | Rejection)
    assert outcome.index == 5
    assert_storable(outcome)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(VALUES, st.sampled_from(["batch", "track", "alias"]))
def test_every_body_becomes_an_envelope_or_a_refusal(body, endpoint):
    try:
        envelope = read_batch(body, endpoint=endpoint)
    except BadBody as fault:
        assert_polite(fault)
        return
    for index, item in enumerate(envelope.items):
        assert_storable(read_item(item, index, rules=SERVER, received_at=NOON, kind=None, envelope=envelope))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x1f\x8b\x08" + tail))
def test_every_sequence_of_bytes_becomes_a_value_or_a_refusal(raw):
    try:
        value = read_body(raw, encoding=None, content_type=None)
    except BadBody as fault:
        assert_polite(fault)
    else:
        assert value is None or isinstance(value, bool | int | float | str | list | dict)
