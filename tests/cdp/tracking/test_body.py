"""What spoils a whole request, and what does not."""

import gzip
import json
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from cdp.tracking.body import BATCH_BYTES, BATCH_ITEMS, BadBody, Envelope, forced_kind, read_batch, read_body
from cdp.tracking.messages import Kind, Message, Rejection
from cdp.tracking.read import read_item
from tests.cdp.tracking.story import NOON, SERVER, track

BATCH = {"batch": [track()], "sentAt": "2026-05-01T12:00:00Z", "writeKey": "stw_key"}


def body(raw: bytes, encoding: str | None = None, content_type: str | None = "application/json") -> object:
    return read_body(raw, encoding=encoding, content_type=content_type)


def refused(raw: bytes, **how: str | None) -> BadBody:
    with pytest.raises(BadBody) as caught:
        body(raw, **how)
    assert caught.value.sentence
    return caught.value


def refused_batch(value: object, endpoint: str = "batch") -> BadBody:
    with pytest.raises(BadBody) as caught:
        read_batch(value, endpoint=endpoint)
    return caught.value


def outcomes(raw: bytes) -> list[Message | Rejection]:
    envelope = read_batch(body(raw), endpoint="batch")
    return [
        read_item(item, index, rules=SERVER, received_at=NOON, kind=None, envelope=envelope)
        for index, item in enumerate(envelope.items)
    ]


class TestBytes:
    @pytest.mark.parametrize(
        "content_type",
        [None, "", "application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "what/ever"],
    )
    def test_json_is_read_whatever_the_content_type_says(self, content_type):
        assert body(json.dumps(BATCH).encode(), content_type=content_type) == BATCH

    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", None, "identity", ""])
    def test_gzip_is_known_by_its_magic_bytes(self, encoding):
        assert body(gzip.compress(json.dumps(BATCH).encode()), encoding=encoding) == BATCH

    def test_a_proxy_may_have_unpacked_what_the_header_still_calls_gzip(self):
        assert body(json.dumps(BATCH).encode(), encoding="gzip") == BATCH

    def test_a_byte_order_mark_is_no_harm(self):
        assert body(b"\xef\xbb\xbf" + json.dumps(BATCH).encode()) == BATCH

    def test_unknown_encodings_are_named(self):
        fault = refused(b"...", encoding="br")
        assert (fault.code, fault.status) == ("unsupported_encoding", 415)
        assert "br" in fault.sentence

    def test_a_body_of_exactly_500_kb_passes_and_one_byte_more_does_not(self):
        shell = len(b'{"batch":[],"pad":""}')
        fits = b'{"batch":[],"pad":"%s"}' % (b"x" * (BATCH_BYTES - shell))
        assert len(fits) == 500 * 1024
        assert body(fits)
        fault = refused(fits + b" ")
        assert (fault.code, fault.status) == ("body_too_large", 400)

    def test_the_cap_counts_inflated_bytes(self):
        assert refused(gzip.compress(b" " * (BATCH_BYTES + 1))).code == "body_too_large"

    def test_a_gzip_bomb_is_not_inflated_beyond_the_cap(self):
        bomb = gzip.compress(b"\0" * 200_000_000, mtime=0)
        tracemalloc.start()
        fault = refused(bomb, encoding="gzip")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert fault.code == "body_too_large"
        assert peak < 4_000_000

    @pytest.mark.parametrize(
        "raw",
        [
            gzip.compress(b'{"batch":[]}', mtime=0)[:-9],
            b"\x1f\x8bnot really",
            b"\x1f\x8b",
            gzip.compress(b"{}", mtime=0) + b"more",
            gzip.compress(b"{}", mtime=0) * 2,
        ],
    )
    def test_broken_gzip_is_said_to_be_broken(self, raw):
        assert refused(raw, encoding="gzip").code == "invalid_gzip"

    def test_zero_padding_behind_gzip_is_tolerated(self):
        assert body(gzip.compress(b"{}", mtime=0) + b"\0\0") == {}

    @pytest.mark.parametrize("raw", [b"", b"  \n", gzip.compress(b"", mtime=0)])
    def test_an_empty_body_is_said_to_be_empty(self, raw):
        assert refused(raw).code == "empty_body"

    @pytest.mark.parametrize("raw", [b"{", b"not json", b'{"a":1,}', b"{'a':1}", b'{"a":"\x01"}', b'{"batch":[]} x'])
    def test_malformed_json_says_where(self, raw):
        fault = refused(raw)
        assert fault.code == "invalid_json"
        assert "line 1, column" in fault.sentence

    def test_a_real_form_is_told_to_send_json(self):
        fault = refused(b"event=x&userId=1", content_type="application/x-www-form-urlencoded")
        assert "Form fields are not read" in fault.sentence

    def test_invalid_utf8_says_at_which_byte(self):
        fault = refused(b'{"a":"\xff"}')
        assert (fault.code, fault.status) == ("invalid_utf8", 400)
        assert "byte 6" in fault.sentence

    @pytest.mark.parametrize("opener", [b"[", b'{"a":'])
    def test_bottomless_nesting_is_refused(self, opener):
        assert refused(opener * 60_000).code in {"too_deep", "invalid_json"}
        closed = opener * 50_000 + b"1" + (b"]" if opener == b"[" else b"}") * 50_000
        assert refused(closed).code == "too_deep"

    def test_a_hundred_thousand_digits_take_no_time(self):
        started = time.perf_counter()
        assert outcomes(
            b'{"batch":[{"type":"track","event":"e","userId":"u","properties":{"n":%s}}]}' % (b"9" * 30_000)
        )
        assert time.perf_counter() - started < 1


class TestOneBadItemSpoilsNoOther:
    @pytest.mark.parametrize(
        ("literal", "code"),
        [
            (b'"\\ud800"', "invalid_text"),
            (b'"\\udc00\\ud800"', "invalid_text"),
            (b'"a\\u0000b"', "invalid_text"),
            (b"NaN", "invalid_number"),
            (b"-Infinity", "invalid_number"),
            (b"1e400", "invalid_number"),
            (b"9" * 5_000, "invalid_number"),
            (b"[" * 30 + b"]" * 30, "too_deep"),
        ],
    )
    def test_its_neighbours_are_kept(self, literal, code):
        good = json.dumps(track()).encode()
        bad = json.dumps(track(properties={"x": "HERE"})).encode().replace(b'"HERE"', literal)
        first, second, third = outcomes(b'{"batch":[%s,%s,%s]}' % (good, bad, good))
        assert isinstance(first, Message)
        assert isinstance(third, Message)
        assert isinstance(second, Rejection)
        assert (second.index, second.code) == (1, code)

    def test_a_number_beyond_64_bit_means_the_same_beside_a_broken_neighbour(self):
        item = b'{"type":"track","event":"e","userId":"u","properties":{"n":123456789012345678901234}}'
        (alone,) = outcomes(b'{"batch":[%s]}' % item)
        beside, _ = outcomes(b'{"batch":[%s,NaN]}' % item)
        assert isinstance(alone, Message)
        assert isinstance(beside, Message)
        assert alone.properties == beside.properties == {"n": 1.2345678901234568e23}


class TestBatches:
    def test_it_opens_the_envelope(self):
        context = {"library": {"name": "x"}}
        envelope = read_batch({**BATCH, "context": context}, endpoint="batch")
        assert envelope == Envelope(
            items=[track()],
            sent_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
            context=context,
            write_key="stw_key",
            context_bytes=len('{"library":{"name":"x"}}'),
        )

    @pytest.mark.parametrize("endpoint", ["batch", "b", "import"])
    def test_every_batch_endpoint_takes_a_list(self, endpoint):
        assert read_batch(BATCH, endpoint=endpoint).items == [track()]
        assert read_batch([track()], endpoint=endpoint).items == [track()]

    @pytest.mark.parametrize("endpoint", ["track", "t", "page", "alias", "event"])
    def test_elsewhere_the_body_is_the_item(self, endpoint):
        item = {**track(), "writeKey": "stw_1", "sentAt": "2026-05-01T12:00:00Z"}
        envelope = read_batch(item, endpoint=endpoint)
        assert envelope.items == [item]
        assert (envelope.write_key, envelope.sent_at) == ("stw_1", NOON)

    def test_posthogs_spelling_of_the_envelope(self):
        envelope = read_batch({"api_key": "k", "sent_at": "2026-05-01T12:00:00Z", "batch": []}, endpoint="batch")
        assert (envelope.write_key, envelope.sent_at) == ("k", NOON)

    @pytest.mark.parametrize("sent_at", ["soon", True, [], {"a": 1}, 1e300, None, ""])
    def test_an_unreadable_sent_at_loses_no_items(self, sent_at):
        envelope = read_batch({"batch": [1], "sentAt": sent_at}, endpoint="batch")
        assert (envelope.items, envelope.sent_at) == ([1], None)

    def test_2500_items_pass_and_one_more_does_not(self):
        assert len(read_batch({"batch": [0] * BATCH_ITEMS}, endpoint="batch").items) == 2_500
        fault = refused_batch({"batch": [0] * 2_501})
        assert (fault.code, fault.status) == ("too_many_items", 400)
        assert refused_batch([0] * 2_501).code == "too_many_items"

    @pytest.mark.parametrize("value", [None, 1, "text", True, 1.5])
    def test_a_body_that_is_no_object_is_refused(self, value):
        assert refused_batch(value).code == "invalid_body"
        assert refused_batch(value, "track").code == "invalid_body"
        assert refused_batch([], "track").code == "invalid_body"

    @pytest.mark.parametrize("batch", [None, {}, "x", 1])
    def test_a_batch_that_is_no_list_is_refused(self, batch):
        assert refused_batch({"batch": batch}).code == "missing_batch"
        assert refused_batch({}).code == "missing_batch"

    @pytest.mark.parametrize(
        ("context", "code"),
        [
            ("text", "invalid_context"),
            ([1], "invalid_context"),
            ({"a": "\0"}, "invalid_text"),
            ({"a": float("nan")}, "invalid_number"),
            ({"a": "x" * 33_000}, "item_too_large"),
            (json.loads('{"a":' * 30 + "1" + "}" * 30), "too_deep"),
        ],
    )
    def test_a_spoilt_shared_context_spoils_the_batch(self, context, code):
        assert refused_batch({"batch": [], "context": context}).code == code

    @pytest.mark.parametrize("key", [None, 7, ["k"], {}])
    def test_a_write_key_is_text(self, key):
        assert read_batch({"batch": [], "writeKey": key}, endpoint="batch").write_key is None


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        ("identify", Kind.IDENTIFY),
        ("i", Kind.IDENTIFY),
        ("track", Kind.TRACK),
        ("t", Kind.TRACK),
        ("page", Kind.PAGE),
        ("p", Kind.PAGE),
        ("screen", Kind.SCREEN),
        ("s", Kind.SCREEN),
        ("group", Kind.GROUP),
        ("g", Kind.GROUP),
        ("alias", Kind.ALIAS),
        ("a", Kind.ALIAS),
        ("batch", None),
        ("b", None),
        ("import", None),
        ("event", None),
    ],
)
def test_single_endpoints_force_the_kind(endpoint, kind):
    assert forced_kind(endpoint) is kind
