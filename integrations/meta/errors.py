"""What Meta's errors mean. https://developers.facebook.com/docs/marketing-api/error-reference"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from stratum.lib.http import Answer, Failure, Garbled, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from stratum.lib.refusal import Fault

TOKEN_LOST = {102, 190, 463, 467}
NO_RIGHT = {3, 10, 200, 273, 294, 298}
TEMPORARY = {1, 2}
SLOW_DOWN = {4, 17, 32, 341, 368, 613, *range(80_000, 80_015)}
NO_SUCH_OBJECT = 33  # subcode of 100
TOO_MUCH_DATA = 1_487_534  # subcode of 100 and 1: ask for less at once
WAIT = timedelta(minutes=5)  # where Meta names no time: the window of its scores
LONGEST_WAIT = 86_400  # seconds
USAGE_HEADERS = ("X-Business-Use-Case-Usage", "X-Ad-Account-Usage", "X-App-Usage")


class TooMuch(Rejected):
    """The answer would be too large: ask for fewer days."""


def failure_of(answer: Answer, *, now: datetime) -> Failure:
    """For an answer that is no success."""
    told = _error(answer)
    if told is None:
        return Garbled(f"Meta answered HTTP {answer.status} without saying why.")
    code, trace = _number(told.get("code")), str(told.get("fbtrace_id") or "")
    said = sentence_of(told)
    if code in TOKEN_LOST:
        return NotAuthorised(f"Meta no longer accepts the access token: {said}", request_id=trace)
    if code in SLOW_DOWN:
        wait = longest_wait(answer.headers) or WAIT
        return Throttled(f"Meta asks us to slow down: {said}", retry_at=now + wait, request_id=trace)
    if code in NO_RIGHT:
        return NotAuthorised(f"The access token may not do this: {said}", request_id=trace)
    if _number(told.get("error_subcode")) == TOO_MUCH_DATA or "reduce the amount of data" in said:
        return TooMuch(said, code=str(code), request_id=trace)
    if code in TEMPORARY or told.get("is_transient"):
        return Unreachable(f"Meta could not answer: {said}", request_id=trace)
    if code == 100 and _number(told.get("error_subcode")) == NO_SUCH_OBJECT:
        return Gone("Meta knows no such object, or the access token may not see it.", request_id=trace)
    return Rejected(said, faults=_faults(told, said), code=str(code), request_id=trace)


def sentence_of(told: Mapping[str, Any]) -> str:
    """What Meta wrote for people, else what it wrote for programs."""
    title, text = told.get("error_user_title"), told.get("error_user_msg")
    if text:
        return f"{title}: {text}" if title else str(text)
    return str(told.get("message") or "no reason given")[:300]


def busiest(headers: Mapping[str, str]) -> float:
    """The highest percentage of any limit that was used, by the usage headers; 0 without them."""
    return max((number for _, usage in _usages(headers) for number in _percentages(usage)), default=0.0)


def longest_wait(headers: Mapping[str, str]) -> timedelta | None:
    """`estimated_time_to_regain_access` is in minutes, `reset_time_duration` of accounts in seconds."""
    waits = []
    for name, usage in _usages(headers):
        waits.append(60 * _number(usage.get("estimated_time_to_regain_access")))
        if name == "X-Ad-Account-Usage":
            waits.append(_number(usage.get("reset_time_duration")))
    longest = min(max(waits, default=0), LONGEST_WAIT)
    return timedelta(seconds=longest) if longest > 0 else None


def _usages(headers: Mapping[str, str]) -> list[tuple[str, Mapping[str, Any]]]:
    """One header holds lists by business, the others one object; what cannot be read says nothing."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name in USAGE_HEADERS:
        told = _json(headers.get(name) or "null")
        if isinstance(told, dict) and all(isinstance(value, list) for value in told.values()):
            found += [(name, usage) for each in told.values() for usage in each if isinstance(usage, dict)]
        elif isinstance(told, dict):
            found.append((name, told))
    return found


def _percentages(usage: Mapping[str, Any]) -> list[float]:
    names = ("call_count", "total_cputime", "total_time", "acc_id_util_pct")
    return [float(usage[name]) for name in names if isinstance(usage.get(name), int | float)]


def _error(answer: Answer) -> Mapping[str, Any] | None:
    body = _json(answer.body)
    told = body.get("error") if isinstance(body, dict) else None
    return told if isinstance(told, dict) else None


def _faults(told: Mapping[str, Any], said: str) -> list[Fault]:
    """`error_data` may name the parameters that were refused, as JSON in a string."""
    data = told.get("error_data")
    data = _json(data) if isinstance(data, str) else data
    fields = data.get("blame_field_specs") if isinstance(data, dict) else None
    names = [each[0] for each in fields or () if isinstance(each, list) and each]
    return [Fault(f"/{name}", said) for name in names]


def _json(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
