"""When events have to lie, as fields of a row: the kind of window and what it needs."""

from collections.abc import Mapping
from typing import Any

from cdp.forms.segment_tree.rows import Row
from cdp.forms.segment_tree.values import span, span_words

WINDOW_FIELDS = ("window", "span", "until", "from", "to")
WINDOWS = (
    ("", "ever"),
    ("last", "in the last …"),
    ("last_days", "in the last … calendar days"),
    ("between", "between … and … ago"),
    ("before", "longer ago than …"),
    ("today", "today"),
    ("yesterday", "yesterday"),
    ("this_week", "this week"),
    ("last_week", "last week"),
    ("this_month", "this month"),
    ("last_month", "last month"),
    ("this_year", "this year"),
    ("last_year", "last year"),
    ("dates", "between two dates"),
)


def window_fields(window: Any) -> dict[str, str]:
    """What cannot be shown is shown as `ever`; whoever reads a row compares what it writes."""
    match window:
        case {"last": last, "align": "day"}:
            return {"window": "last_days", "span": span_words(last)}
        case {"last": last}:
            return {"window": "last", "span": span_words(last)}
        case {"between": [first, second]}:
            return {"window": "between", "span": span_words(first), "until": span_words(second)}
        case {"before": before}:
            return {"window": "before", "span": span_words(before)}
        case {"calendar": name}:
            return {"window": str(name)}
        case {"from": _} | {"to": _}:
            return {"window": "dates", "from": str(window.get("from", "")), "to": str(window.get("to", ""))}
    return {"window": ""}


def window_of(row: Row) -> dict[str, Any]:
    """`{"window": …}`, or nothing for ever."""
    kind = row.value("window")
    return {"window": _WRITERS.get(kind, _calendar)(row)} if kind else {}


def _last(row: Row) -> Mapping[str, Any]:
    return {"last": span(row.value("span"))}


def _last_days(row: Row) -> Mapping[str, Any]:
    return {"last": span(row.value("span")), "align": "day"}


def _between(row: Row) -> Mapping[str, Any]:
    return {"between": [span(row.value("span")), span(row.value("until"))]}


def _before(row: Row) -> Mapping[str, Any]:
    return {"before": span(row.value("span"))}


def _dates(row: Row) -> Mapping[str, Any]:
    return {name: row.value(name) for name in ("from", "to") if row.value(name)}


def _calendar(row: Row) -> Mapping[str, Any]:
    return {"calendar": row.value("window")}


_WRITERS = {"last": _last, "last_days": _last_days, "between": _between, "before": _before, "dates": _dates}
