"""Filters of an event's properties, or of a list's items, as rows: comparisons, groups of them, and items of lists."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cdp.forms.segment_tree.rows import Kind, Row, among, texts
from cdp.forms.segment_tree.values import comparison, comparison_fields


def row_of_filter(node: Any) -> Row:
    """What no row can say is a row of JSON."""
    if isinstance(node, Mapping) and node.get("type") == "not" and set(node) == {"type", "child"}:
        inner = row_of_filter(node["child"])
        if not inner.is_not:
            return replace(inner, is_not=True)
    if isinstance(node, Mapping):
        kind = FILTERS.get(_KIND_OF_TYPE.get(str(node.get("type", "")), ""))
        row = kind.read(node) if kind else None
        if row is not None and write_filter(row) == node:
            return row
    return Row("filter_json", {"json": json.dumps(node, ensure_ascii=False, indent=2)})


def write_filter(row: Row) -> Any:
    node = FILTERS[row.kind].write(row)
    return {"type": "not", "child": node} if row.is_not else node


def rows_of_where(where: Any) -> tuple[str, tuple[Row, ...]]:
    """How the filters are joined, and each of them."""
    if where is None:
        return "and", ()
    row = row_of_filter(where)
    if row.kind == "tests" and not row.is_not and len(row.children) > 1:
        return row.value("mode"), row.children
    return "and", (row,)


def where_of(row: Row) -> Any:
    """None without filters."""
    rows = row.those("rows")
    if len(rows) < 2:
        return write_filter(rows[0]) if rows else None
    return {"type": row.value("join") or "and", "children": [write_filter(one) for one in rows]}


def where_in(row: Row) -> dict[str, Any]:
    where = where_of(row)
    return {} if where is None else {"where": where}


def places_of_where(row: Row, prefix: str = "/where") -> list[str]:
    return among(prefix, row.those("rows"))


# The kinds


def _read_test(node: Mapping[str, Any]) -> Row:
    name = str(node.get("property", ""))
    return Row("test", texts(property=name) | comparison_fields(node, ""))


def _write_test(row: Row) -> Any:
    return {"property": row.value("property"), **comparison("", row.value("op"), row.value("value"))}


def _read_tests(node: Mapping[str, Any]) -> Row | None:
    children = node.get("children")
    if not isinstance(children, list):
        return None
    return Row("tests", {"mode": str(node["type"])}, children=tuple(map(row_of_filter, children)))


def _write_tests(row: Row) -> Any:
    return {"type": row.value("mode") or "and", "children": [write_filter(one) for one in row.children]}


def _places_of_tests(row: Row) -> Sequence[str]:
    return [f"/children/{place}" for place in range(len(row.children))]


def _read_item(node: Mapping[str, Any]) -> Row:
    join, children = rows_of_where(node.get("where"))
    return Row("any_item", texts(property=node.get("property"), join=join), children=children)


def _write_item(row: Row) -> Any:
    return {"type": "any_item", "property": row.value("property"), **where_in(row)}


def read_json(text: str) -> Any:
    """The text itself when it is no JSON: the grammar's reader says what is wrong with it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


ADDS = {
    "test": "Filter",
    "tests": "Group of filters",
    "any_item": "Filter of a list's items",
    "filter_json": "Filter as JSON",
}
_TEST = Row("test", {"property": "", "op": "eq", "value": ""})
_KIND_OF_TYPE = {"": "test", "and": "tests", "or": "tests", "any_item": "any_item"}
FILTERS: Mapping[str, Kind] = {
    "test": Kind("Filter", ("property", "op", "value"), _read_test, _write_test, _TEST),
    "tests": Kind(
        "Group of filters",
        ("mode",),
        _read_tests,
        _write_tests,
        Row("tests", {"mode": "or"}, children=(_TEST, _TEST)),
        _places_of_tests,
        ADDS,
    ),
    "any_item": Kind(
        "An item of a list",
        ("property", "join"),
        _read_item,
        _write_item,
        Row("any_item", {"property": "items", "join": "and"}, children=(_TEST,)),
        places_of_where,
        ADDS,
    ),
    "filter_json": Kind(
        "Filter as JSON",
        ("json",),
        lambda node: None,
        lambda row: read_json(row.value("json")),
        Row("filter_json", {"json": '{"property": "…", "op": "exists"}'}),
    ),
}
