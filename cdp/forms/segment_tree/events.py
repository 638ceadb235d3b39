"""Conditions about events as rows: performed, for the first time, the last one, regularly."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cdp.forms.segment_tree.filters import places_of_where, rows_of_where, where_in, where_of
from cdp.forms.segment_tree.rows import Row, texts
from cdp.forms.segment_tree.values import count, count_words, number, span, span_words
from cdp.forms.segment_tree.windows import window_fields, window_of

SPLIT = re.compile(r"\s*,\s*")


def _names(event: Any) -> str:
    if isinstance(event, Mapping):
        return f"{event.get('prefix', '')}*"
    return ", ".join(map(str, event)) if isinstance(event, list) else str(event or "")


def _event(text: str) -> Any:
    """`cart_*`: whatever begins like that; several are separated by commas."""
    names = [name for name in SPLIT.split(text) if name]
    if len(names) == 1 and names[0].endswith("*") and len(names[0]) > 1:
        return {"prefix": names[0].removesuffix("*")}
    return names if len(names) > 1 else (names or [""])[0]


def events_row(kind: str, node: Mapping[str, Any], **more: Any) -> Row:
    """A row about events, with its filters."""
    join, filters = rows_of_where(node.get("where"))
    values = texts(event=_names(node.get("event")), join=join, **more)
    return Row(kind, values, children=filters)


def of_events(row: Row) -> dict[str, Any]:
    return {"event": _event(row.value("event")), **where_in(row)}


def _times(node: Mapping[str, Any]) -> dict[str, str]:
    return {"times_op": str(node.get("op", "")), "times": count_words(node.get("value"))}


def read_event(node: Mapping[str, Any]) -> Row:
    measure = node.get("measure") if isinstance(node.get("measure"), Mapping) else {}
    more = {"fn": (measure or {}).get("fn", "count"), "of": (measure or {}).get("property")}
    return events_row("event", node, **more, **_times(node), **window_fields(node.get("window")))


def write_event(row: Row) -> Any:
    fn = row.value("fn") or "count"
    measure = {} if fn == "count" else {"measure": {"fn": fn, "property": row.value("of")}}
    times = count(row.value("times_op"), row.value("times"))
    return {"type": "event", **of_events(row), **measure, **window_of(row), **times}


def read_first(node: Mapping[str, Any]) -> Row:
    return events_row("first_event", node, **window_fields(node.get("window")))


def write_first(row: Row) -> Any:
    return {"type": "first_event", **of_events(row), **window_of(row)}


def read_last(node: Mapping[str, Any]) -> Row:
    join, filters = rows_of_where(node.get("has"))
    row = events_row("last_event", node, **window_fields(node.get("window")))
    return replace(row, children=(*row.children, Row("has", {"join": join}, children=filters)))


def write_last(row: Row) -> Any:
    has = next((where_of(one) for one in row.those("has")), None)
    return {"type": "last_event", **of_events(row), **window_of(row), **({} if has is None else {"has": has})}


def places_of_last(row: Row) -> Sequence[str]:
    filters = iter(places_of_where(row))
    return ["/has" if child.kind == "has" else next(filters) for child in row.children]


def read_regular(node: Mapping[str, Any]) -> Row:
    more = {"per": span_words(node.get("per")), "periods": node.get("periods"), "at_least": node.get("at_least")}
    return events_row("regular", node, **more, **_times(node))


def write_regular(row: Row) -> Any:
    return {
        "type": "regular",
        **of_events(row),
        "per": span(row.value("per")),
        "periods": number(row.value("periods")),
        "at_least": number(row.value("at_least")),
        **count(row.value("times_op"), row.value("times")),
    }
