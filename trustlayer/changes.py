"""A change in words: `+15% budget`, as the manual's decisions have it. Pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

WORDS = {"daily_budget": "budget", "lifetime_budget": "budget", "bid_amount": "bid"}


def change_words(detail: Mapping[str, Any]) -> str:
    """From field, before, after and currency; empty where they say nothing."""
    given = str(detail.get("field") or "")
    field = WORDS.get(given, given.replace("_", " "))
    before, after = detail.get("before"), detail.get("after")
    if after is None:
        return ""
    old, new = _number(before), _number(after)
    if old and new is not None:
        return f"{100 * (float(new) / float(old) - 1):+.3g}% {field}".strip()
    return f"{field} {before} → {after}".strip() if before is not None else f"{field} {after}".strip()


def _number(value: Any) -> Decimal | None:
    """Of a number, or of an amount as the API has them: a decimal string. None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
