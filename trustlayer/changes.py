"""A change in words: `+15% budget`, as the manual's decisions have it. Pure."""

from collections.abc import Mapping
from typing import Any

WORDS = {"daily_budget": "budget", "lifetime_budget": "budget", "bid_amount": "bid"}


def change_words(detail: Mapping[str, Any]) -> str:
    """From field, before, after and currency; empty where they say nothing."""
    given = str(detail.get("field") or "")
    field = WORDS.get(given, given.replace("_", " "))
    before, after = detail.get("before"), detail.get("after")
    if after is None:
        return ""
    if _is_number(before) and _is_number(after) and before:
        return f"{100 * (float(after) / float(before) - 1):+.3g}% {field}".strip()
    return f"{field} {before} → {after}".strip() if before is not None else f"{field} {after}".strip()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
