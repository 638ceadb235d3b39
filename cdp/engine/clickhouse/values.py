"""Properties as ClickHouse keeps them: JSON texts by name, and by every dotted path that leads into an object."""

import json
from collections.abc import Iterator
from typing import Any

import orjson

Values = dict[str, str]


def to_text(value: Any) -> str:
    """JSON; whole numbers of any size as they are."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Any:
    """None for a property that is not there."""
    return json.loads(text) if text else None


def outer(properties: dict[str, Any]) -> Values:
    return {name: to_text(value) for name, value in properties.items()}


def inner(properties: dict[str, Any]) -> Values:
    """What `look_up` finds inside objects: the shortest head wins, but for null."""
    found: Values = {}
    for path, value in paths(properties):
        if value is not None:
            found.setdefault(path, to_text(value))
    return found


def paths(properties: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for head, value in properties.items():
        # A name with a dot is no head: `look_up` splits a path at its first one.
        if isinstance(value, dict) and "." not in head:
            for name, one in value.items():
                yield f"{head}.{name}", one
            for rest, one in paths(value):
                yield f"{head}.{rest}", one
