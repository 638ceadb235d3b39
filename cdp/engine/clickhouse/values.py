"""What ClickHouse keeps of values: JSON texts, by every dotted path that leads into an object too, and numbers."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from cdp.engine.aggregates import MILLION
from cdp.engine.columnar.columns import MAX_WHOLE
from cdp.engine.columnar.items import COUNTED, number_item

# Below it neighbouring doubles are less than a millionth apart, and one that is some millionths is what is written.
MOST_FINE = 1e9
# Other values, but for texts, may be written in another way too.
WRITTEN_ONCE = "(true|false|0|-?[1-9][0-9]{0,14}|-?(0|[1-9][0-9]{0,8})[.][0-9]{0,5}[1-9])"
NUMERIC_STARTS = frozenset("+-.0123456789")


def to_text(value: Any) -> str:
    """JSON; whole numbers of any size as they are."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_written_once(text: str) -> bool:
    """Whether no other text is the same value, as 1 and 1.0 are."""
    return text.startswith('"') or re.fullmatch(WRITTEN_ONCE, text) is not None


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
