"""Sequences as rows: their steps with gaps, and what must not come between."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdp.forms.segment_tree.events import events_row, of_events
from cdp.forms.segment_tree.rows import Row
from cdp.forms.segment_tree.values import number, span, span_words
from cdp.forms.segment_tree.windows import window_fields, window_of


def read_sequence(node: Mapping[str, Any]) -> Row | None:
    steps, exclusions = node.get("steps"), node.get("exclude", [])
    if not (isinstance(steps, list) and isinstance(exclusions, list)):
        return None
    parts = [*map(read_step, steps), *map(read_exclusion, exclusions)]
    values = {"total": span_words(node.get("total")), **window_fields(node.get("window"))}
    return Row("sequence", values, children=tuple(one for one in parts if one is not None))


def write_sequence(row: Row) -> Any:
    without = [write_exclusion(one) for one in row.those("exclusions")]
    return {
        "type": "sequence",
        **window_of(row),
        **({"total": span(row.value("total"))} if row.value("total") else {}),
        "steps": [write_step(one) for one in row.those("steps")],
        **({"exclude": without} if without else {}),
    }


def places_of_sequence(row: Row) -> Sequence[str]:
    seen = {"steps": 0, "exclusions": 0}
    places = []
    for child in row.children:
        places.append(f"/{'steps' if child.slot == 'steps' else 'exclude'}/{seen[child.slot]}")
        seen[child.slot] += 1
    return places


def read_step(node: Any) -> Row | None:
    if not isinstance(node, Mapping):
        return None
    gap = node.get("gap") or {}
    return events_row("step", node, gap_min=span_words(gap.get("min")), gap_max=span_words(gap.get("max")))


def write_step(row: Row) -> Any:
    ends = {name: span(row.value(f"gap_{name}")) for name in ("min", "max") if row.value(f"gap_{name}")}
    return {**of_events(row), **({"gap": ends} if ends else {})}


def read_exclusion(node: Any) -> Row | None:
    between = node.get("between") if isinstance(node, Mapping) else None
    if not (isinstance(between, list) and len(between) == 2 and all(type(one) is int for one in between)):
        return None
    return events_row("exclusion", node, after=between[0] + 1, before=between[1] + 1)


def write_exclusion(row: Row) -> Any:
    ends = [number(row.value(name)) for name in ("after", "before")]
    return {**of_events(row), "between": [one - 1 if isinstance(one, int) else one for one in ends]}
