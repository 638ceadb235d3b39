"""Envelopes, pages and refusals, as Pipedrive writes them."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from integrations.sandbox.wire import Reply, Request, reply

PAGE, MOST = 100, 500


class Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def failure(status: int, error: str, *, code: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    body: dict[str, Any] = {"success": False, "error": error, "error_info": "Please check developers.pipedrive.com"}
    if code:
        body["code"] = code
    return reply({**body, "data": None, "additional_data": None}, status, headers)


def refuse(status: int, error: str, *, code: str = "") -> Refused:
    return Refused(failure(status, error, code=code))


def good(data: Any, status: int = 200) -> Reply:
    return reply({"success": True, "data": data}, status)


def whole(request: Request, name: str, default: int = 0) -> int:
    """A parameter that is a number."""
    try:
        return int(request.params.get(name, default))
    except ValueError:
        raise refuse(400, f"{name} must be a number") from None


def page(request: Request, rows: Iterable[dict[str, Any]]) -> Reply:
    """By ascending id, from behind the cursor; a cursor names the last id and remembers nothing else."""
    limit = whole(request, "limit", PAGE)
    if not 1 <= limit <= MOST:
        raise refuse(400, f"limit must be between 1 and {MOST}")
    after = _after(request.params.get("cursor"))
    found = [row for row in rows if row["id"] > after][: limit + 1]
    cursor = _cursor(found[limit - 1]["id"]) if len(found) > limit else None
    return reply({"success": True, "data": found[:limit], "additional_data": {"next_cursor": cursor}})


def _cursor(key: int) -> str:
    text = orjson.dumps({"field": "id", "fieldValue": key, "sortDirection": "asc", "id": key})
    return base64.b64encode(text).decode()


def _after(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        return int(orjson.loads(base64.b64decode(cursor))["id"])
    except (ValueError, KeyError, TypeError):
        raise refuse(400, "Invalid cursor") from None
