"""Requests and replies, and what may go wrong between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson

JSON = {"Content-Type": "application/json; charset=UTF-8"}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` in lower case, `path` without the query."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        return orjson.loads(self.body or b"{}")

    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(frozen=True, slots=True)
class Reply:
    """`drop` breaks the connection instead of answering; `seconds` is how long the answer takes."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    drop: bool = False
    seconds: float = 0.0


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, orjson.dumps(body), {**JSON, **(headers or {})})


@dataclass(slots=True)
class Mishap:
    """The next `times` matching calls go wrong: lost before or after they took effect, answered slowly or with garbage,
    or with an error or headers of the test's choice.
    """

    kind: Literal["drop_before", "drop_after", "slow", "garbage", "reply", "headers"]
    method: str = ""
    path: str = ""
    times: int = 1
    reply: Reply | None = None
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def meets(self, request: Request) -> bool:
        return self.times > 0 and self.method in ("", request.method) and self.path in request.path


class Mishaps:
    """In the order in which they were added; the first that meets a request happens to it."""

    def __init__(self) -> None:
        self._waiting: list[Mishap] = []

    def add(self, mishap: Mishap) -> None:
        self._waiting.append(mishap)

    def clear(self) -> None:
        self._waiting.clear()

    def around(self, request: Request, answer: Callable[[Request], Reply]) -> Reply:
        mishap = next((one for one in self._waiting if one.meets(request)), None)
        if mishap is None:
            return answer(request)
        mishap.times -= 1
        if mishap.kind == "reply":
            assert mishap.reply is not None
            return mishap.reply
        if mishap.kind == "drop_before":
            return Reply(drop=True)
        return _spoilt(mishap, answer(request))


def _spoilt(mishap: Mishap, good: Reply) -> Reply:
    if mishap.kind == "drop_after":
        return Reply(drop=True)
    if mishap.kind == "slow":
        return Reply(good.status, good.body, good.headers, seconds=mishap.seconds)
    if mishap.kind == "garbage":
        return Reply(good.status, b"<html>Sorry, something went wrong.</html>", {"Content-Type": "text/html"})
    return Reply(good.status, good.body, {**good.headers, **mishap.headers})
