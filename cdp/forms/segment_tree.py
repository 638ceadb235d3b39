"""The segment builder's form and the condition's JSON, one made from the other.

A row is a group or a condition, in the order of the page; its path ("0.2.1") says where it stands. What rows have no
fields for is a row of JSON, so that every condition can be edited and nothing is lost.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cdp.engine.predicates import (
    BARE_OPERATORS,
    DURATION_OPERATORS,
    LIST_OPERATORS,
    NUMBER,
    ORDER_OPERATORS,
    RANGE_OPERATORS,
    SCALAR_OPERATORS,
)

FIELDS: Mapping[str, tuple[str, ...]] = {
    "group": ("mode",),
    "profile": ("field", "op", "value"),
    "event": ("events", "times_op", "times", "days", "property", "where_op", "where_value"),
    "sequence": ("steps", "days"),
    "segment": ("segment",),
    "json": ("json",),
}
DAYS = re.compile(r"P(\d{1,4})D", re.ASCII)
SPAN = re.compile(r"(\d{1,4}) days?", re.ASCII)
SPLIT = re.compile(r"\s*,\s*")
THEN = re.compile(r"\s*(?:\r?\n|,|→| then )\s*")
REFS = ("traits.", "attributes.")


@dataclass(frozen=True)
class Row:
    """`values` by the names of FIELDS; only groups have children."""

    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    is_not: bool = False
    children: tuple["Row", ...] = ()

    def value(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True)
class Placed:
    """A row as the page shows it. `pointer`: where its condition stands in the JSON."""

    row: Row
    path: str
    pointer: str
    depth: int
    is_first: bool
    is_last: bool


EMPTY = Row("group", {"mode": "and"}, children=(Row("event", {"events": "", "times_op": "", "days": "30"}),))
NEW: Mapping[str, Row] = {
    "event": Row("event", {"days": "30"}),
    "not_event": Row("event", {"days": "30"}, is_not=True),
    "profile": Row("profile", {"op": "eq"}),
    "sequence": Row("sequence", {"days": "30"}),
    "segment": Row("segment"),
    "group": Row("group", {"mode": "or"}, children=(Row("event", {"days": "30"}),)),
    "json": Row("json", {"json": '{"type": "all"}'}),
}


# From JSON


def of_condition(node: Mapping[str, Any]) -> Row:
    """The page's outermost row is a group."""
    row = _of_node(node)
    return row if row.kind == "group" and not row.is_not else Row("group", {"mode": "and"}, children=(row,))


def _of_node(node: Any) -> Row:
    if isinstance(node, Mapping) and node.get("type") == "not":
        inner = _of_node(node.get("child"))
        if not inner.is_not and inner.kind != "json":
            return replace(inner, is_not=True)
    elif isinstance(node, Mapping) and node.get("type") in ("and", "or") and isinstance(node.get("children"), list):
        return Row("group", {"mode": node["type"]}, children=tuple(map(_of_node, node["children"])))
    elif isinstance(node, Mapping) and (row := _of_leaf(node)) is not None and _leaf(row) == node:
        return row
    return Row("json", {"json": json.dumps(node, ensure_ascii=False, indent=2)})


def _of_leaf(node: Mapping[str, Any]) -> Row | None:
    match node.get("type"):
        case "profile":
            values = {"field": node.get("field"), "op": node.get("op"), "value": _shown(node.get("value"))}
        case "event":
            where = node.get("where") or {}
            values = {
                "events": _shown(node.get("event")),
                "times_op": node.get("op", ""),
                "times": _shown(node.get("value")),
                "days": _days_of(node.get("window")),
                "property": where.get("property", ""),
                "where_op": where.get("op", ""),
                "where_value": _shown(where.get("value")),
            }
        case "sequence":
            steps = node.get("steps") or []
            names = [str(step.get("event")) for step in steps if isinstance(step, Mapping)]
            values = {"steps": "\n".join(names), "days": _days_of(node.get("window"))}
        case "segment":
            values = {"segment": node.get("segment")}
        case _:
            return None
    return Row(str(node["type"]), {name: str(value) for name, value in values.items()})


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, Mapping):
        return str(value.get("ref", ""))
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false"}.get(value, "") if value is not None else ""
    days = DAYS.fullmatch(value) if isinstance(value, str) else None
    return f"{days[1]} days" if days else str(value)


def _days_of(window: Any) -> str:
    found = DAYS.fullmatch(str(window.get("last"))) if isinstance(window, Mapping) else None
    return found[1] if found else ""


# To JSON


def condition(row: Row) -> dict[str, Any]:
    """A group of one is that one."""
    if row.kind == "group" and not row.is_not and len(row.children) == 1:
        return _node(row.children[0])
    return _node(row)


def _node(row: Row) -> dict[str, Any]:
    if row.kind == "group":
        node: Any = {"type": row.value("mode") or "and", "children": [_node(child) for child in row.children]}
    else:
        node = _leaf(row)
    return {"type": "not", "child": node} if row.is_not else node


def _leaf(row: Row) -> Any:
    match row.kind:
        case "profile":
            return {"type": "profile", "field": row.value("field"), **_comparison(row, "field", "op", "value")}
        case "event":
            return _event(row)
        case "sequence":
            steps = [{"event": name} for name in THEN.split(row.value("steps").strip()) if name]
            return {"type": "sequence", "steps": steps} | _window(row)
        case "segment":
            return {"type": "segment", "segment": row.value("segment")}
    try:
        return json.loads(row.value("json"))
    except ValueError:
        return row.value("json")


def _event(row: Row) -> dict[str, Any]:
    names = [name for name in SPLIT.split(row.value("events").strip()) if name]
    node: dict[str, Any] = {"type": "event", "event": names if len(names) > 1 else (names or [""])[0]}
    if row.value("property"):
        node["where"] = {"property": row.value("property"), **_comparison(row, "property", "where_op", "where_value")}
    node |= _window(row)
    if op := row.value("times_op"):
        node |= {"op": op, "value": _numbers(row.value("times"), op)}
    return node


def _window(row: Row) -> dict[str, Any]:
    days = row.value("days").strip()
    return {"window": {"last": f"P{days}D"}} if days else {}


def _comparison(row: Row, name: str, op_name: str, value_name: str) -> dict[str, Any]:
    op, text = row.value(op_name), row.value(value_name).strip()
    if op in BARE_OPERATORS:
        return {"op": op}
    is_number = row.value(name).startswith("traits.") or op in ORDER_OPERATORS | RANGE_OPERATORS
    if op in LIST_OPERATORS | RANGE_OPERATORS:
        return {"op": op, "value": [_literal(one, is_number=is_number) for one in SPLIT.split(text) if one]}
    if op in DURATION_OPERATORS and (span := SPAN.fullmatch(text)):
        return {"op": op, "value": f"P{span[1]}D"}
    if op in ORDER_OPERATORS | SCALAR_OPERATORS and text.startswith(REFS) and name == "field":
        return {"op": op, "value": {"ref": text}}
    return {"op": op, "value": _literal(text, is_number=is_number)}


def _literal(text: str, *, is_number: bool) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return _number(text) if is_number and NUMBER.fullmatch(text) else text


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() and "." not in text else value


def _numbers(text: str, op: str) -> Any:
    found = [_number(one) if NUMBER.fullmatch(one) else one for one in SPLIT.split(text.strip()) if one]
    return found if op == "between" else (found or [None])[0]


# On the page


def placed(row: Row) -> list[Placed]:
    """Every row in the order of the page."""
    is_alone = row.kind == "group" and not row.is_not and len(row.children) == 1
    return list(_placed(row, "0", "/condition", 0, is_alone=is_alone, ends=(True, True)))


def _placed(
    row: Row, path: str, pointer: str, depth: int, *, is_alone: bool, ends: tuple[bool, bool]
) -> Iterator[Placed]:
    inner = f"{pointer}/child" if row.is_not else pointer
    yield Placed(row, path, inner, depth, *ends)
    last = len(row.children) - 1
    for place, child in enumerate(row.children):
        below = inner if is_alone else f"{inner}/children/{place}"
        ends = (place == 0, place == last)
        yield from _placed(child, f"{path}.{place}", below, depth + 1, is_alone=False, ends=ends)


def of_post(sent: Mapping[str, str], paths: Sequence[str]) -> Row:
    """The rows as they were sent, in the order of their paths."""
    return _of_sent("0", sent, [path for path in paths if path.startswith("0")]) if "0" in paths else EMPTY


def _of_sent(path: str, sent: Mapping[str, str], paths: Sequence[str]) -> Row:
    kind = sent.get(f"kind-{path}", "group")
    kind = kind if kind in FIELDS else "json"
    values = {name: sent.get(f"{name}-{path}", "") for name in FIELDS[kind]}
    depth = path.count(".") + 1
    inner = [one for one in paths if one.startswith(f"{path}.") and one.count(".") == depth]
    children = tuple(_of_sent(one, sent, paths) for one in inner) if kind == "group" else ()
    return Row(kind, values, sent.get(f"not-{path}") == "on", children)


def acted(row: Row, act: str, path: str) -> Row:
    """After a button: `add_<kind>` into a group, `remove`, `duplicate`, `up` or `down` of a row."""
    places = [int(one) for one in path.split(".")[1:] if one.isdigit()]
    if act.startswith("add_") and act.removeprefix("add_") in NEW:
        return _changed(row, places, lambda one: replace(one, children=(*one.children, NEW[act.removeprefix("add_")])))
    if not places:
        return row
    return _changed(row, places[:-1], lambda one: replace(one, children=_moved(one.children, act, places[-1])))


def _changed(row: Row, places: Sequence[int], change: Any) -> Row:
    if not places:
        changed: Row = change(row)
        return changed
    place, *rest = places
    if place >= len(row.children):
        return row
    children = list(row.children)
    children[place] = _changed(children[place], rest, change)
    return replace(row, children=tuple(children))


def _moved(children: tuple[Row, ...], act: str, place: int) -> tuple[Row, ...]:
    rows = list(children)
    if place >= len(rows):
        return children
    row = rows.pop(place)
    match act:
        case "duplicate":
            rows[place:place] = [row, row]
        case "up":
            rows.insert(max(place - 1, 0), row)
        case "down":
            rows.insert(place + 1, row)
    return tuple(rows)
