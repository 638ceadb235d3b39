"""/dashboard/cdp/segments/<id>/forecast: the projected size over the next 30, 60 or 90 days."""

import json
from typing import Any
from uuid import UUID

import plotly.graph_objects as go
import plotly.io
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdp.forecast.shapes import History
from cdp.models import SegmentForecast
from cdp.queries import forecast as queries
from cdp.queries import segments
from cdp.queries.forecast import Accuracy
from cdp.services import forecast as services
from cdp.views.funnel_words import percent
from stratum.lib.refusal import Refusal
from stratum.lib.routes import route
from stratum.lib.sheets import csv_lines
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest

plotly.io.templates.default = "none"

METHODS = {
    "last_value": "No change: on earlier days nothing was closer than the size staying as it was.",
    "net_flow": "Net flow: the mean of entries minus exits a day goes on.",
    "constant_exit_rate": "Constant exit rate: a fixed share of the members leaves and a fixed number enters a day.",
    "cohorts": "Survivors: today's members and those to come leave as members before them did, by days in the segment.",
}
SHADE = {"95": 0.12, "80": 0.22}


@require_safe
@access.page("view")
def segment_forecast(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = segments.get(request.workspace, segment_id)
    horizon = queries.horizon_of(request.GET.get("days", "30"))
    context: dict[str, object] = {
        "segment": segment,
        "horizon": horizon,
        "tabs": [
            {"url": f"?days={days}", "label": f"{days} days", "active": days == horizon} for days in queries.HORIZONS
        ],
        "may_export": request.actor.may("export"),
        "time_zone": request.workspace.time_zone,
    }
    try:
        row = services.kept(workspace=request.workspace, segment=segment, horizon=horizon, now=request.now)
    except Refusal as refused:
        return render(request, "cdp/segments/forecast.html", context | {"refused": refused.sentence})
    known = queries.history(request.workspace, segment, request.now)
    earlier = queries.accuracy(request.workspace, segment, horizon, known, request.now)
    return render(request, "cdp/segments/forecast.html", context | _told(row, known, earlier))


def _told(row: SegmentForecast, known: History, earlier: Accuracy) -> dict[str, object]:
    last, test = row.points[-1], row.backtest
    caption = (
        f"From {known.size[-1]:,} members now to about {last['expected']:,.0f} in {row.horizon} days; with 80 % "
        f"confidence between {last['low80']:,.0f} and {last['high80']:,.0f}."
    )
    return {
        "row": row,
        "caption": caption,
        "chart": _chart(row, known, earlier),
        "method": METHODS[row.method],
        "entry_rate": f"{row.entry_rate:,.1f}",
        "exit_rate": percent(row.exit_rate),
        "error": percent(test["error"]),
        "coverage": "" if test["coverage80"] is None else percent(test["coverage80"]),
        "earlier": earlier,
        "earlier_error": "" if earlier.error is None else percent(earlier.error),
    }


def _chart(row: SegmentForecast, known: History, earlier: Accuracy) -> dict[str, Any]:
    days = [one["day"] for one in row.points]
    traces: list[Any] = []
    for band, opacity in SHADE.items():
        low, high = ([one[f"{side}{band}"] for one in row.points] for side in ("low", "high"))
        shade = f"rgba(90, 120, 220, {opacity})"
        traces += [
            go.Scatter(x=days, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip"),
            go.Scatter(
                x=days,
                y=high,
                mode="lines",
                line={"width": 0},
                fill="tonexty",
                fillcolor=shade,
                name=f"{band} % interval",
            ),
        ]
    past = [known.date(day) for day in range(len(known))]
    traces.append(go.Scatter(x=past, y=known.size.tolist(), name="Members", mode="lines"))
    expected = [one["expected"] for one in row.points]
    traces.append(go.Scatter(x=days, y=expected, name="Expected", mode="lines", line={"dash": "dot"}))
    if earlier.came:
        traces.append(_earlier(earlier))
    layout = {"yaxis": {"rangemode": "tozero", "tickformat": ",d"}, "showlegend": True}
    drawn: dict[str, Any] = json.loads(go.Figure(traces, layout).to_json())
    drawn["layout"].pop("template", None)
    return drawn


def _earlier(earlier: Accuracy) -> Any:
    """What was forecast for days that have come, with the interval, beside the line of what came."""
    interval = {
        "type": "data",
        "symmetric": False,
        "array": [one.high80 - one.expected for one in earlier.came],
        "arrayminus": [one.expected - one.low80 for one in earlier.came],
    }
    return go.Scatter(
        x=[one.day for one in earlier.came],
        y=[one.expected for one in earlier.came],
        error_y=interval,
        name="Forecast earlier, 80 %",
        mode="markers",
        marker={"symbol": "x"},
    )


@require_safe
@access.page("export")
def segment_forecast_csv(request: MemberRequest, segment_id: UUID) -> HttpResponse:
    segment = segments.get(request.workspace, segment_id)
    horizon = queries.horizon_of(request.GET.get("days", "30"))
    row = services.kept(workspace=request.workspace, segment=segment, horizon=horizon, now=request.now)
    head = ["day", "expected", "low80", "high80", "low95", "high95"]
    sheet = csv_lines([head, *([one[name] for name in head] for one in row.points)])
    response = HttpResponse("".join(sheet), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="forecast-{horizon}-{row.day}.csv"'
    return response


HERE = "dashboard/cdp/segments/<uuid:segment_id>/forecast"
urlpatterns = [
    route(HERE, segment_forecast, "segment_forecast"),
    route(f"{HERE}/csv", segment_forecast_csv, "segment_forecast_csv"),
]
