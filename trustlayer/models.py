"""What is measured, what is demanded, and the book of what was decided."""

import uuid

from django.conf import settings
from django.db import models

from stratum.workspaces.models import Workspace
from trustlayer.signals import SIGNALS


class Appended(models.Manager["LedgerEntry"]):
    """Only services.ledger writes entries, and nobody changes one."""

    def get_queryset(self) -> models.QuerySet["LedgerEntry"]:
        return AppendedSet(self.model, using=self._db)


class Unchangeable(Exception):
    """The book is written once: a correction is another entry."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit log are never changed or deleted.")


class AppendedSet(models.QuerySet["LedgerEntry"]):
    def update(self, **_: object) -> int:
        raise Unchangeable

    def delete(self) -> tuple[int, dict[str, int]]:
        raise Unchangeable


class LedgerEntry(models.Model):
    """One line of the book. `entry_hash` covers every other field and `prev_hash`: see trustlayer.chain."""

    class Kind(models.TextChoices):
        DECISION = "decision"
        EXPORT = "export"
        POLICY = "policy"
        RETENTION = "retention"
        ERASURE = "erasure"
        SETTINGS = "settings"
        ACTION = "action"

    class ActorType(models.TextChoices):
        USER = "user"
        RULE = "rule"
        SYSTEM = "system"
        API = "api"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="ledger", db_index=False)
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 … without gaps in each workspace.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    timestamp = models.DateTimeField()
    decision = models.CharField(max_length=5, blank=True)
    signal_health = models.PositiveSmallIntegerField(null=True)
    reason = models.TextField()
    reason_code = models.CharField(max_length=40)
    blocked_reason = models.TextField(null=True)
    action = models.CharField(max_length=40, blank=True, help_text="The kind of action, or what was done to the book.")
    entity = models.TextField(blank=True, help_text="As people read it: Campaign: Summer Sale 2026.")
    entity_type = models.CharField(max_length=20, blank=True)
    entity_id = models.TextField(blank=True)
    entity_name = models.TextField(blank=True)
    platform = models.CharField(max_length=20, blank=True)
    account = models.TextField(blank=True)
    change = models.TextField(blank=True)
    user = models.TextField(blank=True, help_text="Who started it, by name.")
    actor_type = models.CharField(max_length=6, choices=ActorType.choices)
    actor_id = models.TextField(blank=True)
    is_dry_run = models.BooleanField(default=False)
    policy_version = models.PositiveIntegerField(null=True)
    action_id = models.TextField(blank=True)
    request_id = models.TextField(blank=True, help_text="The platform's own id of the request that changed something.")
    evidence = models.TextField(help_text="Canonical JSON: thresholds, signals, checks, change in numbers.")
    prev_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)

    objects = Appended()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "seq"], name="ledger_seq_once"),
            models.UniqueConstraint(fields=["workspace", "prev_hash"], name="ledger_never_forks"),
        ]
        indexes = [models.Index(fields=["workspace", "timestamp", "seq"], name="ledger_by_time")]
        verbose_name_plural = "ledger entries"

    def __str__(self) -> str:
        return f"{self.seq}: {self.decision or self.kind} {self.entity}".strip()

    def save(self, *_: object, **__: object) -> None:
        raise Unchangeable

    def delete(self, *_: object, **__: object) -> tuple[int, dict[str, int]]:
        raise Unchangeable


class LedgerHead(models.Model):
    """The end of a workspace's book: whoever appends holds this row."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="ledger_head")
    seq = models.PositiveBigIntegerField(default=0)
    entry_hash = models.CharField(max_length=64)
    pruned_through = models.PositiveBigIntegerField(default=0, help_text="Entries up to here went with retention.")

    def __str__(self) -> str:
        return f"{self.seq} {self.entry_hash[:12]}"


class Checkpoint(models.Model):
    """The head at an instant, signed with a key that the database does not know."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="checkpoints")
    seq = models.PositiveBigIntegerField()
    entry_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    reason = models.CharField(max_length=20)
    signature = models.TextField(help_text="Ed25519 over workspace, seq, hash and instant; base64.")

    class Meta:
        indexes = [models.Index(fields=["workspace", "seq"], name="checkpoint_by_seq")]

    def __str__(self) -> str:
        return f"{self.seq} {self.at:%Y-%m-%d}"


class SignalSource(models.Model):
    """Where readings of a signal come from. In its first days a source is learning."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="signal_sources", db_index=False)
    platform = models.CharField(max_length=20, blank=True)
    signal = models.CharField(max_length=20)
    source = models.CharField(max_length=80)
    since = models.DateTimeField(help_text="When its first reading was observed.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "platform", "signal", "source"], name="signal_source_once")
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.signal} {self.source}".strip()


class SignalReading(models.Model):
    """One measured value. `platform` is empty for the workspace's own events."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="signal_readings", db_index=False)
    platform = models.CharField(max_length=20, blank=True)
    signal = models.CharField(max_length=20, choices=[(name, signal.label) for name, signal in SIGNALS.items()])
    value = models.FloatField()
    observed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=80)
    reported = models.BooleanField(default=False, help_text="By the platform itself; else computed by us.")
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "platform", "signal", "source", "observed_at"], name="reading_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.signal} {self.value}".strip()


class RecentCalls(models.Model):
    """What became of the last calls of one connection to a platform: a letter each, the newest last."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="recent_calls", db_index=False)
    platform = models.CharField(max_length=20)
    connection = models.CharField(max_length=80)
    outcomes = models.CharField(max_length=50)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "platform", "connection"], name="recent_calls_once")
        ]
        verbose_name_plural = "recent calls"

    def __str__(self) -> str:
        return f"{self.platform} {self.connection}"


class PolicyVersion(models.Model):
    """A workspace's gate policy, one row per version; the newest rules."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="gate_policies")
    version = models.PositiveIntegerField()
    policy = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "version"], name="policy_version_once")]

    def __str__(self) -> str:
        return f"policy {self.version}"


class HealthDay(models.Model):
    """One day of a platform's health: the score at its end, and the lowest and highest on the way."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="health_days", db_index=False)
    platform = models.CharField(max_length=20, blank=True)
    day = models.DateField(help_text="In the workspace's time zone.")
    score = models.PositiveSmallIntegerField(null=True)
    lowest = models.PositiveSmallIntegerField(null=True)
    highest = models.PositiveSmallIntegerField(null=True)
    signals = models.JSONField(default=dict, help_text="Per signal its value, score and status.")
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "platform", "day"], name="one_health_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.score}"
