"""A computed trait: its definition by versions, and the value that each profile has."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from stratum.workspaces.models import Job, Workspace


class Trait(models.Model):
    """What is written on the label of the trait, and which of its versions serves.

    `definition` is that of the serving version; of a draft, what it is going to be.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        PREPARING = "preparing"  # its first values wait for a worker
        COMPUTING = "computing"
        LIVE = "live"
        FAILED = "failed"
        DISABLED = "disabled"

    class Frequency(models.TextChoices):
        REALTIME = "realtime"
        HOURLY = "hourly"
        DAILY = "daily"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="traits")
    name = models.CharField(max_length=64)
    label = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.DRAFT)
    frequency = models.CharField(max_length=8, choices=Frequency.choices, default=Frequency.REALTIME)
    is_system = models.BooleanField(default=False, help_text="Ready-made: not counted by the plan, not to be changed.")
    definition = models.JSONField(help_text="The shape of the API.")
    version = models.PositiveIntegerField(null=True, help_text="The number of the version that serves.")
    next_version = models.PositiveIntegerField(
        null=True, help_text="The one being computed, which will take its place."
    )
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+", help_text="The backfill under way.")
    error = models.TextField(blank=True, help_text="Why the last computation failed: a sentence for a person.")
    profiles = models.PositiveBigIntegerField(null=True, help_text="Live profiles when coverage was last counted.")
    profiles_with_value = models.PositiveBigIntegerField(null=True)
    skipped_values = models.PositiveBigIntegerField(default=0, help_text="Values that are no numbers, by that time.")
    skipped_currencies = models.JSONField(default=dict, help_text="Events left out by their currency.")
    counted_at = models.DateTimeField(null=True, help_text="When profiles and skipped values were counted.")
    last_computed_at = models.DateTimeField(null=True)
    as_of = models.DateTimeField(null=True, help_text="The values are those of this instant.")
    next_run_at = models.DateTimeField(null=True, help_text="Of hourly and daily traits.")
    stamp = models.PositiveBigIntegerField(default=0, help_text="Grows with every write of values.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=Q(deleted_at=None), name="one_trait_of_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class TraitVersion(models.Model):
    """A definition that never changes, and how far its values have come. The currency it leaves open is settled once.

    `cursor` is the place in the change feed up to which the values hold, written in one transaction with them. Without
    one they are computed for everybody.
    """

    id = models.BigAutoField(primary_key=True)
    trait = models.ForeignKey(Trait, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    currency = models.CharField(
        max_length=3, blank=True, help_text="What its values are in, found when the first event named one."
    )
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    backfilled_at = models.DateTimeField(null=True)
    backfilled_until = models.BigIntegerField(
        default=0, help_text="The last profile an unfinished backfill has written."
    )
    has_values = models.BooleanField(
        default=False, help_text="Rows may be stored, to be removed when nobody needs them."
    )
    cursor = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["trait", "number"], name="trait_version_once")]
        indexes = [models.Index(fields=["trait"], condition=Q(has_values=True), name="trait_version_with_values")]

    def __str__(self) -> str:
        return f"{self.trait} v{self.number}"


class TraitValue(models.Model):
    """What a version says of a profile. Written by SQL in services.trait_values, thousands at a time.

    Who has no row has nothing counted. A row without value waits for `due_at`, when the value changes with no event,
    or says that the profile satisfies the trait's filter.
    """

    pk = models.CompositePrimaryKey("version_id", "profile_id")
    version = models.ForeignKey(TraitVersion, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    profile_id = models.BigIntegerField()
    value = models.JSONField(null=True)
    changed_at = models.DateTimeField(help_text="When the value became what it is.")
    due_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["version", "due_at"], condition=Q(due_at__isnull=False), name="trait_value_due")
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id}: {self.value}"


class TraitChange(models.Model):
    """Whose values became others with a stamp, so that readers who keep them need not read everybody's again.

    Only the latest are kept; whoever is further behind reads everybody's.
    """

    pk = models.CompositePrimaryKey("version_id", "stamp")
    version = models.ForeignKey(TraitVersion, models.CASCADE, db_index=False, related_name="+")
    stamp = models.BigIntegerField(help_text="Of the trait, from this change on.")
    profiles = models.BinaryField(help_text="Their numbers, ascending, as 64-bit integers.")

    def __str__(self) -> str:
        return f"stamp {self.stamp}"


class TraitCarry(models.Model):
    """What expired events had come to for a profile, so that a trait of all time survives them.

    `key` stands for the events, property and kind of state, so that traits which need the same share it.
    """

    id = models.BigAutoField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=64)
    profile_id = models.BigIntegerField()
    state = models.JSONField()
    until = models.DateTimeField(help_text="Events before this instant are in the state.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "key", "profile_id"], name="trait_carry_once"),
        ]
        indexes = [models.Index(fields=["workspace", "profile_id"], name="trait_carry_by_profile")]
        verbose_name_plural = "trait carries"

    def __str__(self) -> str:
        return f"profile {self.profile_id} before {self.until:%Y-%m-%d}"
