"""Rows of what lies beyond our walls; one file per noun."""

from integrations.models.ad_platforms import AdAccount, AdCall, AdConnection, AdDay, AdEntity, AdSyncRun, SandboxState

__all__ = ["AdAccount", "AdCall", "AdConnection", "AdDay", "AdEntity", "AdSyncRun", "SandboxState"]
