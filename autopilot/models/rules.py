"""Rules that propose actions: their versions, their runs, and what they last said of each entity."""

import uuid

from django.conf import settings
from django.db import models

from integrations.models import AdEntity
from stratum.workspaces.models import Workspace


class Rule(models.Model):
    """`definition` is that of the newest version; `template` is empty for a rule of one's own conditions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="rules")
    name = models.CharField(max_length=120)
    template = models.CharField(max_length=30, blank=True)
    definition = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    enabled = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    tested_version = models.PositiveIntegerField(default=0, help_text="The last version that was tested over history.")

    class Meta:
        indexes = [models.Index(fields=["next_run_at"], condition=models.Q(enabled=True), name="rule_due")]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=models.Q(archived_at=None), name="rule_name_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class RuleVersion(models.Model):
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=120)
    definition = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="rule_version_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class RuleRun(models.Model):
    """One evaluation of a rule over its scope. `history` is what a test over past days found."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, models.CASCADE, related_name="runs", db_index=False)
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    is_dry_run = models.BooleanField(default=False)
    looked_at = models.PositiveIntegerField(default=0)
    met = models.PositiveIntegerField(default=0)
    proposed = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)
    history = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["rule", "-at"], name="rule_run_by_time")]

    def __str__(self) -> str:
        return f"{self.rule} {self.at:%Y-%m-%d %H:%M}"


class RuleEvaluation(models.Model):
    """The last word of a rule on an entity: proposed, or why not."""

    class Outcome(models.TextChoices):
        PROPOSED = "proposed"
        NOT_MET = "not_met", "Condition not met"
        NO_DATA = "no_data", "No data"
        WAITING = "waiting", "Waiting already"
        IMPOSSIBLE = "impossible", "Not possible here"
        LIMITED = "limited", "Limit of the run"
        CONFLICT = "conflict"

    rule = models.ForeignKey(Rule, models.CASCADE, related_name="evaluations", db_index=False)
    entity = models.ForeignKey(AdEntity, models.CASCADE, related_name="+")
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    sentence = models.CharField(max_length=400)
    values = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "entity"], name="rule_evaluation_once")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.entity_id} {self.outcome}"
