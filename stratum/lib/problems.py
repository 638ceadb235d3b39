"""Errors of the API: RFC 9457 problem+json with a code, the request id and a pointer to each fault."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from stratum.lib.refusal import Fault, Invalid, Missing, NotAllowed, Refusal, refusal_of

MEDIA_TYPE = "application/problem+json"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

# What PostgreSQL's text and jsonb cannot hold: NUL, and halves of surrogate pairs.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Answered(Exception):
    """Raised before a view's work: this is the answer already."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("answered before")
        self.response = response


def body(status: int, code: str, detail: str, request_id: str, faults: Sequence[Fault] = ()) -> dict[str, Any]:
    """The members of a problem document."""
    return {
        "type": f"urn:stratum:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
        "errors": [{"pointer": fault.pointer, "detail": fault.detail, "code": fault.code} for fault in faults],
    }


def respond(request: HttpRequest, status: int, code: str, detail: str, faults: Sequence[Fault] = ()) -> JsonResponse:
    """A problem document outside of REST framework's views."""
    document = body(status, code, detail, request_id(request), faults)
    return JsonResponse(document, status=status, content_type=MEDIA_TYPE)


def request_id(request: HttpRequest | Request) -> str:
    return getattr(request, "request_id", "")


def handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. An error nobody anticipated stays one (None)."""
    if isinstance(error, Answered):
        return error.response  # type: ignore[return-value]
    request: Request = context["request"]
    refusal = as_refusal(error, request)
    if refusal is None:
        return None
    document = body(refusal.status, refusal.code, refusal.sentence, request_id(request), refusal.faults)
    return Response(document, status=refusal.status, headers=_headers(error), content_type=MEDIA_TYPE)


def as_refusal(error: Exception, request: Request) -> Refusal | None:
    """Our own words for what Django and REST framework raise."""
    if refusal := refusal_of(error):
        return refusal
    match error:
        case Http404():
            return Missing()
        case PermissionDenied():
            return NotAllowed("not_allowed", "You may not do this.")
        case RequestDataTooBig():
            return too_large()
        case exceptions.ValidationError():
            return _invalid(error, 400 if request.method in SAFE_METHODS else 422)
        case exceptions.APIException():
            return Refusal(_code(error), _sentence(error), status=error.status_code)
        case RecursionError():
            # Python's JSON reader, or whoever walks what it read, met thousands of nested brackets.
            return Refusal("too_deep", "This is nested too deeply. Flatten it.", status=400)
    return None


def too_large() -> Refusal:
    most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) / 1_000_000
    return Refusal("body_too_large", f"This is too large. Send at most {most:g} MB in one request.", status=413)


def unknown_fields(data: Mapping[str, object], known: Iterable[str], pointer: str = "") -> list[Fault]:
    """A fault for every member of `data` that `known` does not list."""
    names = sorted(known)
    sentence = "There is no field “{}” here. Known fields: " + (", ".join(names) or "none") + "."
    return [
        Fault(f"{pointer}/{escape(name)}", sentence.format(name[:80]), "unknown_field")
        for name in data
        if name not in names
    ]


def unstorable(data: object, pointer: str = "") -> Iterator[Fault]:
    """A fault for every text (member names too) with a character that PostgreSQL cannot store."""
    if isinstance(data, str) and UNSTORABLE.search(data):
        yield Fault(pointer, "This text contains NUL or half a surrogate pair. Remove the character.", "unstorable")
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield from unstorable(name, pointer)
            yield from unstorable(value, f"{pointer}/{escape(name)}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from unstorable(value, f"{pointer}/{index}")


def escape(name: object) -> str:
    """A member name inside a JSON pointer (RFC 6901), printable whatever it holds."""
    return UNSTORABLE.sub("\ufffd", str(name)).replace("~", "~0").replace("/", "~1")


def faults_of(detail: object, pointer: str = "") -> Iterator[Fault]:
    """Flatten a serializer's nested errors into faults with pointers."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = pointer if name == "non_field_errors" else f"{pointer}/{escape(name)}"
            yield from faults_of(inner, here)
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from faults_of(inner, f"{pointer}/{index}" if nested else pointer)
    else:
        yield Fault(pointer, str(detail), getattr(detail, "code", "invalid"))


def _invalid(error: exceptions.ValidationError, status: int) -> Invalid:
    refusal = Invalid(list(faults_of(error.detail)))
    refusal.status = status
    return refusal


def _code(error: exceptions.APIException) -> str:
    code = error.get_codes()
    return code if isinstance(code, str) else error.default_code


def _sentence(error: exceptions.APIException) -> str:
    return str(error.detail if isinstance(error.detail, str) else error.default_detail)


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers
