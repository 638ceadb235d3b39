"""Who is who on the two sides, what waits to be looked at, and what a person has to decide (docs/pipedrive.md).

`local_id` is the number of a profile, or of an event for activities; `remote_id` is Pipedrive's.
"""

from django.db import models
from django.db.models import Q

from integrations.models.pipedrive import PipedriveConnection


class PipedriveLink(models.Model):
    """A profile and its person, or an event and its activity. Neither side has two links.

    `base` holds per mapped pair what both sides said when they last agreed: {"o": ours, "t": theirs}. A side has
    changed a field when its value is another one than there; without "o" ours has still to be written.
    """

    class RemoteState(models.TextChoices):
        LIVE = "live"
        DELETED = "deleted"
        MERGED = "merged"
        INVISIBLE = "invisible"
        ERASED = "erased"  # the profile was: the person must not bring it back

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="links")
    kind = models.CharField(max_length=10, default="person")
    local_id = models.BigIntegerField()
    remote_id = models.BigIntegerField()
    base = models.JSONField(default=dict)
    local_hash = models.CharField(max_length=40, blank=True, help_text="Of our values when they were last looked at.")
    remote_hash = models.CharField(max_length=40, blank=True)
    remote_update_time = models.DateTimeField(null=True)
    remote_state = models.CharField(max_length=10, choices=RemoteState.choices, default=RemoteState.LIVE)
    lock_version = models.PositiveIntegerField(default=0)
    synced_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "local_id"], name="pipedrive_link_local"),
            models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="pipedrive_link_remote"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.local_id} ↔ {self.remote_id}"


class PipedriveOutbox(models.Model):
    """What has to be looked at and perhaps written: never a payload, so that bursts fall together in one row.

    `in_flight` with `intent_at` means that a creation was begun: whoever finds it so after its lease looks for the
    outcome before anything is sent again.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        IN_FLIGHT = "in_flight"
        AMBIGUOUS = "ambiguous"
        WAITING = "waiting"  # for a person: duplicates
        DEAD = "dead"
        IGNORED = "ignored"

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="outbox")
    kind = models.CharField(max_length=10, default="person")
    local_id = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    forced = models.BooleanField(default=False, help_text="Look at Pipedrive even where ours is unchanged.")
    changes = models.PositiveIntegerField(default=1, help_text="Grows with each new reason: done only if it did not.")
    queued_at = models.DateTimeField()
    intent_at = models.DateTimeField(null=True)
    scans = models.PositiveSmallIntegerField(default=0, help_text="How often the outcome was looked for in vain.")
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "local_id"], name="pipedrive_outbox_once")]
        indexes = [models.Index(fields=["connection", "state", "not_before"], name="pipedrive_outbox_due")]
        verbose_name_plural = "pipedrive outbox"

    def __str__(self) -> str:
        return f"{self.kind} {self.local_id} {self.state}"


class PipedriveInbox(models.Model):
    """A webhook: a hint that something is to be read, nothing more."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="inbox")
    event_id = models.CharField(max_length=100)
    entity = models.CharField(max_length=30)
    action = models.CharField(max_length=30)
    remote_id = models.BigIntegerField(null=True)
    body = models.JSONField(help_text="Its `meta`.")
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "event_id"], name="pipedrive_webhook_once")]
        indexes = [
            models.Index(fields=["connection", "id"], condition=Q(processed_at=None), name="pipedrive_inbox_open")
        ]
        verbose_name_plural = "pipedrive inbox"

    def __str__(self) -> str:
        return f"{self.entity} {self.remote_id} {self.action}"


class PipedriveConflict(models.Model):
    """Both sides had changed a field; its rule decided, and what lost is kept here."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="conflicts")
    link = models.ForeignKey(PipedriveLink, models.CASCADE, related_name="conflicts")
    local = models.CharField(max_length=120)
    remote_name = models.CharField(max_length=200)
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    winner = models.CharField(max_length=10, help_text="stratum or pipedrive.")
    rule = models.CharField(max_length=20)
    at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When somebody said that it is settled.")

    class Meta:
        indexes = [models.Index(fields=["connection", "-at"], name="pipedrive_conflict_recent")]

    def __str__(self) -> str:
        return f"{self.local}: {self.winner}"


class PipedriveDuplicate(models.Model):
    """Nobody but a person can say who is who: several persons for one profile, or one for several."""

    class Reason(models.TextChoices):
        SEVERAL_PERSONS = "several_persons", "Several persons have this address"
        PERSON_TAKEN = "person_taken", "The person belongs to another profile"
        PROFILE_TAKEN = "profile_taken", "The address belongs to another profile"
        PROFILES_MERGED = "profiles_merged", "Two linked profiles were merged"
        PERSONS_MERGED = "persons_merged", "Two linked persons were merged"

    class State(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        IGNORED = "ignored"

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="duplicates")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    local_id = models.BigIntegerField(null=True)
    other_id = models.BigIntegerField(null=True, help_text="The other profile.")
    remote_ids = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    resolution = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "reason", "local_id"],
                condition=Q(state="open"),
                name="pipedrive_duplicate_once",
            )
        ]
        indexes = [models.Index(fields=["connection", "state"], name="pipedrive_duplicate_open")]

    def __str__(self) -> str:
        return f"{self.reason} {self.local_id}"
