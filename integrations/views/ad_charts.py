"""One entity's spend and conversions by day."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io

from integrations.models import AdDay

plotly.io.templates.default = "none"


def course(days: Sequence[AdDay], currency: str) -> Mapping[str, Any]:
    """Spend as bars, conversions as a line against its own axis."""
    x = [one.day for one in days]
    spend = go.Bar(x=x, y=[float(one.spend) for one in days], name=f"Spend ({currency})")
    conversions = go.Scatter(
        x=x, y=[float(one.conversions) for one in days], name="Conversions", mode="lines+markers", yaxis="y2"
    )
    layout = {
        "showlegend": True,
        "yaxis": {"title": {"text": currency}, "rangemode": "tozero"},
        "yaxis2": {"overlaying": "y", "side": "right", "rangemode": "tozero", "showgrid": False},
    }
    drawn: dict[str, Any] = json.loads(go.Figure([spend, conversions], layout).to_json())
    drawn["layout"].pop("template", None)
    return drawn
