"""RFM: the cut-offs that a workspace with few customers is scored by."""

from django.db import models

from stratum.workspaces.models import Workspace


class RfmCutOffs(models.Model):
    """What earns 5, 4, 3 and 2. Without a row the defaults of `cdp.rfm.scores` hold."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="rfm_cut_offs")
    recency = models.JSONField(help_text="Days since the last order, at most; four, ascending.")
    orders = models.JSONField(help_text="Orders, at least; four, descending.")
    spend = models.JSONField(help_text="In the workspace's currency, at least; four, descending.")
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "RFM cut-offs"

    def __str__(self) -> str:
        return f"RFM cut-offs of {self.workspace}"
