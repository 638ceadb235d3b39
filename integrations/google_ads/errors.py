"""What Google's errors mean. https://developers.google.com/google-ads/api/docs/get-started/handle-errors"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from stratum.lib.http import Answer, Failure, Garbled, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from stratum.lib.refusal import Fault

WAIT = timedelta(seconds=30)  # where Google names no delay
LONGEST_WAIT = timedelta(days=1)  # its quotas are of a day at most
NOT_THERE = {"RESOURCE_NOT_FOUND", "CUSTOMER_NOT_FOUND", "RESOURCE_DOES_NOT_EXIST"}
LOGIN = {"authenticationError", "authorizationError"}
TEMPORARY = {"internalError", "databaseError"}


def failure_of(answer: Answer, *, now: datetime) -> Failure:
    """For an answer that is no success; the stream's errors come inside a list."""
    told = _error(answer)
    if told is None:
        return _by_status(answer.status, f"Google answered HTTP {answer.status} without saying why.", now, "")
    failure = _failure(told)
    errors = _objects(failure.get("errors"))
    request_id = str(failure.get("requestId") or answer.headers.get("request-id") or "")
    said = " ".join(str(one.get("message") or "") for one in errors).strip() or str(told.get("message") or "")
    if not errors:
        return _by_status(_number(told.get("code")) or answer.status, said, now, request_id)
    return _of_errors(errors, said[:300], now, request_id)


def _of_errors(errors: Sequence[Mapping[str, Any]], said: str, now: datetime, request_id: str) -> Failure:
    codes = {name: str(value) for one in errors for name, value in _object(one.get("errorCode")).items()}
    if codes.get("quotaError") == "ACCESS_PROHIBITED":
        return NotAuthorised(f"Google refuses access: {said}", request_id=request_id)
    if "quotaError" in codes:
        delay = max((_delay(one) for one in errors), default=WAIT)
        return Throttled(f"Google asks us to slow down: {said}", retry_at=now + delay, request_id=request_id)
    if NOT_THERE & set(codes.values()):
        return Gone(f"Google Ads has no such object (any more): {said}", request_id=request_id)
    if LOGIN & codes.keys():
        return NotAuthorised(f"Google no longer lets us in: {said}", request_id=request_id)
    if TEMPORARY & codes.keys():
        return Unreachable(f"Google could not answer: {said}", request_id=request_id)
    code = next(iter(codes.values()), "")
    return Rejected(said, faults=list(_faults(errors)), code=code, request_id=request_id)


def _by_status(status: int, said: str, now: datetime, request_id: str) -> Failure:
    if status in (401, 403):
        return NotAuthorised(f"Google no longer lets us in: {said}", request_id=request_id)
    if status == 429:
        return Throttled(f"Google asks us to slow down: {said}", retry_at=now + WAIT, request_id=request_id)
    if status == 404:
        return Gone(f"Google Ads has no such place: {said}", request_id=request_id)
    if status >= 500:
        return Unreachable(f"Google could not answer: {said}", request_id=request_id)
    if status == 200:
        return Garbled(said)
    return Rejected(said, request_id=request_id)


def token_failure(answer: Answer) -> Failure:
    """Of https://oauth2.googleapis.com/token: `invalid_grant` means that the person took the permission back."""
    try:
        told = answer.json()
    except Garbled:
        told = {}
    said = str(told.get("error_description") or told.get("error") or "") if isinstance(told, dict) else ""
    if answer.status in (400, 401, 403):
        return NotAuthorised(f"Google no longer accepts the refresh token: {said or 'no reason given'}")
    return Unreachable(f"Google's login answered HTTP {answer.status}.", may_have_arrived=False)


def _delay(told: Mapping[str, Any]) -> timedelta:
    """As JSON writes durations: "30s", "1.5s"."""
    details = _object(_object(told.get("details")).get("quotaErrorDetails"))
    text = str(details.get("retryDelay") or "").removesuffix("s")
    try:
        return min(timedelta(seconds=max(1.0, float(text))), LONGEST_WAIT)
    except (ValueError, OverflowError):
        return WAIT


def _faults(errors: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    for one in errors:
        path = _objects(_object(one.get("location")).get("fieldPathElements"))
        names = [str(each.get("fieldName") or "") for each in path]
        yield Fault("/" + "/".join(names), str(one.get("message") or "")[:300])


def _error(answer: Answer) -> Mapping[str, Any] | None:
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    first = body[0] if isinstance(body, list) and body else body
    told = first.get("error") if isinstance(first, dict) else None
    return told if isinstance(told, dict) else None


def _failure(told: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((one for one in _objects(told.get("details")) if "errors" in one), {})


def _object(told: object) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}


def _objects(told: object) -> list[Mapping[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
