"""The kinds of conditions as rows: what each is read from and written to, in the order in which they are offered."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cdp.forms.segment_tree.events import (
    places_of_last,
    read_event,
    read_first,
    read_last,
    read_regular,
    write_event,
    write_first,
    write_last,
    write_regular,
)
from cdp.forms.segment_tree.fields import read_held, read_item, read_profile, write_held, write_item, write_profile
from cdp.forms.segment_tree.filters import ADDS, FILTERS, places_of_where, read_json, where_of
from cdp.forms.segment_tree.rows import Kind, Row, among, texts
from cdp.forms.segment_tree.sequences import (
    places_of_sequence,
    read_exclusion,
    read_sequence,
    read_step,
    write_exclusion,
    write_sequence,
    write_step,
)
from cdp.forms.segment_tree.windows import WINDOW_FIELDS

WORDS = re.compile(r"[\s,;]+")
EVENT_FIELDS = ("event", "join")


def row_of_node(node: Any) -> Row:
    """What no row can say is a row of JSON, so that nothing is lost."""
    if isinstance(node, Mapping) and node.get("type") == "not" and set(node) == {"type", "child"}:
        inner = row_of_node(node["child"])
        if not inner.is_not and inner.kind != "json":
            return replace(inner, is_not=True)
    if isinstance(node, Mapping):
        kind = CONDITIONS.get(_KIND_OF_TYPE.get(str(node.get("type")), ""))
        row = kind.read(node) if kind else None
        if row is not None and write_node(row) == node:
            return row
    return Row("json", {"json": json.dumps(node, ensure_ascii=False, indent=2)})


def write_node(row: Row) -> Any:
    node = CONDITIONS[row.kind].write(row)
    return {"type": "not", "child": node} if row.is_not else node


# Groups


def _read_group(node: Mapping[str, Any]) -> Row | None:
    children = node.get("children")
    if not isinstance(children, list):
        return None
    return Row("group", {"mode": str(node["type"])}, children=tuple(map(row_of_node, children)))


def _write_group(row: Row) -> Any:
    return {"type": row.value("mode") or "and", "children": [write_node(child) for child in row.children]}


def _places_of_group(row: Row) -> Sequence[str]:
    return [f"/children/{place}" for place in range(len(row.children))]


# People


def _read_static(node: Mapping[str, Any]) -> Row | None:
    ids = node.get("ids")
    return Row("static", {"people": "\n".join(map(str, ids))}) if isinstance(ids, list) else None


def _write_static(row: Row) -> Any:
    return {"type": "static", "ids": [word for word in WORDS.split(row.value("people")) if word]}


def _plain(kind: str) -> Callable[[Row], Any]:
    return lambda row: {"type": kind}


# The table

ADDED: Mapping[str, str] = {
    "event": "Performed an event",
    "not_event": "Did NOT perform an event",
    "sequence": "Sequence of events",
    "profile": "Trait or attribute",
    "first_event": "First time of an event",
    "last_event": "What the last event has",
    "regular": "Regularly performed",
    "held": "Attribute held for a time",
    "profile_item": "Item of a list",
    "segment": "In another segment",
    "static": "Listed people",
    "all": "Everybody",
    "group": "Group (any of …)",
    "json": "Anything else, as JSON",
}

_EVENT = {"event": "", "join": "and", "fn": "count", "times_op": "", "window": "last", "span": "30 days"}
_STEP = Row("step", {"event": "", "join": "and"})
_TEST = FILTERS["test"].fresh
_TIMES = ("times_op", "times")
CONDITIONS: Mapping[str, Kind] = {
    "event": Kind(
        "Performed an event",
        (*EVENT_FIELDS, "fn", "of", *_TIMES, *WINDOW_FIELDS),
        read_event,
        write_event,
        Row("event", _EVENT),
        places_of_where,
        ADDS,
    ),
    "first_event": Kind(
        "First time of an event",
        (*EVENT_FIELDS, *WINDOW_FIELDS),
        read_first,
        write_first,
        Row("first_event", _EVENT),
        places_of_where,
        ADDS,
    ),
    "last_event": Kind(
        "Last time of an event",
        (*EVENT_FIELDS, *WINDOW_FIELDS),
        read_last,
        write_last,
        Row("last_event", {"event": "", "join": "and"}, children=(Row("has", {"join": "and"}, children=(_TEST,)),)),
        places_of_last,
        ADDS,
    ),
    "regular": Kind(
        "Regularly performed",
        (*EVENT_FIELDS, "per", "periods", "at_least", *_TIMES),
        read_regular,
        write_regular,
        Row("regular", {"event": "", "join": "and", "per": "7 days", "periods": "4", "at_least": "3"}),
        places_of_where,
        ADDS,
    ),
    "sequence": Kind(
        "Sequence of events",
        ("total", *WINDOW_FIELDS),
        read_sequence,
        write_sequence,
        Row("sequence", {"window": "last", "span": "30 days"}, children=(_STEP, _STEP)),
        places_of_sequence,
        {"step": "Step", "exclusion": "Exclusion"},
    ),
    "profile": Kind(
        "Trait or attribute",
        ("field", "op", "value"),
        read_profile,
        write_profile,
        Row("profile", {"op": "eq"}),
    ),
    "profile_item": Kind(
        "Item of a list",
        ("field", "join"),
        read_item,
        write_item,
        Row("profile_item", {"field": "attributes.", "join": "and"}, children=(_TEST,)),
        places_of_where,
        ADDS,
    ),
    "held": Kind(
        "Attribute held for a time",
        ("field", "op", "value", "for_op", "for_span"),
        read_held,
        write_held,
        Row("held", {"field": "attributes.", "op": "eq", "for_op": "gte", "for_span": "30 days"}),
    ),
    "segment": Kind(
        "In another segment",
        ("segment",),
        lambda node: Row("segment", texts(segment=node.get("segment"))),
        lambda row: {"type": "segment", "segment": row.value("segment")},
        Row("segment"),
    ),
    "static": Kind("Listed people", ("people",), _read_static, _write_static, Row("static")),
    "all": Kind("Everybody", (), lambda node: Row("all"), _plain("all"), Row("all")),
    "group": Kind(
        "Group",
        ("mode",),
        _read_group,
        _write_group,
        Row("group", {"mode": "or"}, children=(Row("event", _EVENT),)),
        _places_of_group,
        ADDED,
    ),
    "json": Kind(
        "Anything as JSON",
        ("json",),
        lambda node: None,
        lambda row: read_json(row.value("json")),
        Row("json", {"json": "{}"}),
    ),
}
PARTS: Mapping[str, Kind] = {
    "step": Kind("Step", (*EVENT_FIELDS, "gap_min", "gap_max"), read_step, write_step, _STEP, places_of_where, ADDS),
    "exclusion": Kind(
        "Without",
        (*EVENT_FIELDS, "after", "before"),
        read_exclusion,
        write_exclusion,
        Row("exclusion", {"event": "", "join": "and", "after": "1", "before": "2"}),
        places_of_where,
        ADDS,
    ),
    "has": Kind("", ("join",), lambda node: None, where_of, Row("has"), lambda row: among("", row.children), ADDS),
}
_KIND_OF_TYPE = {kind: kind for kind in CONDITIONS if kind not in ("group", "json")} | {"and": "group", "or": "group"}
