"""Conditions on fields of profiles as rows: a comparison, an item of a list, and how long a test has held."""

from collections.abc import Mapping
from typing import Any

from cdp.forms.segment_tree.filters import rows_of_where, where_in
from cdp.forms.segment_tree.rows import Row, texts
from cdp.forms.segment_tree.values import comparison, comparison_fields, span, span_words


def read_profile(node: Mapping[str, Any]) -> Row:
    name = str(node.get("field", ""))
    return Row("profile", {"field": name, **comparison_fields(node, name)})


def _field(row: Row) -> dict[str, Any]:
    name = row.value("field")
    return {"field": name, **comparison(name, row.value("op"), row.value("value"))}


def read_item(node: Mapping[str, Any]) -> Row:
    join, filters = rows_of_where(node.get("where"))
    return Row("profile_item", texts(field=node.get("field"), join=join), children=filters)


def write_item(row: Row) -> Any:
    return {"type": "profile_item", "field": row.value("field"), **where_in(row)}


def read_held(node: Mapping[str, Any]) -> Row | None:
    name, length = str(node.get("field", "")), node.get("for")
    if not isinstance(length, Mapping):
        return None
    held = {"for_op": str(length.get("op", "")), "for_span": span_words(length.get("value"))}
    return Row("held", {"field": name, **comparison_fields(node, name), **held})


def write_held(row: Row) -> Any:
    return {"type": "held", **_field(row), "for": {"op": row.value("for_op"), "value": span(row.value("for_span"))}}


def write_profile(row: Row) -> Any:
    return {"type": "profile", **_field(row)}
