"""Where a workspace's analytics are kept, when it is not where ENGINE_URL says."""

from django.db import models

from stratum.workspaces.models import Workspace


class EnginePlace(models.Model):
    """One row per workspace that was ever moved. Addresses are sealed, for they carry passwords; empty means none."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="engine_place")
    address = models.TextField(blank=True, help_text="Sealed: of the engine that answers. Empty: ENGINE_URL.")
    moving_to = models.TextField(blank=True, help_text="Sealed: of the engine that a move fills.")
    moving_since = models.DateTimeField(null=True)
    left = models.TextField(blank=True, help_text="Sealed: of the engine that answered before.")
    left_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"engine of {self.workspace_id}"


class EngineLeft(models.Model):
    """Where a workspace that is gone left events. It goes when they have gone there, too."""

    number = models.BigIntegerField(help_text="Of the workspace.")
    address = models.TextField(help_text="Sealed.")
    next_run_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "engines left"

    def __str__(self) -> str:
        return f"engine that workspace {self.number} left"
