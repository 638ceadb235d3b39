"""The first page's figures: what the rooms measure over a period of whole local days, beside the period before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from stratum.lib import periods
from stratum.lib.periods import Period
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces import registry
from stratum.workspaces.access import Actor
from stratum.workspaces.context import address
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Kpi, Measured

RANGES = {"7d": 7, "30d": 30, "90d": 90}
USUAL, MOST_DAYS = "30d", 366
WIDE, HIGH, ROOM = 160, 36, 3  # of a tile's line, in units of the drawing


@dataclass(frozen=True, slots=True)
class Tile:
    """`change` is the relative one since the period before, None where there is nothing to compare with."""

    kpi: Kpi
    url: str | None
    measured: Measured | None
    refused: str
    line: str

    @property
    def change(self) -> float | None:
        found = self.measured
        if found is None or found.value is None or not found.previous:
            return None
        return (found.value - found.previous) / abs(found.previous)

    @property
    def percent(self) -> str:
        return "" if self.change is None else f"{abs(self.change):.0%}"

    @property
    def sentence(self) -> str:
        known = [day for day in self.measured.days if day is not None] if self.measured else []
        return f"{self.kpi.label} by day: {min(known):,g} to {max(known):,g}" if known else ""


def period_of(given: Mapping[str, str], workspace: Workspace, now: datetime) -> tuple[str, Period]:
    """The name of a usual range ("" for typed dates), and its days. Raises Invalid."""
    zone = ZoneInfo(workspace.time_zone)
    if given.get("from") or given.get("to"):
        typed = periods.parse_period(given.get("from", ""), given.get("to", ""), now=now, zone=zone)
        whole = periods.between_days(typed.first_day, typed.last_day, zone)
        if whole.days > MOST_DAYS:
            raise Invalid([Fault("/from", f"Choose at most {MOST_DAYS} days.", "too_long")])
        return "", whole
    name = given.get("range") or USUAL
    if name not in RANGES:
        raise Invalid([Fault("/range", f"Choose of {', '.join(RANGES)}, or write from and to.", "unknown_choice")])
    return name, periods.last_days(RANGES[name], now, zone)


def before(period: Period) -> Period:
    """As many days right before it."""
    first = period.first_day - timedelta(days=period.days)
    return periods.between_days(first, period.first_day - timedelta(days=1), period.zone)


def days_of(period: Period) -> list[date]:
    return [period.first_day + timedelta(days=ahead) for ahead in range(period.days)]


def outlines(actor: Actor) -> list[Tile]:
    """The tiles without what they measure."""
    return [Tile(kpi, address(kpi.url_name), None, "", "") for kpi in _visible(actor)]


def tiles(actor: Actor, workspace: Workspace, period: Period, *, now: datetime) -> list[Tile]:
    """What cannot be measured at the moment, or is not in the plan, says why."""
    return [_tile(kpi, workspace, period, now) for kpi in _visible(actor)]


def _visible(actor: Actor) -> list[Kpi]:
    ordered = sorted(registry.kpis.values(), key=lambda kpi: (kpi.order, kpi.name))
    return [kpi for kpi in ordered if actor.may(kpi.right)]


def by_day(tiles: Sequence[Tile], period: Period) -> list[tuple[date, list[float | None]]]:
    """The newest day first, with the value of each tile that could be measured."""
    measured = [tile.measured.days for tile in tiles if tile.measured]
    rows = [(day, [days[at] for days in measured]) for at, day in enumerate(days_of(period))]
    return rows[::-1]


def _tile(kpi: Kpi, workspace: Workspace, period: Period, now: datetime) -> Tile:
    try:
        measured = kpi.measure(workspace, period, before(period), now)
    except Refusal as refusal:
        return Tile(kpi, address(kpi.url_name), None, refusal.sentence, "")
    return Tile(kpi, address(kpi.url_name), measured, "", line(measured.days))


def line(values: Sequence[float | None]) -> str:
    """Path data from 0 (or the lowest below it) to the highest; a day without a value breaks it."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    lowest, highest = min(0, *known), max(known)
    step = (WIDE - 2 * ROOM) / max(len(values) - 1, 1)
    scale = (HIGH - 2 * ROOM) / ((highest - lowest) or 1)
    places = [
        None if value is None else f"{ROOM + at * step:.1f} {HIGH - ROOM - (value - lowest) * scale:.1f}"
        for at, value in enumerate(values)
    ]
    return "".join(f"M{start}L{end}" for start, end in pairwise(places) if start and end)
