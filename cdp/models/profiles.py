"""Somebody: a profile and the identifiers by which it is found."""

from django.db import models

from stratum.workspaces.models import Workspace


class IdentifierKind(models.TextChoices):
    """In falling strength; external ids are `external:<type>` and rank between phone and anonymous_id."""

    USER_ID = "user_id"
    EMAIL = "email"
    PHONE = "phone"
    ANONYMOUS_ID = "anonymous_id"


class Profile(models.Model):
    """A customer or visitor. A merged profile stays for ever and leads to its survivor in one step."""

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, related_name="+")
    merged_into = models.BigIntegerField(null=True, help_text="The surviving profile, never itself merged.")
    user_id = models.TextField(null=True, help_text="Its first user id: two profiles with different ones never match.")
    attributes = models.JSONField(default=dict)
    attribute_times = models.JSONField(default=dict, help_text="Per attribute: event time of its value, in µs.")
    created_at = models.DateTimeField(help_text="Time of the first event.")
    merges = models.PositiveSmallIntegerField(default=0)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["merged_into"], condition=models.Q(merged_into__isnull=False), name="profile_merged")
        ]

    def __str__(self) -> str:
        return f"profile {self.id}"


class Identifier(models.Model):
    """One way to find a profile. Belongs to one profile of a workspace at a time."""

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    kind = models.TextField(db_collation="C")
    value = models.TextField(db_collation="C", help_text="Collated as bytes, so that the index also finds prefixes.")
    profile = models.ForeignKey(Profile, models.DO_NOTHING, db_constraint=False, related_name="identifiers")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["value", "kind", "workspace"], name="identifier_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"
