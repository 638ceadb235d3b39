"""Charts of a funnel, as what plotly.js draws; their numbers stand in a table beside each of them.

A point leads to the address in its `customdata`, where it has one.
"""

import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io

from cdp.queries.funnel_results import BreakdownResult, FunnelResult, StepResult
from cdp.queries.funnel_views import TimesResult, TrendBucket, TrendResult
from cdp.views import funnel_words as words

MOST_SERIES = 6  # as many colours as the themes have

plotly.io.templates.default = "none"

Spec = dict[str, Any]


def steps(result: FunnelResult) -> Spec:
    """The bars of the page, for a picture of them."""
    named = [f"{step.index + 1}. {step.label}" for step in result.steps]
    told = [f"{step.count:,} ({words.percent(step.conversion_from_start)})" for step in result.steps]
    bars = go.Bar(x=[step.count for step in result.steps], y=named, text=told, orientation="h", name="Now")
    before = _before(result.previous.steps if result.previous else (), named)
    layout = {"yaxis": {"autorange": "reversed"}, "bargap": 0.25, "barmode": "group", "showlegend": bool(before)}
    return _spec([bars, *before], layout)


def _before(steps: Sequence[StepResult], named: list[str]) -> list[go.Bar]:
    if not steps:
        return []
    return [go.Bar(x=[step.count for step in steps], y=named, orientation="h", name="Previous period", opacity=0.5)]


def times(result: TimesResult, addresses: Sequence[str]) -> Spec:
    """How many took how long; each bar leads to its people."""
    bars = go.Bar(
        x=[words.span(one) for one in result.bins],
        y=[one.count for one in result.bins],
        customdata=list(addresses),
        hovertemplate="%{x}: %{y:,}<extra></extra>",
    )
    return _spec([bars], {"bargap": 0.08, "yaxis": {"tickformat": ",d"}, "hovermode": "closest"})


def trend(result: TrendResult) -> Spec:
    """The conversion by bucket of entry: what may still grow is dotted."""
    lines = _lines(result.buckets)
    if result.previous is not None:
        # Drawn above the days of the period itself: the first below the first, and so on.
        moved = [one.start.date() for one in result.buckets]
        earlier = result.previous.buckets[: len(moved)]
        lines.append(
            go.Scatter(
                x=moved[: len(earlier)],
                y=[one.conversion for one in earlier],
                name="Previous period",
                mode="lines",
                line={"dash": "dash", "width": 1.5},
                opacity=0.7,
            )
        )
    layout = {"yaxis": {"tickformat": ".1%", "rangemode": "tozero"}, "showlegend": len(lines) > 1}
    return _spec(lines, layout)


def _lines(buckets: Sequence[TrendBucket]) -> list[go.Scatter]:
    """The closed buckets, and from the last of them on the open ones."""
    opened = next((place for place, one in enumerate(buckets) if one.is_open), len(buckets))
    closed, open_ones = buckets[:opened], buckets[max(opened - 1, 0) :]
    parts = [("Overall Conversion", closed, "solid"), ("Window still open", open_ones, "dot")]
    return [
        go.Scatter(
            x=[one.start.date() for one in part],
            y=[one.conversion for one in part],
            name=label,
            mode="lines+markers",
            line={"dash": dash, "width": 2},
            marker={"size": 5},
        )
        for label, part, dash in parts
        if part and (dash == "solid" or opened < len(buckets))
    ]


def breakdown(result: BreakdownResult) -> Spec:
    """Of the values with the most entries: the share that reached each step."""
    bars = [
        go.Bar(
            x=[f"{step.index + 1}. {step.label}" for step in value.steps],
            y=[step.conversion_from_start for step in value.steps],
            name=words.value(value.value, result.by),
            hovertemplate="%{y:.1%}",
        )
        for value in result.values[:MOST_SERIES]
    ]
    return _spec(bars, {"barmode": "group", "yaxis": {"tickformat": ".0%"}, "showlegend": True})


def _spec(traces: Sequence[Any], layout: dict[str, Any]) -> Spec:
    drawn: Spec = json.loads(go.Figure(list(traces), layout).to_json())
    drawn["layout"].pop("template", None)
    return drawn
