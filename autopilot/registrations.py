"""What the autopilot tells the ground floor."""

from autopilot.announcements import AUTOPILOT
from autopilot.exports import DRY_RUNS
from autopilot.queries.home import CARD
from autopilot.queries.settings import standing
from autopilot.services import executor, recovery, rule_runs, sample
from stratum.notifications.registry import kinds
from stratum.reports.registry import exporters
from stratum.workspaces import registry
from stratum.workspaces.models import Workspace


def register() -> None:
    exporters.register(DRY_RUNS)
    registry.scheduled_work.register(registry.ScheduledWork("actions", executor.TASK, executor.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("blocked", recovery.TASK, recovery.claim_due))
    registry.scheduled_work.register(registry.ScheduledWork("rules", rule_runs.TASK, rule_runs.claim_due))
    registry.samples.register(registry.SampleData("autopilot", sample.build, sample.remove))
    registry.home_cards.register(CARD)
    kinds.register(AUTOPILOT)
    registry.banners.register(
        registry.Banner("autopilot", standing_words, "settings_autopilot", "Settings > Autopilot", "test-pipe")
    )


def standing_words(workspace: Workspace) -> str:
    found = standing(workspace)
    if found.stopped:
        return f"The emergency stop is on, by {found.stopped_by}: the autopilot executes nothing."
    return "Dry-Run Mode is on: all automations simulate only, nothing is executed." if found.dry_run else ""
