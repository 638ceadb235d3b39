"""The first page's card: what waits for somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from autopilot.queries import actions
from autopilot.queries.settings import standing
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import HomeCard


@dataclass(frozen=True, slots=True)
class Waiting:
    counts: Mapping[str, int]
    dry_run: bool
    stopped: bool

    @property
    def total(self) -> int:
        return self.counts["waiting"] + self.counts["held"]


def facts(workspace: Workspace, now: datetime) -> Waiting:
    set_to = standing(workspace)
    return Waiting(actions.counts(workspace), set_to.dry_run, set_to.stopped)


CARD = HomeCard("actions_waiting", "Actions waiting", "autopilot/home/waiting.html", facts, order=40)
