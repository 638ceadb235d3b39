"""Which events count, as rows of a form: names and lines of Event Properties, to and from the API's JSON."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from cdp.definitions.funnels import event_words
from stratum.lib.refusal import Fault

OPERATORS = (
    ("eq", "is"),
    ("neq", "is not"),
    ("in", "is one of"),
    ("not_in", "is none of"),
    ("contains", "contains"),
    ("not_contains", "does not contain"),
    ("starts_with", "starts with"),
    ("ends_with", "ends with"),
    ("eq_number", "= number"),
    ("neq_number", "≠ number"),
    ("gt", "> more than"),
    ("gte", "≥ at least"),
    ("lt", "< less than"),
    ("lte", "≤ at most"),
    ("between", "between"),
    ("exists", "is set"),
    ("not_exists", "is not set"),
    ("is_true", "is true"),
    ("is_false", "is false"),
)
BARE = {"exists", "not_exists", "is_true", "is_false"}
LISTS = {"in", "not_in"}
ORDERS = {"gt", "gte", "lt", "lte"}
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


@dataclass(slots=True)
class FilterRow:
    """One line of Event Properties."""

    property: str = ""
    op: str = "eq"
    value: str = ""


@dataclass(slots=True)
class MatchRow:
    """What a step and an exclusion have in common. `advanced` is a filter as JSON that the lines cannot show; it is
    kept as it is."""

    events: list[str] = field(default_factory=lambda: [""])
    join: str = "and"
    filters: list[FilterRow] = field(default_factory=list)
    advanced: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(self.events)

    @property
    def names(self) -> str:
        """The events in words; empty as long as none is chosen."""
        return event_words(tuple(filter(None, self.events)))


def fields_of_post(post: QueryDict, prefix: str) -> dict[str, Any]:
    """What `MatchRow` takes, from the fields whose names begin with `prefix`."""
    filters = zip(
        post.getlist(f"{prefix}property"), post.getlist(f"{prefix}op"), post.getlist(f"{prefix}value"), strict=False
    )
    return {
        "events": [event.strip() for event in post.getlist(f"{prefix}event")] or [""],
        "join": post.get(f"{prefix}join", "and"),
        "filters": [FilterRow(*row) for row in filters],
        "advanced": post.get(f"{prefix}advanced", ""),
    }


def fields_of_json(match: Mapping[str, Any]) -> dict[str, Any]:
    """What `MatchRow` takes, from a checked `{event, where}`."""
    events = match["event"] if isinstance(match["event"], list) else [match["event"]]
    if "where" not in match:
        return {"events": list(events)}
    shown = lines_of(match["where"])
    if shown is None:
        return {"events": list(events), "advanced": as_text(match["where"])}
    join, filters = shown
    return {"events": list(events), "join": join, "filters": filters}


def body(row: MatchRow, pointer: str, faults: list[Fault]) -> dict[str, Any]:
    """`{event, where}` as the API takes it; faults for what could not even be written."""
    events = [event for event in row.events if event]
    written: dict[str, Any] = {"event": events[0] if len(events) == 1 else events}
    where = (
        as_json(row.advanced) if row.advanced.strip() else where_of(row.filters, row.join, f"{pointer}/where", faults)
    )
    if where is not None:
        written["where"] = where
    return written


def as_json(text: str) -> Any:
    """The text itself when it is no JSON: the definition's reader says what is wrong with it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def as_text(node: object) -> str:
    """JSON as a person edits it."""
    return json.dumps(node, ensure_ascii=False, indent=2)


def lines_of(where: Mapping[str, Any]) -> tuple[str, list[FilterRow]] | None:
    """The filter as lines, or None when lines would not say the same."""
    join = where.get("type", "and")
    tests = where.get("children", []) if "type" in where else [where]
    rows = [_line_of(test) for test in tests]
    lines = [row for row in rows if row is not None]
    if join in {"and", "or"} and lines and len(lines) == len(rows) and where_of(lines, join, "", []) == where:
        return join, lines
    return None


def _line_of(test: Mapping[str, Any]) -> FilterRow | None:
    if "type" in test:
        return None
    name, op, value = test["property"], test["op"], test.get("value")
    if isinstance(value, bool):
        return FilterRow(name, "is_true" if value else "is_false")
    if isinstance(value, list):
        return FilterRow(name, op, ", ".join(map(str, value)))
    if op in {"eq", "neq"} and isinstance(value, int | float):
        return FilterRow(name, f"{op}_number", str(value))
    return FilterRow(name, op, "" if value is None else str(value))


def where_of(rows: list[FilterRow], join: str, pointer: str, faults: list[Fault]) -> dict[str, Any] | None:
    """The lines as JSON; None when nothing is typed."""
    used = [row for row in rows if row.property.strip() or row.value.strip()]
    tests = [_test(row, pointer, faults) for row in used]
    if len(tests) > 1:
        return {"type": "or" if join == "or" else "and", "children": tests}
    return tests[0] if tests else None


def _test(row: FilterRow, pointer: str, faults: list[Fault]) -> dict[str, Any]:
    name, value = row.property.strip(), row.value.strip()
    if not name:
        faults.append(Fault(pointer, f"Choose the property that is compared with “{value[:40]}”."))
    if row.op in {"is_true", "is_false"}:
        return {"property": name, "op": "eq", "value": row.op == "is_true"}
    if row.op in BARE:
        return {"property": name, "op": row.op}
    if not value:
        faults.append(Fault(pointer, f"Give a value to compare “{name[:40]}” with, or remove this line."))
    return {"property": name, "op": row.op.removesuffix("_number"), "value": _operand(row.op, value, pointer, faults)}


def _operand(op: str, value: str, pointer: str, faults: list[Fault]) -> object:
    if op in LISTS:
        return [part.strip() for part in value.split(",") if part.strip()]
    if op == "between":
        return [number(part.strip()) for part in re.split(r",| and |–", value)]
    if op in ORDERS:
        return number(value)
    if op in {"eq_number", "neq_number"}:
        read = number(value)
        if value and isinstance(read, str):
            faults.append(Fault(pointer, f"“{value[:40]}” is not a number."))
        return read
    return value


def number(text: str) -> int | float | str:
    """A number as it would be written in JSON; anything else stays text."""
    if not NUMBER.fullmatch(text) or len(text) > 40:
        return text
    return float(text) if "." in text else int(text)


# What the buttons of a row do to it. Each answers which field of the row the work goes on in.


def add_event(row: MatchRow) -> str:
    row.events.append("")
    return f"event-{len(row.events) - 1}"


def remove_event(row: MatchRow, event: int) -> str:
    if 0 <= event < len(row.events) > 1:
        del row.events[event]
    return "event"


def add_filter(row: MatchRow) -> str:
    row.filters.append(FilterRow())
    return f"property-{len(row.filters) - 1}"


def remove_filter(row: MatchRow, line: int) -> str:
    if 0 <= line < len(row.filters):
        del row.filters[line]
    return "add-filter"


# Each with how many indexes its button names after the row.
ROW_ACTIONS: dict[str, tuple[Callable[..., str], int]] = {
    "add_event": (add_event, 0),
    "remove_event": (remove_event, 1),
    "add_filter": (add_filter, 0),
    "remove_filter": (remove_filter, 1),
}


def act_on_row(row: MatchRow, verb: str, places: Iterable[str]) -> str | None:
    """Follow the button; None when it names other places than it should."""
    action, arity = ROW_ACTIONS[verb]
    named = indexes(places)
    return action(row, *named) if len(named) == arity else None


def indexes(texts: Iterable[str]) -> list[int]:
    return [number for text in texts if (number := index(text)) is not None]


def index(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None
