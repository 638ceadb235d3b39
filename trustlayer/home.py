"""Signal health on the first page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stratum.lib.refusal import NotAllowed
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import HomeCard
from trustlayer.queries import history
from trustlayer.queries.health import health
from trustlayer.services import policies
from trustlayer.views.health_charts import small_line
from trustlayer.words import STATUS, Mark, platform_name

DAYS = 14


@dataclass(frozen=True, slots=True)
class HealthCard:
    """`platform` is the worst one; `line` the path of the last days, `change` the score's since a week ago."""

    score: int | None
    mark: Mark
    platform: str
    caps: tuple[str, ...]
    line: str
    sentence: str
    change: int | None


def signal_health(workspace: Workspace, now: datetime) -> HealthCard:
    worst = health(workspace, policies.current(workspace), now=now).worst
    scores = _scores(workspace, now)
    known = [score for score in scores if score is not None]
    before = scores[-8] if len(scores) > 7 else None
    return HealthCard(
        score=worst.score,
        mark=STATUS[worst.status],
        platform=platform_name(worst.platform),
        caps=tuple(cap.sentence for cap in worst.caps[:1]),
        line=small_line(scores),
        sentence=f"The last {DAYS} days: {min(known)} to {max(known)}" if known else "",
        change=None if worst.score is None or before is None else worst.score - before,
    )


def _scores(workspace: Workspace, now: datetime) -> Sequence[int | None]:
    try:
        return history.trend(workspace, days=DAYS, now=now)
    except NotAllowed:
        return []


CARD = HomeCard("signal_health", "Signal health", "trustlayer/home/signal_health.html", signal_health, order=15)
