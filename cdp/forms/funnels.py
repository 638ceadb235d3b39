"""The funnel builder's form: rows as typed become the API's body, so that page and API check by the same rules."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from django.http import QueryDict

from cdp.definitions.funnels import DEFAULT_WINDOW, MAX_STEPS, MIN_STEPS, FunnelDraft, parse_draft
from stratum.lib import periods
from stratum.lib.refusal import Fault, Invalid

UNITS = {"S": periods.SECOND, "M": periods.MINUTE, "H": periods.HOUR, "D": periods.DAY}
UNIT_WORDS = (("D", "days"), ("H", "hours"), ("M", "minutes"), ("S", "seconds"))

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
TEXT = {"eq", "neq", "contains", "not_contains", "starts_with", "ends_with"}
LISTS = {"in", "not_in"}
ORDERS = {"gt", "gte", "lt", "lte"}
AMOUNT = re.compile(r"\d{1,9}(\.\d{1,6})?", re.ASCII)
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)

PLACE = re.compile(r"/steps/(\d+)(?:/(event|label|max_gap|where))?")
SLOTS = {"max_gap": "gap"}

TEMPLATES: dict[str, dict[str, Any]] = {
    "purchase": {
        "name": "Purchase Funnel",
        "description": "From the first page to the order.",
        "steps": [
            {"event": "page_view", "label": "Landing Page"},
            {"event": "view_content", "label": "Product Page"},
            {"event": "add_to_cart", "label": "Add to Cart"},
            {"event": "initiate_checkout", "label": "Checkout"},
            {"event": "purchase", "label": "Purchase"},
        ],
    }
}


@dataclass(slots=True)
class FilterRow:
    """One line of Event Properties."""

    property: str = ""
    op: str = "eq"
    value: str = ""


@dataclass(slots=True)
class StepRow:
    """One step as typed. `advanced` is a filter as JSON that the lines cannot show; it is kept as it is."""

    events: list[str] = field(default_factory=lambda: [""])
    label: str = ""
    gap_count: str = ""
    gap_unit: str = "D"
    join: str = "and"
    filters: list[FilterRow] = field(default_factory=list)
    advanced: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(self.events)


@dataclass(slots=True)
class Builder:
    """The whole form. `exclusions` travels as JSON; `expected` is the tag of the funnel that was opened."""

    name: str = ""
    description: str = ""
    steps: list[StepRow] = field(default_factory=lambda: [StepRow(), StepRow()])
    mode: str = "ordered"
    window_count: str = "7"
    window_unit: str = "D"
    counting: str = "unique"
    exclusions: str = "[]"
    expected: str = ""
    focus: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_post(cls, post: QueryDict) -> "Builder":
        count = max(_index(post.get("steps", "")) or 0, MIN_STEPS)
        builder = cls(steps=[_step_of_post(post, f"steps-{index}-") for index in range(min(count, MAX_STEPS))])
        for name in (
            "name",
            "description",
            "mode",
            "window_count",
            "window_unit",
            "counting",
            "exclusions",
            "expected",
        ):
            setattr(builder, name, post.get(name, getattr(builder, name)))
        return builder

    @classmethod
    def of_draft(cls, draft: FunnelDraft) -> "Builder":
        definition = draft.definition.as_json()
        count, unit = split_duration(draft.definition.window)
        return cls(
            name=draft.name,
            description=draft.description,
            steps=[_step_of_json(step) for step in definition["steps"]],
            mode=definition["mode"],
            window_count=count,
            window_unit=unit,
            counting=definition["counting"],
            exclusions=json.dumps(definition["exclusions"]),
        )

    def body(self, *, skip_empty: bool = False) -> tuple[dict[str, Any], list[Fault]]:
        """The API's body, and what could not even be written as one.

        Faults point into the body. `skip_empty` leaves steps without an event out, for a preview while typing.
        """
        faults: list[Fault] = []
        steps = [self.steps[row] for row in self.rows(skip_empty=skip_empty)]
        body = {
            "name": self.name,
            "description": self.description,
            "steps": [_step_body(step, f"/steps/{index}", faults) for index, step in enumerate(steps)],
            "mode": self.mode,
            "window": _duration(self.window_count, self.window_unit, "/window", faults),
            "counting": self.counting,
            "exclusions": _json(self.exclusions),
        }
        return body, faults

    def rows(self, *, skip_empty: bool = False) -> list[int]:
        """Which row each step of the body comes from."""
        return [row for row, step in enumerate(self.steps) if not (skip_empty and step.is_empty)]

    def show(self, faults: Iterable[Fault], *, skip_empty: bool = False) -> None:
        """Put each fault at the field it is about."""
        rows = self.rows(skip_empty=skip_empty)
        for fault in faults:
            place = PLACE.match(fault.pointer)
            if place and int(place[1]) < len(rows):
                row = rows[int(place[1])]
                slot = SLOTS.get(place[2], place[2] or "event")
                self.steps[row].errors.setdefault(slot, fault.detail)
                self.focus = self.focus or f"steps-{row}-{slot}"
            else:
                slot = fault.pointer.split("/")[1] if "/" in fault.pointer else "form"
                self.errors.setdefault(slot, fault.detail)
                self.focus = self.focus or slot

    def act(self, do: str) -> bool:
        """Follow a button that changes the rows, such as `up:2` or `remove_filter:0:1`. False when it is none."""
        verb, *places = do.split(":")
        action, arity = ACTIONS.get(verb, (None, 0))
        if action is None:
            return False
        indexes = [index for place in places if (index := _index(place)) is not None]
        if len(indexes) == arity:
            action(self, *indexes)
        return True

    def read(self, *, zone: tzinfo, name_required: bool = True, skip_empty: bool = False) -> FunnelDraft:
        """Raises Invalid with every fault, to be handed to `show`."""
        body, faults = self.body(skip_empty=skip_empty)
        try:
            draft = parse_draft(body, zone=zone, name_required=name_required)
        except Invalid as refused:
            raise Invalid([*faults, *refused.faults]) from None
        if faults:
            raise Invalid(faults)
        return draft


def add_step(builder: Builder) -> None:
    if len(builder.steps) >= MAX_STEPS:
        builder.errors["steps"] = f"A funnel has at most {MAX_STEPS} steps."
        return
    builder.steps.append(StepRow())
    builder.focus = f"steps-{len(builder.steps) - 1}-event"


def remove_step(builder: Builder, step: int) -> None:
    if len(builder.steps) <= MIN_STEPS:
        builder.errors["steps"] = f"A funnel needs at least {MIN_STEPS} steps."
    elif 0 <= step < len(builder.steps):
        del builder.steps[step]
        builder.focus = f"steps-{max(step - 1, 0)}-event"
    _clear_first_gap(builder)


def move_up(builder: Builder, step: int) -> None:
    if 0 < step < len(builder.steps):
        builder.steps[step - 1 : step + 1] = builder.steps[step], builder.steps[step - 1]
        builder.focus = f"steps-{step - 1}-up" if step > 1 else "steps-0-down"
    _clear_first_gap(builder)


def move_down(builder: Builder, step: int) -> None:
    if 0 <= step < len(builder.steps) - 1:
        builder.steps[step : step + 2] = builder.steps[step + 1], builder.steps[step]
        last = step + 1 == len(builder.steps) - 1
        builder.focus = f"steps-{step + 1}-{'up' if last else 'down'}"
    _clear_first_gap(builder)


def add_event(builder: Builder, step: int) -> None:
    if 0 <= step < len(builder.steps):
        builder.steps[step].events.append("")
        builder.focus = f"steps-{step}-event-{len(builder.steps[step].events) - 1}"


def remove_event(builder: Builder, step: int, event: int) -> None:
    if 0 <= step < len(builder.steps) and 0 <= event < len(builder.steps[step].events) > 1:
        del builder.steps[step].events[event]
        builder.focus = f"steps-{step}-event"


def add_filter(builder: Builder, step: int) -> None:
    if 0 <= step < len(builder.steps):
        builder.steps[step].filters.append(FilterRow())
        builder.focus = f"steps-{step}-property-{len(builder.steps[step].filters) - 1}"


def remove_filter(builder: Builder, step: int, row: int) -> None:
    if 0 <= step < len(builder.steps) and 0 <= row < len(builder.steps[step].filters):
        del builder.steps[step].filters[row]
        builder.focus = f"steps-{step}-add-filter"


def _clear_first_gap(builder: Builder) -> None:
    """A Time Window needs a step before it."""
    builder.steps[0].gap_count = ""


# Each with how many indexes its button names.
ACTIONS: dict[str, tuple[Callable[..., None], int]] = {
    "add_step": (add_step, 0),
    "remove_step": (remove_step, 1),
    "up": (move_up, 1),
    "down": (move_down, 1),
    "add_event": (add_event, 1),
    "remove_event": (remove_event, 2),
    "add_filter": (add_filter, 1),
    "remove_filter": (remove_filter, 2),
}


def split_duration(micros: int) -> tuple[str, str]:
    """Count and the largest unit that divides it: `("7", "D")`, `("36", "H")`, `("1.5", "S")`."""
    for unit, _ in UNIT_WORDS:
        if micros % UNITS[unit] == 0:
            return str(micros // UNITS[unit]), unit
    return f"{Decimal(micros) / periods.SECOND:f}", "S"


def _step_of_post(post: QueryDict, prefix: str) -> StepRow:
    filters = zip(
        post.getlist(f"{prefix}property"), post.getlist(f"{prefix}op"), post.getlist(f"{prefix}value"), strict=False
    )
    return StepRow(
        events=[event.strip() for event in post.getlist(f"{prefix}event")] or [""],
        label=post.get(f"{prefix}label", ""),
        gap_count=post.get(f"{prefix}gap_count", ""),
        gap_unit=post.get(f"{prefix}gap_unit", "D"),
        join=post.get(f"{prefix}join", "and"),
        filters=[FilterRow(*row) for row in filters],
        advanced=post.get(f"{prefix}advanced", ""),
    )


def _step_of_json(step: Mapping[str, Any]) -> StepRow:
    events = step["event"] if isinstance(step["event"], list) else [step["event"]]
    row = StepRow(events=list(events), label=step.get("label", ""))
    if "max_gap" in step:
        row.gap_count, row.gap_unit = split_duration(periods.parse_duration(step["max_gap"]))
    if "where" in step:
        shown = _filters_of(step["where"])
        if shown is None:
            row.advanced = json.dumps(step["where"], ensure_ascii=False, indent=2)
        else:
            row.join, row.filters = shown
    return row


def _filters_of(where: Mapping[str, Any]) -> tuple[str, list[FilterRow]] | None:
    """The filter as lines, or None when lines would not say the same."""
    join = where.get("type", "and")
    tests = where.get("children", []) if "type" in where else [where]
    rows = [_filter_of(test) for test in tests]
    lines = [row for row in rows if row is not None]
    if join in {"and", "or"} and lines and len(lines) == len(rows) and _where(lines, join, "", []) == where:
        return join, lines
    return None


def _filter_of(test: Mapping[str, Any]) -> FilterRow | None:
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


def _step_body(step: StepRow, pointer: str, faults: list[Fault]) -> dict[str, Any]:
    events = [event for event in step.events if event]
    body: dict[str, Any] = {"event": events[0] if len(events) == 1 else events}
    if step.label.strip():
        body["label"] = step.label.strip()
    if step.gap_count.strip():
        body["max_gap"] = _duration(step.gap_count, step.gap_unit, f"{pointer}/max_gap", faults)
    where = _json(step.advanced) if step.advanced.strip() else _where(step.filters, step.join, pointer, faults)
    if where is not None:
        body["where"] = where
    return body


def _where(rows: list[FilterRow], join: str, pointer: str, faults: list[Fault]) -> dict[str, Any] | None:
    used = [row for row in rows if row.property.strip() or row.value.strip()]
    tests = [_test(row, f"{pointer}/where", faults) for row in used]
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
        return [_number(part.strip()) for part in re.split(r",| and |–", value)]
    if op in ORDERS:
        return _number(value)
    if op in {"eq_number", "neq_number"}:
        number = _number(value)
        if value and isinstance(number, str):
            faults.append(Fault(pointer, f"“{value[:40]}” is not a number."))
        return number
    return value


def _number(text: str) -> int | float | str:
    """A number as it would be written in JSON; anything else stays text."""
    if not NUMBER.fullmatch(text) or len(text) > 40:
        return text
    return float(text) if "." in text else int(text)


def _duration(count: str, unit: str, pointer: str, faults: list[Fault]) -> str:
    """ISO 8601 of a count and a unit of the form."""
    if unit in UNITS and AMOUNT.fullmatch(count.strip()):
        micros = Decimal(count.strip()) * UNITS[unit]
        if micros == int(micros):
            return periods.format_duration(int(micros))
    faults.append(Fault(pointer, "Write a number, such as 7, and choose its unit."))
    return periods.format_duration(DEFAULT_WINDOW)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _index(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,4}", text, re.ASCII) else None
