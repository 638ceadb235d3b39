"""The projection on history: pretended changes of nothing on past days, scored against what came."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max

from autopilot import noise, projection, scoring
from autopilot.projection import HISTORY_DAYS, Day, Projection
from autopilot.queries import history
from autopilot.scoring import Scored, Scores
from integrations.models import AdAccount, AdDay, AdEntity
from stratum.workspaces.models import Workspace

AHEAD, GAP = 14, 4  # days 1 … 14 after day 0, and the days −3 … 0
EVERY = 7  # days between pretended changes
FEWEST_DAYS = 35 + GAP + AHEAD


def placebos(workspace: Workspace) -> list[Scores]:
    found = (scored for account in AdAccount.objects.filter(workspace=workspace) for scored in _of_account(account))
    return scoring.by_version(found)


def _of_account(account: AdAccount) -> Iterator[Scored]:
    last = AdDay.objects.filter(entity__account=account).aggregate(last=Max("day"))["last"]
    if last is None:
        return
    for entity in AdEntity.objects.filter(account=account, kind="campaign"):
        days = history.series(entity, last - timedelta(days=365), last)
        for end in range(35, len(days) - GAP - AHEAD + 1, EVERY):
            if scored := _placebo(days, end):
                yield scored


def _placebo(days: list[Day], end: int) -> Scored | None:
    """As if something had been tested then: history up to `end`, the actual days behind the gap."""
    known = days[max(0, end - HISTORY_DAYS) : end]
    unrest = noise.measure([[day.conversions for day in known]])
    spend = sum(day.spend for day in known[-projection.BASE_DAYS :]) / projection.BASE_DAYS
    found = projection.project(known, max(spend, 0.01), max(spend, 0.01) * 1.2, unrest)
    if not isinstance(found, Projection):
        return None
    actual = sum(day.conversions for day in days[end + GAP : end + GAP + AHEAD]) / AHEAD - found.base_conversions
    return Scored(found.version, False, found.noise.low, found.noise.high, actual)
