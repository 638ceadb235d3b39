"""Whether a JSON value can be stored: its size, its depth, its text and its numbers."""

import math
from collections.abc import Iterable
from typing import Any

import orjson

from cdp.tracking.messages import Unreadable

ITEM_BYTES = 32 * 1024
DEEPEST = 20  # levels of objects and lists, the outermost included

SURROGATES = range(0xD800, 0xE000)


def checked_size(value: object, most_bytes: int) -> int:
    """The size of `value` as JSON in bytes. Raises Unreadable when it is too large or PostgreSQL cannot store it.

    Encoding once is the fast way to look at everything: orjson refuses surrogates and integers beyond 64 bit, the
    text shows a NUL and what might have been NaN, and fewer brackets than the depth allowed cannot nest deeper.
    """
    try:
        text = orjson.dumps(value)
    except TypeError:
        _inspect(value)
        raise Unreadable("invalid_item", "The item is not JSON; send objects, lists, text, numbers.") from None
    if len(text) > most_bytes:
        raise Unreadable("item_too_large", f"Send at most {most_bytes // 1024} KB; this has {len(text):,} bytes.")
    if b"null" in text or b"\\u0000" in text or text.count(b"{") + text.count(b"[") > DEEPEST:
        _inspect(value)
    return len(text)


def storable(value: object) -> str:
    """Any text that is meant to be shown, as PostgreSQL can store it: NULs and lone surrogates escaped."""
    return str(value).encode("utf-8", "backslashreplace").decode().replace("\0", "\\u0000")


def _inspect(value: object) -> None:
    """Looks at every value, level by level, so that no depth can exhaust the stack."""
    level: list[object] = [value]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                _check_keys(each)
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            else:
                _check_leaf(each)
        if not inner:
            return
        level = inner
    if any(isinstance(each, dict | list) for each in level):
        raise Unreadable("too_deep", f"Nest objects and lists at most {DEEPEST} levels deep.")
    for each in level:
        _check_leaf(each)


def _check_keys(keys: Iterable[Any]) -> None:
    for key in keys:
        if not isinstance(key, str):
            raise Unreadable("invalid_item", "The item is not JSON; the keys of objects must be text.")
        _check_text(key)


def _check_leaf(leaf: object) -> None:
    if isinstance(leaf, str):
        _check_text(leaf)
    elif isinstance(leaf, float) and not math.isfinite(leaf):
        raise Unreadable("invalid_number", "NaN, Infinity and numbers beyond 1e308 cannot be stored; leave them out.")
    elif isinstance(leaf, int) and not -(1 << 63) <= leaf < 1 << 64:
        raise Unreadable("invalid_number", "Whole numbers beyond 64 bit cannot be stored; send them as text.")


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Unreadable("invalid_text", "Text with a NUL character (\\u0000) cannot be stored; remove it.")
    if not text.isascii() and any(ord(letter) in SURROGATES for letter in text):
        raise Unreadable("invalid_text", "Text with half a surrogate pair (\\ud800…) is not valid Unicode; mend it.")
