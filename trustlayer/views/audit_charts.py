"""Charts of the audit log; their numbers stand in a table beside each. A point leads to the page filtered by it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import plotly.io

from trustlayer.asked import DECISIONS, Asked
from trustlayer.queries.audit import Analytics

plotly.io.templates.default = "none"

LONGEST_LABEL = 44  # characters on an axis; the table has all of it
WORDS: Mapping[str, str] = {"PASS": "passed", "HOLD": "held", "BLOCK": "blocked"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a chart's table. `query` filters the page by it; empty when that cannot be said as a filter."""

    label: str
    cells: tuple[str, ...]
    query: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """What a card shows: a sentence, the drawing, and the same numbers as a table."""

    id: str
    title: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    spec: dict[str, Any]


def charts(found: Analytics, asked: Asked) -> list[Chart]:
    """The four of the manual's §4.6; none without a decision."""
    if not found.total:
        return []
    return [_share(found, asked), _trend(found, asked), _reasons(found, asked), _types(found, asked)]


def _share(found: Analytics, asked: Asked) -> Chart:
    rows = tuple(
        Row(name, (f"{count:,}", percent(count, found.total)), asked.changed(decision=name))
        for name, count in zip(DECISIONS, found.decisions, strict=True)
    )
    pie = go.Pie(
        labels=list(DECISIONS),
        values=list(found.decisions),
        sort=False,
        hole=0.55,
        textinfo="label+percent",
        customdata=[f"?{row.query}" for row in rows],
        hovertemplate="%{label}: %{value:,}<extra></extra>",
    )
    told = ", ".join(f"{percent(count, found.total)} {WORDS[name]}" for name, count in _pairs(found.decisions))
    caption = f"Of {found.total:,} decisions {told}."
    spec = _spec([pie], {"hovermode": "closest"})
    return Chart("decision-share", "Decisions", caption, ("Decision", "Count", "Share"), rows, spec)


def _trend(found: Analytics, asked: Asked) -> Chart:
    queries = [asked.changed(range="", **{"from": str(one.first), "to": str(one.last)}) for one in found.trend]
    bars = [
        go.Bar(
            x=[one.first for one in found.trend],
            y=[one.counts[place] for one in found.trend],
            name=name,
            customdata=[f"?{query}" for query in queries],
            hovertemplate="%{y:,}",
        )
        for place, name in enumerate(DECISIONS)
    ]
    rows = tuple(
        Row(str(one.first), tuple(f"{count:,}" for count in one.counts), query)
        for one, query in zip(found.trend, queries, strict=True)
    )
    busiest = max(found.trend, key=lambda one: sum(one.counts))
    caption = f"By {found.per}; the most were {sum(busiest.counts):,} from {busiest.first}."
    if found.per == "day":
        caption = f"By day; the most were {sum(busiest.counts):,} on {busiest.first}."
    layout = {"barmode": "stack", "bargap": 0.15, "showlegend": True, "yaxis": {"tickformat": ",d"}}
    head = (found.per.capitalize(), *DECISIONS)
    return Chart("decision-trend", "Trend", caption, head, rows, _spec(bars, layout))


def _reasons(found: Analytics, asked: Asked) -> Chart:
    blocked = found.decisions[DECISIONS.index("BLOCK")]
    rows = [
        Row(reason, (f"{count:,}", percent(count, blocked)), asked.changed(block_reason=reason))
        for reason, count in found.block_reasons
    ]
    bars = go.Bar(
        x=[count for _, count in found.block_reasons],
        y=[_cut(reason) for reason, _ in found.block_reasons],
        orientation="h",
        customdata=[f"?{row.query}" for row in rows],
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    if found.other_reasons:
        rows.append(Row("Other reasons", (f"{found.other_reasons:,}", percent(found.other_reasons, blocked))))
    caption = "Nothing was blocked."
    if found.block_reasons:
        reason, count = found.block_reasons[0]
        caption = f"Most often: {reason} ({count:,} of {blocked:,} blocked)."
    layout = {
        "yaxis": {"autorange": "reversed"},
        "xaxis": {"tickformat": ",d"},
        "hovermode": "closest",
        "bargap": 0.3,
    }
    spec = _spec([bars], layout)
    return Chart("block-reasons", "Block Reasons", caption, ("Reason", "Count", "Share"), tuple(rows), spec)


def _types(found: Analytics, asked: Asked) -> Chart:
    rows = tuple(
        Row(
            name or "None",
            (*(f"{count:,}" for count in counts), f"{sum(counts):,}"),
            asked.changed(entity_type=name) if name else "",
        )
        for name, counts in found.entity_types
    )
    bars = [
        go.Bar(
            x=[row.label for row in rows],
            y=[counts[place] for _, counts in found.entity_types],
            name=decision,
            customdata=[f"?{row.query}" if row.query else "" for row in rows],
            hovertemplate="%{y:,}",
        )
        for place, decision in enumerate(DECISIONS)
    ]
    name, counts = found.entity_types[0]
    caption = f"Most were about the type {name or 'None'}: {sum(counts):,} of {found.total:,}."
    layout = {"barmode": "stack", "showlegend": True, "yaxis": {"tickformat": ",d"}}
    head = ("Entity Type", *DECISIONS, "All")
    return Chart("entity-types", "Actions by Entity Type", caption, head, rows, _spec(bars, layout))


def percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"


def _pairs(counts: tuple[int, int, int]) -> list[tuple[str, int]]:
    return list(zip(DECISIONS, counts, strict=True))


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def _spec(traces: list[Any], layout: dict[str, Any]) -> dict[str, Any]:
    drawn: dict[str, Any] = json.loads(go.Figure(traces, layout).to_json())
    drawn["layout"].pop("template", None)
    return drawn
