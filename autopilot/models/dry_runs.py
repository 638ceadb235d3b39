"""Every test of an action, with what it predicted and what came."""

import uuid

from django.db import models

from autopilot.models.actions import Action
from autopilot.models.rules import Rule
from integrations.models import AdEntity
from stratum.workspaces.models import Workspace

VERDICTS = [("WOULD_EXECUTE", "Would execute"), ("WOULD_HOLD", "Would hold"), ("WOULD_BLOCK", "Would block")]


class DryRun(models.Model):
    """`result` is what was shown, whole. The numbers of the projection stand beside it for scoring.

    A prediction counts once: for the execution with the same inputs where there was one, else as a check of the noise.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="dry_runs", db_index=False)
    action = models.ForeignKey(Action, models.CASCADE, related_name="dry_runs")
    entity = models.ForeignKey(AdEntity, models.CASCADE, related_name="+", db_index=False)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, blank=True, related_name="dry_runs")
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    verdict = models.CharField(max_length=14, choices=VERDICTS)
    failed_checks = models.JSONField(default=list)
    result = models.JSONField()
    inputs_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    entry_id = models.UUIDField(null=True, blank=True)

    method_version = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: no projection.")
    base_conversions = models.FloatField(null=True, blank=True)
    effect_low = models.FloatField(null=True, blank=True)
    effect_high = models.FloatField(null=True, blank=True)
    observed_low = models.FloatField(null=True, blank=True)
    observed_high = models.FloatField(null=True, blank=True)
    noise_low = models.FloatField(null=True, blank=True)
    noise_high = models.FloatField(null=True, blank=True)

    executed = models.BooleanField(default=False, help_text="Its action was executed with the same inputs.")
    effective_day = models.DateField(null=True, blank=True, help_text="Day 0, in the account's time zone.")
    resolves_on = models.DateField(null=True, blank=True)
    actual_14 = models.FloatField(null=True, blank=True)
    actual_28 = models.FloatField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    unresolvable = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-at", "-id"], name="dry_run_by_time"),
            models.Index(
                fields=["resolves_on"], condition=models.Q(actual_28=None, unresolvable=""), name="dry_run_unresolved"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.at:%Y-%m-%d}"
