"""Conditions on a profile's fields: the comparison, and what people write for numbers."""

import re
from collections.abc import Mapping
from typing import Any

from cdp.definitions.profile_filters import OWN_FIELDS, PREFIXES, is_prefixed
from cdp.definitions.reading import Reading
from cdp.engine.predicates import (
    LIST_OPERATORS,
    ORDER_OPERATORS,
    RANGE_OPERATORS,
    SCALAR_OPERATORS,
    Ref,
    Test,
    is_number,
)

ATTRIBUTES = ("attributes.",)
COMPARABLE = ORDER_OPERATORS | SCALAR_OPERATORS
PERCENT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*%\s*", re.ASCII)
MONEY = re.compile(r"\s*[$€£¥]\s*(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*", re.ASCII)


def field_name(value: object, pointer: str, reading: Reading, *, attributes_only: bool = False) -> str:
    if attributes_only:
        if isinstance(value, str) and is_prefixed(value, ATTRIBUTES):
            return value
        reading.fault(pointer, "Choose an attribute: attributes.<name>.", "unknown_field")
        return "attributes.name"
    if isinstance(value, str) and (value in OWN_FIELDS or is_prefixed(value, PREFIXES)):
        return value
    known = f"attributes.<name>, traits.<name>, {', '.join(OWN_FIELDS)}"
    reading.fault(pointer, f"Choose a profile field: {known}.", "unknown_field")
    return "id"


def field_test(fields: Mapping[str, Any], path: str, reading: Reading, *, attributes_only: bool = False) -> Test | None:
    """None where it cannot be read."""
    name = field_name(fields.get("field"), f"{path}/field", reading, attributes_only=attributes_only)
    op, value = fields.get("op"), fields.get("value")
    if isinstance(value, Mapping):
        return _with_other(name, op, value, path, reading)
    comparison: dict[str, Any] = {key: fields[key] for key in ("op", "value") if key in fields}
    if name.startswith("traits.") and isinstance(op, str) and op in ORDER_OPERATORS | RANGE_OPERATORS:
        comparison["value"] = _numbers(value)
    found = reading.where({"property": name, **comparison}, path)
    return found if isinstance(found, Test) else None


def _with_other(name: str, op: object, value: Mapping[str, Any], path: str, reading: Reading) -> Test | None:
    """One field compared with another of the same profile."""
    if not isinstance(op, str) or op not in COMPARABLE:
        several = isinstance(op, str) and op in LIST_OPERATORS | RANGE_OPERATORS
        sentence = "This operator takes values, not another field." if several else "Compare two fields by size only."
        reading.fault(f"{path}/op", f"{sentence} Choose one of: {', '.join(sorted(COMPARABLE))}.", "unknown_choice")
        return None
    ref = reading.fields(value, f"{path}/value", ("ref",)).get("ref")
    if not (isinstance(ref, str) and is_prefixed(ref, PREFIXES)):
        sentence = "Name the other field as attributes.<name> or traits.<name>."
        reading.fault(f"{path}/value/ref", sentence, "unknown_field")
        return None
    return Test(name, str(op), Ref(ref), reading.zone)


def _numbers(value: Any) -> Any:
    """`10%` is 0.1, `$1,500` is 1500: written for a trait that is a number, which text never is."""
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if is_number(value) or not isinstance(value, str):
        return value
    if percent := PERCENT.fullmatch(value):
        return round(float(percent[1]) / 100, 12)
    if money := MONEY.fullmatch(value):
        return float(money[1].replace(",", "") + (money[2] or ""))
    return value
