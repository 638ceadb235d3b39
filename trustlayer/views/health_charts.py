"""The history of signal health: a line for each platform, the same numbers as a table, and a small line for home."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import plotly.io

from trustlayer.policy import Policy
from trustlayer.queries.health import OWN
from trustlayer.queries.history import History
from trustlayer.words import platform_name

plotly.io.templates.default = "none"

WHOLE = "Workspace"
WIDE, HIGH, ROOM = 96, 24, 2  # units of the small drawing


@dataclass(frozen=True, slots=True)
class Course:
    """The chart, its table (newest day first) and a sentence."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[date, tuple[int | None, ...]], ...]
    spec: Mapping[str, Any]


def course(found: History, policy: Policy) -> Course | None:
    """None while no day was written down."""
    if not found.rows:
        return None
    platforms = [one for one in found.platforms if one != OWN] or [OWN]
    scores = {one: found.scores(one) for one in platforms}
    lines = [_line(found.days, name(one, platforms), values) for one, values in scores.items()]
    limits = [
        _limit(found.days, f"PASS from {policy.thresholds.pass_at}", policy.thresholds.pass_at, "dash"),
        _limit(found.days, f"BLOCK below {policy.thresholds.block_below}", policy.thresholds.block_below, "dot"),
    ]
    layout = {"showlegend": True, "yaxis": {"range": [0, 102], "dtick": 20}}
    drawn: dict[str, Any] = json.loads(go.Figure([*lines, *limits], layout).to_json())
    drawn["layout"].pop("template", None)
    rows = tuple(
        (day, tuple(values[place] for values in scores.values())) for place, day in reversed([*enumerate(found.days)])
    )
    known = tuple(row for row in rows if any(score is not None for score in row[1]))
    return Course(_caption(found, platforms), tuple(name(one, platforms) for one in platforms), known, drawn)


def name(platform: str, platforms: Sequence[str]) -> str:
    return WHOLE if platform == OWN else platform_name(platform)


def _line(days: Sequence[date], label: str, scores: Sequence[int | None]) -> Any:
    return go.Scatter(x=list(days), y=list(scores), name=label, mode="lines+markers", marker={"size": 5})


def _limit(days: Sequence[date], label: str, at: int, dash: str) -> Any:
    line = {"dash": dash, "width": 1}
    return go.Scatter(x=[days[0], days[-1]], y=[at, at], name=label, mode="lines", line=line, hoverinfo="skip")


def _caption(found: History, platforms: Sequence[str]) -> str:
    scored = [
        (score, platform, day)
        for platform in platforms
        for day, score in zip(found.days, found.scores(platform), strict=True)
        if score is not None
    ]
    if not scored:
        return f"No signal was known in these {len(found.days)} days."
    score, platform, day = min(scored)
    whose = "" if platform == OWN else f" of {platform_name(platform)}"
    return f"Signal health at the end of each day. The lowest was {score}{whose} on {day:%-d %b %Y}."


def small_line(scores: Sequence[int | None]) -> str:
    """Path data of an SVG of WIDE by HIGH from 0 to 100; a day without a score breaks the line."""
    step = (WIDE - 2 * ROOM) / max(len(scores) - 1, 1)
    places = [
        None if score is None else f"{ROOM + index * step:.1f} {HIGH - ROOM - score / 100 * (HIGH - 2 * ROOM):.1f}"
        for index, score in enumerate(scores)
    ]
    return "".join(f"M{start}L{end}" for start, end in pairwise(places) if start and end)
