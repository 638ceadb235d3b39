"""How a trait's values are spread, as a chart, the table beside it and a sentence."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import plotly.graph_objects as go
import plotly.io

from cdp.definitions.traits import TraitDefinition
from cdp.queries.trait_distribution import Bin, Distribution
from cdp.views import trait_words as words
from cdp.views.funnel_words import percent

plotly.io.templates.default = "none"

LONGEST_LABEL = 28  # characters on the axis; the table has all of it
WHOLE = {"count", "unique_count"}


@dataclass(frozen=True, slots=True)
class Row:
    """A bar of the chart and a line of its table."""

    label: str
    count: int
    share: str


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution as shown. Without `rows` nobody has a value, and `caption` says so."""

    head: str
    rows: tuple[Row, ...]
    caption: str
    spec: dict[str, Any]


def spread(found: Distribution, definition: TraitDefinition, zone: ZoneInfo) -> Spread:
    rows = _rows(found, definition, zone)
    named = {"numbers": "Value", "instants": "Time", "values": "Value"}[found.kind]
    return Spread(named, tuple(rows), caption(found, definition, zone), _spec(rows, found.kind))


def _rows(found: Distribution, definition: TraitDefinition, zone: ZoneInfo) -> list[Row]:
    if not found.count:
        return []
    if found.kind == "values":
        rows = [Row(words.value(definition, one.value, zone), one.count, percent(one.rate)) for one in found.values]
        if found.others:
            rows.append(Row("Other values", found.others, percent(min(found.others / found.count, 1))))
        return rows
    return [Row(_span(one, found, definition, zone), one.count, percent(one.count / found.count)) for one in found.bins]


def _span(one: Bin, found: Distribution, definition: TraitDefinition, zone: ZoneInfo) -> str:
    if found.kind == "instants":
        return _days(datetime.fromisoformat(str(one.start)), datetime.fromisoformat(str(one.end)), zone)
    start, end = float(one.start), float(one.end)
    is_last = one is found.bins[-1]
    is_whole = definition.kind in WHOLE or definition.fn in WHOLE or bool(definition.calculation)
    if start == end or (is_whole and end - start == 1 and not is_last):
        return _edge(start, definition)
    return f"{_edge(start, definition)} – {_edge(end, definition)}"


def _edge(number: float, definition: TraitDefinition) -> str:
    return percent(number) if definition.kind == "ratio" else words.plain(number)


def _days(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """The bin's local days: one, a month, a year, or from and to."""
    first, after = start.astimezone(zone).date(), end.astimezone(zone).date()
    length = (after - first).days
    if length <= 1:
        return f"{first:%-d %b %Y}"
    if length > 300:
        return f"{first:%Y}"
    if first.day == after.day == 1:
        return f"{first:%b %Y}"
    return f"from {first:%-d %b %Y}"


def caption(found: Distribution, definition: TraitDefinition, zone: ZoneInfo) -> str:
    """The chart in one sentence."""
    if not found.count:
        return "No profile has a value."
    people = f"{found.count:,} profile{'' if found.count == 1 else 's'}"

    def told(value: Any) -> str:
        return words.value(definition, value, zone)

    if found.kind == "values":
        if not found.values:
            return f"{people} have a value."
        first = found.values[0]
        return (
            f"“{told(first.value)}” is the most frequent value: {first.count:,} of {people} ({percent(first.rate)}). "
            f"{found.distinct:,} distinct values in all."
        )
    if found.kind == "instants":
        least, median, most = (_instant(end, zone) for end in (found.least, found.median, found.most))
        return f"Of {people} with a value the earliest is {least}, the latest {most}; half lie before {median}."
    return (
        f"Of {people} with a value, half have at most {told(found.median)}; the average is {told(found.average)}, "
        f"and values range from {told(found.least)} to {told(found.most)}."
    )


def _instant(text: object, zone: ZoneInfo) -> str:
    return words.moment(datetime.fromisoformat(str(text)), zone)


def _spec(rows: Sequence[Row], kind: str) -> dict[str, Any]:
    """Upright bars for ranges, lying ones for names."""
    if not rows:
        return {}
    labels, counts = [row.label for row in rows], [row.count for row in rows]
    if kind == "values":
        bars = go.Bar(x=counts, y=_short(labels), orientation="h", hovertemplate="%{y}: %{x:,}<extra></extra>")
        layout = {"yaxis": {"autorange": "reversed", "type": "category"}, "xaxis": {"tickformat": ",d"}, "bargap": 0.2}
    else:
        bars = go.Bar(x=labels, y=counts, hovertemplate="%{x}: %{y:,}<extra></extra>")
        layout = {"xaxis": {"type": "category"}, "yaxis": {"tickformat": ",d"}, "bargap": 0.08}
    drawn: dict[str, Any] = json.loads(go.Figure([bars], layout | {"hovermode": "closest"}).to_json())
    drawn["layout"].pop("template", None)
    return drawn


def _short(labels: Sequence[str]) -> list[str]:
    """Cut, and still distinct: equal names would share a bar."""
    cut = [text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…" for text in labels]
    seen: dict[str, int] = {}
    for place, text in enumerate(cut):
        seen[text] = seen.get(text, 0) + 1
        if seen[text] > 1:
            cut[place] = f"{text} ({seen[text]})"
    return cut
