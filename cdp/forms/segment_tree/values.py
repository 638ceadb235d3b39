"""What people type for values, and how JSON's values are shown to them.

`30 days` is P30D. A number is a number and `true` is true; in quotes they are text. Lists are separated by commas.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from cdp.engine.predicates import (
    BARE_OPERATORS,
    DURATION_OPERATORS,
    INSTANT_OPERATORS,
    LIST_OPERATORS,
    ORDER_OPERATORS,
    RANGE_OPERATORS,
    SCALAR_OPERATORS,
    TEXT_OPERATORS,
)

NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,12})?", re.ASCII)
SPAN = re.compile(r"(\d{1,7}) ?(week|day|hour|minute|second)s?", re.ASCII)
DURATION = re.compile(r"P(?:(\d{1,7})([WD])|T(\d{1,7})([HMS]))", re.ASCII)
UNITS = {"W": "week", "D": "day", "H": "hour", "M": "minute", "S": "second"}
ISO = {"week": "P{}W", "day": "P{}D", "hour": "PT{}H", "minute": "PT{}M", "second": "PT{}S"}
ITEM = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]*?)\s*(?:,|$)')
SPLIT = re.compile(r"\s*,\s*")
REF = re.compile(r"(attributes|traits|event|step\.\d+)\..+")
TEXT_FIELDS = frozenset({"user_id", "email", "phone", "first_name", "last_name", "lifecycle_stage"})
COMPARABLE = ORDER_OPERATORS | SCALAR_OPERATORS
WORDS = {"true": True, "false": False}


def span_words(duration: Any) -> str:
    """`30 days` of P30D; what is no single unit stays as it is written."""
    found = DURATION.fullmatch(str(duration))
    if found is None:
        return "" if duration is None else str(duration)
    count, unit = found[1] or found[3], UNITS[found[2] or found[4]]
    return f"{count} {unit}{'' if count == '1' else 's'}"


def span(text: str) -> str:
    """A bare number is one of days."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return f"P{text}D"
    found = SPAN.fullmatch(text.lower())
    return ISO[found[2]].format(found[1]) if found else text


def comparison_fields(node: Mapping[str, Any], name: str) -> dict[str, str]:
    op = str(node.get("op", ""))
    return {"op": op, "value": shown(node.get("value"), op, name)}


def comparison(name: str, op: str, text: str) -> dict[str, Any]:
    """`{op, value}` as the grammar writes it."""
    if op in BARE_OPERATORS:
        return {"op": op}
    if op in LIST_OPERATORS | RANGE_OPERATORS:
        return {"op": op, "value": [_literal(one, is_text=name in TEXT_FIELDS) for one in items(text)]}
    if op in DURATION_OPERATORS:
        return {"op": op, "value": span(text)}
    if op in COMPARABLE and REF.fullmatch(text):
        return {"op": op, "value": {"ref": text}}
    return {"op": op, "value": _literal(text, is_text=_is_text(op, name))}


def shown(value: Any, op: str, name: str) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(one, is_text=name in TEXT_FIELDS, in_list=True) for one in value)
    if isinstance(value, Mapping):
        return str(value.get("ref", ""))
    if op in DURATION_OPERATORS:
        return span_words(value)
    return _shown(value, is_text=_is_text(op, name), in_list=False)


def _is_text(op: str, name: str) -> bool:
    return op in TEXT_OPERATORS | INSTANT_OPERATORS or name in TEXT_FIELDS


def _shown(value: Any, *, is_text: bool, in_list: bool) -> str:
    if not isinstance(value, str):
        return "" if value is None else json.dumps(value)
    is_plain = is_text or not (NUMBER.fullmatch(value) or value in WORDS or REF.fullmatch(value))
    is_whole = not value.startswith('"') and value == value.strip() and not (in_list and (not value or "," in value))
    return value if is_plain and is_whole else json.dumps(value, ensure_ascii=False)


def _literal(text: str, *, is_text: bool) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return _unquoted(text)
    if is_text:
        return text
    return WORDS.get(text, number(text))


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def items(text: str) -> list[str]:
    return [found[1] for found in ITEM.finditer(text.strip()) if found[1]]


def number(text: str) -> Any:
    """As JSON would write it; anything else stays text."""
    if not NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def count_words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def count(op: str, text: str) -> dict[str, Any]:
    """The comparison of a count or a sum; none where it is at least once."""
    if not op:
        return {}
    numbers = [number(one) for one in SPLIT.split(text.strip()) if one]
    return {"op": op, "value": numbers if op == "between" else (numbers or [None])[0]}
