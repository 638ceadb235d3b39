"""The tracking API: Segment's HTTP methods, so that the SDKs people already use need only another host.

Plain Django views, because the callers are SDKs that expect Segment's answers, not problem+json.
"""

import base64
import binascii
from datetime import datetime
from functools import partial

import psycopg
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt

from cdp.services.ingest import ingest, keep_unreadable
from cdp.tracking.body import BATCHES, SINGLES, BadBody, Envelope, forced_kind, read_batch, read_body
from stratum.lib import clock
from stratum.lib.routes import route
from stratum.workspaces import access, queries
from stratum.workspaces.models import WriteKey

RETRY_AFTER = 5  # seconds after which an SDK should try again when the database is away

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Write-Key, AnonymousId",
    "Access-Control-Max-Age": "86400",
}


class _BadKey(Exception):
    """The text is the answer's detail."""


def receive(request: HttpRequest, *, endpoint: str) -> HttpResponse:
    """One request of an SDK."""
    answer = _answer(request, endpoint)
    for header, value in CORS.items():
        answer[header] = value
    if asked := request.headers.get("Access-Control-Request-Headers"):
        answer["Access-Control-Allow-Headers"] = asked
    return answer


def _answer(request: HttpRequest, endpoint: str) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204)
    if request.method != "POST":
        answer = _error(405, "method_not_allowed", "Send events with POST.")
        answer["Allow"] = "POST, OPTIONS"
        return answer
    try:
        return _take(request, endpoint)
    except _BadKey as error:
        return _error(401, "bad_write_key", str(error))
    except (OperationalError, psycopg.OperationalError):
        answer = _error(503, "unavailable", "The database is away. Send the same request again in a moment.")
        answer["Retry-After"] = str(RETRY_AFTER)
        return answer


def _take(request: HttpRequest, endpoint: str) -> HttpResponse:
    now = clock.now()
    given = _key_of_headers(request)
    source = _source(given) if given is not None else None
    raw = b""
    try:
        raw = _raw(request)
        envelope = read_batch(_body(request, raw), endpoint=endpoint)
    except BadBody as error:
        if source is not None:
            keep_unreadable(source=source, code=error.code, reason=error.sentence, raw=raw, received_at=now)
        return _error(error.status, error.code, error.sentence)
    return _store(source or _source(envelope.write_key), envelope, endpoint, now)


def _store(source: WriteKey, envelope: Envelope, endpoint: str, now: datetime) -> HttpResponse:
    receipt = ingest(
        workspace=source.workspace,
        source=source,
        items=envelope.items,
        received_at=now,
        kind=forced_kind(endpoint),
        envelope=envelope,
    )
    rejected = [
        {"index": item.index, "messageId": item.message_id, "code": item.code, "message": item.reason}
        for item in receipt.rejected
    ]
    if rejected and endpoint not in BATCHES:
        return _error(400, receipt.rejected[0].code, receipt.rejected[0].reason)
    return JsonResponse({"success": True, "rejected": rejected} if rejected else {"success": True})


def _body(request: HttpRequest, raw: bytes) -> object:
    return read_body(
        raw,
        encoding=request.headers.get("Content-Encoding"),
        content_type=request.headers.get("Content-Type", ""),
    )


def _raw(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise BadBody("body_too_large", "A request may have 500 KB. Send smaller batches.", 400) from None
    except UnreadablePostError:
        raise BadBody("body_incomplete", "The body did not arrive whole. Send it again.", 400) from None


# The write key


def _source(key: str | None) -> WriteKey:
    if not key:
        raise _BadKey("No write key. Send it as the Basic user name, as X-Write-Key, or as writeKey in the body.")
    source = queries.authenticate_write_key(key)
    if source is None:
        raise _BadKey("This write key is unknown or revoked. Its workspace shows the keys under Settings > Sources.")
    return source


def _key_of_headers(request: HttpRequest) -> str | None:
    """The key the headers name; None when they name none. A header wins over the body even when it is wrong."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return _basic_user(text.strip())
    if scheme.lower() == "bearer":
        return text.strip()
    given = request.headers.get("X-Write-Key")
    return given.strip() if given is not None else None


def _basic_user(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        raise _BadKey("The Authorization header is not Basic base64(key:).") from None


def _error(status: int, code: str, sentence: str) -> JsonResponse:
    return JsonResponse({"success": False, "code": code, "message": sentence, "detail": sentence}, status=status)


def _endpoint(address: str, endpoint: str) -> URLPattern:
    view = access.public(csrf_exempt(partial(receive, endpoint=endpoint)))
    return route(address, view, name=f"tracking_{address.replace('/', '_')}")


urlpatterns = [
    *(_endpoint(f"v1/{endpoint}", endpoint) for endpoint in (*SINGLES, *sorted(BATCHES))),
    *(_endpoint(f"api/s/{endpoint}", endpoint) for endpoint in SINGLES if len(endpoint) > 1),  # Jitsu's
    *(_endpoint(f"api/s/s2s/{endpoint}", endpoint) for endpoint in SINGLES if len(endpoint) > 1),
    _endpoint("batch", "batch"),  # where PostHog's libraries send
]
