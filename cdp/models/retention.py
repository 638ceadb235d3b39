"""How long a workspace's raw events are kept, and how far they have been removed."""

from django.db import models

from stratum.workspaces.models import Workspace


class Retention(models.Model):
    """One row per workspace whose events expire. `days` is what is in force, which a smaller plan lowers only later."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="retention")
    days = models.PositiveIntegerField(null=True, help_text="Empty: for ever.")
    shrinks_at = models.DateTimeField(null=True, blank=True, help_text="When a smaller plan's days come into force.")
    cut_before = models.DateTimeField(null=True, blank=True, help_text="No raw event before it is stored any more.")
    removed = models.PositiveBigIntegerField(default=0, help_text="Events removed so far.")
    ran_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "retention"

    def __str__(self) -> str:
        return f"{self.days} days" if self.days else "for ever"
