"""What the rooms of integrations tell the ground floor."""

from integrations.queries import pipedrive
from integrations.services.pipedrive import runs
from stratum.workspaces import limits, registry


def register() -> None:
    limits.register(pipedrive.METER, pipedrive.counted)
    registry.scheduled_work.register(registry.ScheduledWork("pipedrive", runs.TASK, runs.claim_due))
