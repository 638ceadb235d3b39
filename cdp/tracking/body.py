"""From the bytes of a request to its items. What spoils the whole request is a BadBody; one bad item is not."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import orjson

from cdp.tracking.messages import Kind, Unreadable
from cdp.tracking.soundness import ITEM_BYTES, checked_size
from cdp.tracking.times import read_instant

BATCH_BYTES = 500 * 1024
BATCH_ITEMS = 2_500

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
LONGEST_INTEGER = 20  # digits and sign; anything longer is a float, as orjson reads it

SINGLES: Mapping[str, Kind] = MappingProxyType(
    {
        "track": Kind.TRACK,
        "t": Kind.TRACK,
        "page": Kind.PAGE,
        "p": Kind.PAGE,
        "screen": Kind.SCREEN,
        "s": Kind.SCREEN,
        "identify": Kind.IDENTIFY,
        "i": Kind.IDENTIFY,
        "group": Kind.GROUP,
        "g": Kind.GROUP,
        "alias": Kind.ALIAS,
        "a": Kind.ALIAS,
    }
)
BATCHES = frozenset({"batch", "b", "import"})


class BadBody(Exception):
    """A request of which nothing can be kept: a code, a sentence fit for a person, the HTTP status."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a request says once for all of its items. `context_bytes` is the size of `context` as JSON."""

    items: list[object]
    sent_at: datetime | None = None
    context: Mapping[str, Any] | None = None
    write_key: str | None = None
    context_bytes: int = 0


def forced_kind(endpoint: str) -> Kind | None:
    """The kind that a single endpoint (`track`, `t`, …) gives its item; None where each item has its own `type`."""
    return SINGLES.get(endpoint)


def read_body(raw: bytes, *, encoding: str | None, content_type: str | None) -> object:
    """The JSON value in `raw`, whatever its content type says; gzip is known by its header or its magic bytes."""
    if (encoding or "").strip().lower() not in {"", "identity", "gzip", "x-gzip"}:
        raise BadBody("unsupported_encoding", f"Send the body plain or with gzip; it came as {encoding!r}.", 415)
    text = _inflated(raw) if raw.startswith(GZIP_MAGIC) else raw
    if len(text) > BATCH_BYTES:
        raise _too_large()
    text = text.removeprefix(BOM)
    if not text.strip():
        raise BadBody("empty_body", "The body is empty; send a JSON object.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _read_leniently(text, error, content_type)


def read_batch(body: object, *, endpoint: str) -> Envelope:
    """The items of `body` and what it says for all of them. A single endpoint's body is its one item."""
    if endpoint in BATCHES and isinstance(body, list):
        return Envelope(items=_counted(body))
    if not isinstance(body, dict):
        raise BadBody("invalid_body", f"Send a JSON object; the body is {_article(body)}.")
    if endpoint not in BATCHES:
        return Envelope(items=[body], sent_at=_sent_at(body), write_key=_write_key(body))
    items = body.get("batch")
    if not isinstance(items, list):
        raise BadBody("missing_batch", 'Send the messages as a list: {"batch": [{"type": "track", …}]}.')
    context, size = _shared_context(body.get("context"))
    return Envelope(_counted(items), _sent_at(body), context, _write_key(body), size)


def _too_large() -> BadBody:
    return BadBody("body_too_large", f"Send at most {BATCH_BYTES // 1024} KB in one request; split the batch.")


def _inflated(raw: bytes) -> bytes:
    """Inflates no further than the cap, so that a gzip bomb costs no more than an honest batch."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = inflater.decompress(raw, BATCH_BYTES + 1)
    except zlib.error:
        raise BadBody("invalid_gzip", "The body starts like gzip but cannot be unpacked; send it again.") from None
    if len(text) > BATCH_BYTES:
        raise _too_large()
    if not inflater.eof or inflater.unused_data.strip(b"\0"):
        raise BadBody("invalid_gzip", "The gzip body is cut off or has something behind it; send it again.")
    return text


def _read_leniently(text: bytes, error: orjson.JSONDecodeError, content_type: str | None) -> object:
    """Lets lone surrogates, NaN and too large numbers through: they spoil their own item, not its neighbours."""
    try:
        return json.loads(text.decode(), parse_int=_integer)
    except UnicodeDecodeError as fault:
        raise BadBody("invalid_utf8", f"The body is not UTF-8 text (byte {fault.start}); encode it as UTF-8.") from None
    except RecursionError:
        raise BadBody("too_deep", "The body is nested too deeply; flatten it to at most 20 levels.") from None
    except ValueError:
        raise _malformed(error, content_type) from None


def _malformed(error: orjson.JSONDecodeError, content_type: str | None) -> BadBody:
    where = f"{error.msg.split(':')[0]} at line {error.lineno}, column {error.colno}"
    form = (content_type or "").startswith(("application/x-www-form-urlencoded", "multipart/form-data"))
    hint = " Form fields are not read: send the JSON itself as the body." if form else ""
    return BadBody("invalid_json", f"The body is not valid JSON: {where}.{hint}")


def _integer(digits: str) -> int | float:
    number = int(digits) if len(digits) <= LONGEST_INTEGER else 1 << 64
    return number if -(1 << 63) <= number < 1 << 64 else float(digits)


def _counted(items: list[object]) -> list[object]:
    if len(items) > BATCH_ITEMS:
        raise BadBody("too_many_items", f"Send at most {BATCH_ITEMS:,} messages in one batch; this has {len(items):,}.")
    return items


def _shared_context(context: object) -> tuple[dict[str, Any] | None, int]:
    if not context:
        return None, 0
    if not isinstance(context, dict):
        raise BadBody("invalid_context", f"The batch's context must be an object; it is {_article(context)}.")
    try:
        return context, checked_size(context, ITEM_BYTES)
    except Unreadable as fault:
        raise BadBody(fault.code, f"The batch's context cannot be read. {fault.reason}") from None


def _sent_at(body: dict[str, Any]) -> datetime | None:
    """None when it cannot be read: without it no clock is corrected, which is no reason to lose the items."""
    try:
        instant, _ = read_instant(body.get("sentAt") or body.get("sent_at"))
    except ValueError:
        return None
    return instant


def _write_key(body: dict[str, Any]) -> str | None:
    key = body.get("writeKey") or body.get("api_key")
    return key if isinstance(key, str) else None


def _article(value: object) -> str:
    if value is None:
        return "null"
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return kinds.get(type(value), "a number")
