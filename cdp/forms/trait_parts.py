"""The events of a trait and the window they are counted in, as fields of a form, to and from the API's JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from cdp.forms import funnel_matches as matches
from cdp.forms.durations import UNIT_WORDS, UNITS, duration, split_duration
from cdp.forms.funnel_matches import MatchRow
from stratum.lib import periods
from stratum.lib.refusal import Fault

WINDOWS = (
    ("all", "All time"),
    ("last", "The last …"),
    ("calendar", "This or last calendar …"),
    ("between", "Between … and … ago"),
    ("before", "More than … ago"),
    ("dates", "Between dates"),
)
CALENDARS = (
    ("today", "Today"),
    ("yesterday", "Yesterday"),
    ("this_week", "This week"),
    ("last_week", "Last week"),
    ("this_month", "This month"),
    ("last_month", "Last month"),
    ("this_year", "This year"),
    ("last_year", "Last year"),
)
WINDOW_TEXTS = ("kind", "count", "until", "unit", "align", "calendar", "first", "last")
EVENT_NAME = re.compile(r"(.+)\*", re.DOTALL)


@dataclass(slots=True)
class WindowRow:
    """The Time Window as typed. `count` and `until` share the unit; `align` is `day` where days are whole."""

    kind: str = "all"
    count: str = "30"
    until: str = "0"
    unit: str = "D"
    align: str = ""
    calendar: str = "this_month"
    first: str = ""
    last: str = ""


@dataclass(slots=True)
class PartRow(MatchRow):
    """Which events count, and when."""

    window: WindowRow = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.window = self.window or WindowRow()


def part_of_post(post: QueryDict, prefix: str) -> PartRow:
    typed = {name: post.get(f"{prefix}window_{name}") for name in WINDOW_TEXTS}
    given = {name: text.strip() for name, text in typed.items() if text is not None}
    return PartRow(**matches.fields_of_post(post, prefix), window=WindowRow(**given))


def part_of_json(part: Mapping[str, Any]) -> PartRow:
    """From a checked `{event, where, window}`. Missing parts are empty rows: a ratio half typed has them."""
    event = part.get("event", "")
    if isinstance(event, Mapping):
        event = f"{event['prefix']}*"
    match = {"event": event} | ({"where": part["where"]} if part.get("where") else {})
    return PartRow(**matches.fields_of_json(match), window=window_of_json(part.get("window")))


def window_of_json(window: Mapping[str, Any] | None) -> WindowRow:
    if not window:
        return WindowRow()
    if "last" in window:
        count, unit = split_duration(periods.parse_duration(window["last"]))
        return WindowRow("last", count, unit=unit, align="day" if window.get("align") == "day" else "")
    if "before" in window:
        count, unit = split_duration(periods.parse_duration(window["before"]))
        return WindowRow("before", count, unit=unit)
    if "between" in window:
        return _between(*map(periods.parse_duration, window["between"]))
    if "calendar" in window:
        return WindowRow("calendar", calendar=window["calendar"])
    return WindowRow("dates", first=window.get("from", ""), last=window.get("to", ""))


def _between(earlier: int, later: int) -> WindowRow:
    """Both in the largest unit that divides both."""
    unit = next((unit for unit, _ in UNIT_WORDS if earlier % UNITS[unit] == later % UNITS[unit] == 0), "S")
    return WindowRow("between", str(earlier // UNITS[unit]), str(later // UNITS[unit]), unit)


def part_body(part: PartRow, pointer: str, faults: list[Fault]) -> dict[str, Any]:
    """`{event, where, window}` as the API takes it."""
    written = matches.body(part, pointer, faults)
    if isinstance(written["event"], str) and (found := EVENT_NAME.fullmatch(written["event"])):
        written["event"] = {"prefix": found[1]}
    return written | {"window": window_body(part.window, f"{pointer}/window", faults)}


def window_body(row: WindowRow, pointer: str, faults: list[Fault]) -> dict[str, Any] | None:
    if row.kind == "last":
        written = {"last": duration(row.count, row.unit, pointer, faults)}
        return written | ({"align": "day"} if row.align == "day" else {})
    if row.kind == "before":
        return {"before": duration(row.count, row.unit, pointer, faults)}
    if row.kind == "between":
        return {"between": [duration(text, row.unit, pointer, faults) for text in (row.count, row.until)]}
    if row.kind == "calendar":
        return {"calendar": row.calendar}
    if row.kind == "dates":
        if not row.first and not row.last:
            faults.append(Fault(pointer, "Give a first day, an end, or both."))
        return {name: text for name, text in (("from", row.first), ("to", row.last)) if text}
    return None
