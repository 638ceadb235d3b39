"""Rows of what lies beyond our walls; one file per noun."""

from integrations.models.ad_platforms import AdAccount, AdConnection, AdDay, AdEntity, AdSyncRun, SandboxState
from integrations.models.pipedrive import (
    PipedriveAddress,
    PipedriveConflict,
    PipedriveConnection,
    PipedriveCursor,
    PipedriveDeal,
    PipedriveDuplicate,
    PipedriveField,
    PipedriveInbox,
    PipedriveLabel,
    PipedriveLink,
    PipedriveOutbox,
    PipedrivePerson,
    PipedriveRow,
    PipedriveRun,
    PipedriveSpending,
)

__all__ = [
    "AdAccount",
    "AdConnection",
    "AdDay",
    "AdEntity",
    "AdSyncRun",
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
