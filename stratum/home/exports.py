"""The first page as a file: each figure of each day, and as a PDF with their lines."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from stratum.home import kpis
from stratum.lib.periods import Period
from stratum.reports.pdf import Trend, table_pdf
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet, Tell
from stratum.workspaces import limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

FEATURE = "dashboard_export"
HEADER = ("figure", "unit", "day", "value")


def dashboard(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`range` (7d, 30d, 90d), or `from` and `to`. What cannot be measured is left out."""
    limits.require_feature(workspace, FEATURE)
    _, period = kpis.period_of(parameters, workspace, now)
    tiles = [tile for tile in kpis.tiles(by, workspace, period, now=now) if tile.measured]
    rows = list(_rows(tiles, period))
    title = f"{workspace.name}: {period.first_day} to {period.last_day}"
    name = f"dashboard-{period.first_day}-{period.last_day}"
    return Sheet(name, title, HEADER, rows, len(rows), own={"pdf": lambda tell: _pdf(title, tiles, rows, tell)})


def _rows(tiles: Sequence[kpis.Tile], period: Period) -> Iterator[Sequence[object]]:
    for tile in tiles:
        assert tile.measured is not None
        for day, value in zip(kpis.days_of(period), tile.measured.days, strict=True):
            yield tile.kpi.label, tile.kpi.unit, str(day), value


def _pdf(title: str, tiles: Sequence[kpis.Tile], rows: Sequence[Sequence[object]], tell: Tell) -> Iterator[bytes]:
    trends = [Trend(tile.kpi.label, _caption(tile), tile.measured.days) for tile in tiles if tile.measured is not None]
    file, shown = table_pdf(title, HEADER, iter(rows), len(rows), trends)
    yield file
    tell(shown)


def _caption(tile: kpis.Tile) -> str:
    assert tile.measured is not None
    change = tile.change
    since = "" if change is None else f", {change:+.0%} against the days before"
    unit = f" {tile.kpi.unit}" if tile.kpi.unit else ""
    return f"{tile.measured.text}{unit}{since}"


DASHBOARD = Exporter("dashboard", "Dashboard", dashboard, personal=False, standalone=True)
