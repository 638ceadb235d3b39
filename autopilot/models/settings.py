"""How far the autopilot may go: the workspace's word, and what single accounts have of their own."""

from django.conf import settings
from django.db import models

from autopilot.rails import LEVELS
from integrations.models import AdAccount
from stratum.workspaces.models import Workspace


class AutopilotSettings(models.Model):
    """Without `account` the workspace's; with one only what differs there, in `rails`."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="autopilot_settings", db_index=False)
    account = models.ForeignKey(AdAccount, models.CASCADE, null=True, blank=True, related_name="+")
    dry_run = models.BooleanField(default=False, help_text="Everything simulates only.")
    level = models.CharField(max_length=10, choices=[(name, name) for name in LEVELS], default="approval")
    rails = models.JSONField(default=dict)
    stopped_at = models.DateTimeField(null=True, blank=True, help_text="Emergency stop: nothing is executed.")
    stopped_by = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)
    updated_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "account"], nulls_distinct=False, name="autopilot_settings_once"
            )
        ]
        verbose_name_plural = "autopilot settings"

    def __str__(self) -> str:
        return f"{self.workspace}: {self.account or self.level}"
