"""A saved segment, and who was in it from when to when."""

import uuid

from django.conf import settings
from django.db import models

from stratum.workspaces.models import Workspace


class Segment(models.Model):
    """A condition with a name. A static one stores `{"type": "static"}`: its list are the spells."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="segments")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    condition = models.JSONField(help_text="A node of the segment grammar.")
    include_anonymous = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, help_text="Grows with each change of the condition.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=models.Q(archived_at=None), name="one_segment_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Spell(models.Model):
    """A profile's stay in a segment. Written by SQL in services.segments, thousands at a time.

    It stays with the profile it was given to: a merged one's counts for its survivor as long as they are one.
    """

    class Reason(models.TextChoices):
        EVENT = "event"
        TIME = "time"
        ATTRIBUTE = "attribute"
        DEFINITION = "definition"
        MERGE = "merge"
        MANUAL = "manual"

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, db_index=False, related_name="spells")
    profile_id = models.BigIntegerField()
    entered_at = models.DateTimeField()
    exited_at = models.DateTimeField(null=True)
    entry_reason = models.CharField(max_length=10, choices=Reason.choices)
    exit_reason = models.CharField(max_length=10, choices=Reason.choices, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "profile_id"], condition=models.Q(exited_at=None), name="one_open_spell"
            )
        ]
        indexes = [models.Index(fields=["profile_id"], name="spell_by_profile")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in {self.segment_id}"
