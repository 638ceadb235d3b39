"""A saved segment, who was in it from when to when, and how many on each day."""

import uuid

from django.conf import settings
from django.db import models

from stratum.workspaces.models import Workspace


class Segment(models.Model):
    """A condition with a name. A static one stores `{"type": "static"}`: its list are the spells."""

    class Status(models.TextChoices):
        COMPUTING = "computing"  # its members are those of the condition before, nobody at first
        LIVE = "live"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="segments")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    condition = models.JSONField(help_text="A node of the segment grammar.")
    include_anonymous = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, help_text="Grows with each change of the condition.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.LIVE)
    failure = models.TextField(blank=True, help_text="Why its members cannot be kept, as a sentence.")
    as_of = models.DateTimeField(null=True, blank=True, help_text="When everybody was looked at last.")
    stamp = models.BigIntegerField(default=0, help_text="Another one after every change of its members.")
    inputs = models.JSONField(default=dict, help_text="The stamps of traits and segments that its members rest on.")
    history_day = models.DateField(null=True, blank=True, help_text="The past day to be reconstructed next.")
    history_edge = models.DateTimeField(null=True, blank=True, help_text="Down to when members are reconstructed.")
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

    @property
    def is_static(self) -> bool:
        return bool(self.condition["type"] == "static" and "ids" not in self.condition)


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
    reconstructed = models.BooleanField(default=False, help_text="Entered before the segment was made, by its events.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "profile_id"], condition=models.Q(exited_at=None), name="one_open_spell"
            )
        ]
        indexes = [models.Index(fields=["profile_id"], name="spell_by_profile")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in {self.segment_id}"


class Roster(models.Model):
    """Whose spells are open, packed for reading (`cdp.segments.roster`): of 65,536 profile numbers those who are in."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, db_index=False, related_name="roster")
    part = models.BigIntegerField(help_text="Profile numbers without their last 16 bits.")
    places = models.BinaryField(help_text="Those 16 bits of each member, ascending.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "part"], name="one_roster_a_part")]

    def __str__(self) -> str:
        return f"part {self.part} of {self.segment_id}"


class SegmentDay(models.Model):
    """How a local day of the workspace ended, or stands so far. Definition and merge reasons are no flow."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, db_index=False, related_name="days")
    day = models.DateField()
    size = models.PositiveIntegerField()
    entered = models.PositiveIntegerField(default=0)
    exited = models.PositiveIntegerField(default=0)
    reconstructed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="one_size_a_day")]

    def __str__(self) -> str:
        return f"{self.segment_id} on {self.day}"


class SegmentPlace(models.Model):
    """How far the truth and the clock have been followed by the workspace's segments."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="segment_place")
    cursor = models.JSONField()
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.workspace_id} until {self.as_of}"


class SegmentForecast(models.Model):
    """What was forecast on a day, kept to be compared with what came."""

    id = models.BigAutoField(primary_key=True)
    segment = models.ForeignKey(Segment, models.CASCADE, db_index=False, related_name="forecasts")
    day = models.DateField(help_text="The last complete local day it rests on.")
    horizon = models.PositiveSmallIntegerField(help_text="Days.")
    version = models.PositiveIntegerField(help_text="Of the segment's condition.")
    method = models.CharField(max_length=30)
    points = models.JSONField(help_text="For each day: expected, low80, high80, low95, high95.")
    entry_rate = models.FloatField()
    exit_rate = models.FloatField()
    backtest = models.JSONField()
    low_confidence = models.BooleanField()
    history_days = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day", "horizon"], name="one_forecast_a_day")]

    def __str__(self) -> str:
        return f"{self.segment_id} for {self.horizon} days from {self.day}"
