"""RFM: the cut-offs that a workspace with few customers is scored by, and what months keep of expired orders."""

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


class RfmMonth(models.Model):
    """A month whose look-back reaches back to orders that have expired. What they came to is in its parts."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="rfm_months")
    begins_at = models.DateTimeField()
    look_back = models.PositiveIntegerField(help_text="Days before it of which orders count.")
    currency = models.CharField(max_length=3)
    until = models.DateTimeField(help_text="Orders before it are in the parts, and no longer counted as events.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "begins_at"], name="one_rfm_month")]

    def __str__(self) -> str:
        return f"RFM of {self.workspace_id} at {self.begins_at:%Y-%m-%d}"


class RfmPart(models.Model):
    """Of 65,536 profile numbers those with expired orders, packed (`cdp.rfm.orders`)."""

    month = models.ForeignKey(RfmMonth, models.CASCADE, db_index=False, related_name="parts")
    part = models.BigIntegerField(help_text="Profile numbers without their last 16 bits.")
    customers = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "part"], name="one_rfm_part")]

    def __str__(self) -> str:
        return f"part {self.part} of {self.month_id}"
