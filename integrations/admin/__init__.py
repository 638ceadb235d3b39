"""Administration of what lies beyond our walls, by kind."""

from integrations.admin import ad_platforms, pipedrive

__all__ = ["ad_platforms", "pipedrive"]
