"""The project package: the roof (urls, settings, home) and the ground floor (lib, workspaces)."""

from stratum.celery import app as celery_app

__all__ = ["celery_app"]
