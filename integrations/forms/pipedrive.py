"""Forms of the Pipedrive pages as the bodies that the API takes: both are read by the same rules."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from integrations.pipedrive.drafts import MOST_LINES

LINE_FIELDS = ("local", "code", "direction", "rule")
OTHER_EVENT = "other_event"


def data_body(typed: QueryDict) -> dict[str, Any]:
    """The page “Select data to sync”."""
    return {
        "objects": typed.getlist("objects"),
        "direction": typed.get("direction", ""),
        "segment": typed.get("segment") or None,
        "activities": _activities(typed),
        "activity_cap": _number(typed.get("activity_cap", "")),
        "labels": typed.getlist("labels"),
        "deal_event": typed.get("deal_event", ""),
        "counts_archived": "counts_archived" in typed,
        "rates": _rates(typed),
    }


def schedule_body(typed: QueryDict) -> dict[str, Any]:
    return {"schedule": typed.get("schedule", ""), "budget_share": _number(typed.get("budget_share", ""))}


def mapping_body(typed: QueryDict) -> dict[str, Any]:
    """Rows `fields-0-local`, `fields-0-code`, …; those that name neither side are left out."""
    rows = [_line(typed, place) for place in range(MOST_LINES) if f"fields-{place}-local" in typed]
    return {"fields": [row for row in rows if row["local"] or row["code"]]}


def line_errors(faults: Mapping[str, str], place: int) -> str:
    """All that is said about one row."""
    prefix = f"/fields/{place}"
    told = [sentence for pointer, sentence in faults.items() if pointer == prefix or pointer.startswith(f"{prefix}/")]
    return " ".join(dict.fromkeys(told))


def _line(typed: QueryDict, place: int) -> dict[str, Any]:
    return {name: typed.get(f"fields-{place}-{name}", "") for name in LINE_FIELDS}


def _activities(typed: QueryDict) -> list[dict[str, str]]:
    chosen = typed.getlist("events")
    if other := typed.get(OTHER_EVENT, "").strip():
        chosen.append(other)
    return [{"event": name, "type": typed.get(f"type-{name}") or typed.get("other_type") or "task"} for name in chosen]


def _rates(typed: QueryDict) -> dict[str, str]:
    pairs = zip(typed.getlist("rate_currency"), typed.getlist("rate"), strict=False)
    return {code.strip().upper(): rate.strip() for code, rate in pairs if code.strip() or rate.strip()}


def _number(text: str) -> int | str:
    """Left as it is where it is none: the rules say what is wrong with it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text
