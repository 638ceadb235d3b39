"""The autopilot's tables that can be exported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from autopilot.models import DryRun
from autopilot.queries import dry_runs as queries
from stratum.reports.registry import Exporter
from stratum.reports.sheets import Sheet
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

HEADER = (
    *("id", "at", "by", "rule", "entity", "action", "field", "current", "proposed", "verdict", "failed_checks"),
    *("signal_health", "method", "effect_low", "effect_high", "observed_low", "observed_high"),
    *("noise_low", "noise_high", "executed", "effective_day", "actual_14", "actual_28", "unresolvable"),
)


def dry_runs(workspace: Workspace, parameters: Mapping[str, str], by: Actor, now: datetime) -> Sheet:
    """`parameters`: the filters of the history."""
    found = queries.find(workspace, parameters)
    day = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    rows = map(_row, found.iterator(chunk_size=1_000))
    return Sheet(f"dry-runs-{day}", "Dry-runs", HEADER, rows, found.count())


def _row(one: DryRun) -> Sequence[object]:
    result = one.result
    told = [result[name] for name in ("field", "current", "proposed")]
    numbers = [one.effect_low, one.effect_high, one.observed_low, one.observed_high, one.noise_low, one.noise_high]
    return (
        *(str(one.pk), one.at, one.by, one.rule.name if one.rule else "", one.entity.name, result["action_kind"]),
        *told,
        *(one.verdict, "; ".join(one.failed_checks), result["signal_health"], one.method_version, *numbers),
        *(one.executed, str(one.effective_day or ""), one.actual_14, one.actual_28, one.unresolvable),
    )


DRY_RUNS = Exporter("dry_runs", "Dry-runs", dry_runs, personal=False)
