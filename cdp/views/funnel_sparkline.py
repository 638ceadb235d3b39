"""Conversion by day as a small line: lines between neighbouring days, dashed where some may still convert."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cdp.queries.funnel_list import DayRate
from cdp.views.funnel_words import percent

WIDE, HIGH, ROOM = 96, 24, 2  # units of the drawing; room for the width of the line


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`closed` and `open` are the path data of an SVG of WIDE by HIGH; `sentence` says the same in words."""

    closed: str
    open: str
    sentence: str


def sparkline(days: Sequence[DayRate]) -> Sparkline | None:
    """None with fewer than two days that anybody entered. A day that nobody entered breaks the line."""
    rates = [day.rate for day in days if day.rate is not None]
    if len(rates) < 2:
        return None
    top = max(rates) or 1
    places = [_place(index, day.rate, len(days), top) for index, day in enumerate(days)]
    closed: list[str] = []
    still_open: list[str] = []
    for (start, end), day in zip(pairwise(places), days[1:], strict=True):
        if start and end:
            (still_open if day.is_open else closed).append(f"M{start}L{end}")
    sentence = f"Conversion by day, last {len(days)} days: {percent(min(rates))} to {percent(max(rates))}"
    return Sparkline("".join(closed), "".join(still_open), sentence)


def _place(index: int, rate: float | None, days: int, top: float) -> str:
    if rate is None:
        return ""
    left = ROOM + index * (WIDE - 2 * ROOM) / (days - 1)
    return f"{left:.1f} {HIGH - ROOM - rate / top * (HIGH - 2 * ROOM):.1f}"
