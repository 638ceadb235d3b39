"""What the trust layer tells the ground floor."""

from stratum.reports.registry import exporters
from stratum.workspaces import registry
from trustlayer.exports import AUDIT_LOGS
from trustlayer.services import keeping


def register() -> None:
    exporters.register(AUDIT_LOGS)
    registry.scheduled_work.register(registry.ScheduledWork("checkpoints", keeping.TASK, keeping.claim_due))
