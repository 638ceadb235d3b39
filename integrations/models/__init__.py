"""Rows of what lies beyond our walls; one file per noun."""

from integrations.models.ad_platforms import AdAccount, AdConnection, AdDay, AdEntity

__all__ = ["AdAccount", "AdConnection", "AdDay", "AdEntity"]
