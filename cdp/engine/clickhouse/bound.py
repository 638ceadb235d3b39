"""Values of a statement in pieces that a ClickHouse server takes: it refuses one of more than 128 KiB."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

MOST_BYTES = 100_000  # of http_max_field_value_size, 131,072 unless the server's profile says otherwise
ESCAPED = "\\'\n\r\t\0\b\f"


def parted(sql: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The same statement, with long lists as what their pieces make together."""
    bound: dict[str, Any] = {}
    for name, value in parameters.items():
        pieces = list(pieces_of(value)) if isinstance(value, list) else [value]
        if len(pieces) == 1:
            bound[name] = value
        else:
            named = {f"{name}_{place}": piece for place, piece in enumerate(pieces)}
            bound |= named
            sql = re.sub(rf"\{{{name}:([^}}]*)\}}", partial(joined, list(named)), sql)
    return sql, bound


def joined(names: Sequence[str], found: re.Match[str]) -> str:
    return f"arrayConcat({', '.join(f'{{{name}:{found[1]}}}' for name in names)})"


def pieces_of(values: list[Any]) -> Iterator[list[Any]]:
    first = size = 0
    for place, value in enumerate(values):
        more = weight(value)
        if size and size + more > MOST_BYTES:
            yield values[first:place]
            first, size = place, 0
        size += more
    yield values[first:]


def weight(value: Any) -> int:
    """Bytes on the wire, at most."""
    if isinstance(value, str):
        return len(value.encode()) + 3 * sum(map(value.count, ESCAPED)) + 4
    if isinstance(value, tuple):
        return sum(map(weight, value)) + 4
    return len(str(value)) + 2
