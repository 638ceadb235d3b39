"""Properties as ClickHouse keeps them: JSON texts by name, and by every dotted path that leads into an object."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from cdp.engine.aggregates import MILLION
from cdp.engine.columnar.columns import MAX_WHOLE
from cdp.engine.columnar.items import COUNTED, number_item

# What a value is that is no number.
NO_NUMBER, LIST = 1, 2
# Below it neighbouring doubles are less than a millionth apart, and one that is some millionths is what is written.
MOST_FINE = 1e9
NUMERIC_STARTS = frozenset("+-.0123456789")


def to_text(value: Any) -> str:
    """JSON; whole numbers of any size as they are."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Any:
    """None for a property that is not there."""
    return json.loads(text) if text else None


def from_texts(texts: Sequence[str]) -> list[Any]:
    """Of texts that are there, all at once."""
    found: list[Any] = json.loads(f"[{','.join(texts)}]")
    return found


def inside(properties: dict[str, Any]) -> dict[str, Any]:
    """What `look_up` finds inside objects: the shortest head wins, but for null."""
    found: dict[str, Any] = {}
    for path, value in paths(properties):
        if value is not None:
            found.setdefault(path, value)
    return found


def paths(properties: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for head, value in properties.items():
        # A name with a dot is no head: `look_up` splits a path at its first one.
        if isinstance(value, dict) and "." not in head:
            for name, one in value.items():
                yield f"{head}.{name}", one
            for rest, one in paths(value):
                yield f"{head}.{rest}", one


def millionths(value: Any) -> int | None:
    """As `number_item` says, which is asked where a look does not settle it."""
    kind = type(value)
    if kind is int and -MAX_WHOLE < value < MAX_WHOLE:
        return int(value) * MILLION
    if kind is float and -MOST_FINE < value < MOST_FINE:
        nearest: int = round(value * MILLION)
        if nearest / MILLION == value:
            return nearest
    if kind is str and value.lstrip()[:1] not in NUMERIC_STARTS:
        return None
    number, status = number_item(value)
    return number if status == COUNTED else None
