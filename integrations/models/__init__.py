"""Rows of what lies beyond our walls; one file per noun."""

from integrations.models.ad_platforms import (
    AdAccount,
    AdConnection,
    AdDay,
    AdEntity,
    AdSyncRun,
    AdValue,
    SandboxState,
)
from integrations.models.pipedrive import (
    PipedriveConnection,
    PipedriveCursor,
    PipedriveField,
    PipedriveLabel,
    PipedriveSpending,
)
from integrations.models.pipedrive_links import (
    PipedriveConflict,
    PipedriveDuplicate,
    PipedriveInbox,
    PipedriveLink,
    PipedriveOutbox,
)
from integrations.models.pipedrive_mirror import (
    PipedriveAddress,
    PipedriveDeal,
    PipedrivePerson,
)
from integrations.models.pipedrive_runs import (
    PipedriveRow,
    PipedriveRun,
)

__all__ = [
    "AdAccount",
    "AdConnection",
    "AdDay",
    "AdEntity",
    "AdSyncRun",
    "AdValue",
    "PipedriveAddress",
    "PipedriveConflict",
    "PipedriveConnection",
    "PipedriveCursor",
    "PipedriveDeal",
    "PipedriveDuplicate",
    "PipedriveField",
    "PipedriveInbox",
    "PipedriveLabel",
    "PipedriveLink",
    "PipedriveOutbox",
    "PipedrivePerson",
    "PipedriveRow",
    "PipedriveRun",
    "PipedriveSpending",
    "SandboxState",
]
