"""A segment's daily size as a chart: the size above, who entered and left below."""

import json
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io

from cdp.models import SegmentDay

plotly.io.templates.default = "none"


def segment_chart(days: Sequence[SegmentDay]) -> dict[str, Any]:
    on = [str(one.day) for one in days]
    traces = [
        go.Scatter(x=on, y=[one.size for one in days], name="Members", mode="lines"),
        go.Bar(x=on, y=[one.entered for one in days], name="Entered", yaxis="y2"),
        go.Bar(x=on, y=[-one.exited for one in days], name="Left", yaxis="y2"),
    ]
    layout = {
        "barmode": "relative",
        "showlegend": True,
        "xaxis": {"anchor": "y2"},
        "yaxis": {"domain": [0.4, 1], "rangemode": "tozero", "tickformat": ",d"},
        "yaxis2": {"domain": [0, 0.3], "tickformat": ",d", "nticks": 4},
    }
    drawn: dict[str, Any] = json.loads(go.Figure(traces, layout).to_json())
    drawn["layout"].pop("template", None)
    return drawn


def caption_of(days: Sequence[SegmentDay]) -> str:
    entered, left = sum(one.entered for one in days), sum(one.exited for one in days)
    return (
        f"From {days[0].size:,} members on {days[0].day:%-d %b} to {days[-1].size:,} on {days[-1].day:%-d %b}; "
        f"{entered:,} entered and {left:,} left."
    )
