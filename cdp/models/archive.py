"""What of a workspace's raw events lies in ClickHouse instead of here."""

from django.db import models

from stratum.workspaces.models import Workspace


class RawArchive(models.Model):
    """One row per workspace whose older raw events were moved. A row of cdp_event that happened before `before` and was
    written by a transaction up to `through` is there; until it is dropped it is here as well."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="raw_archive")
    address = models.TextField(help_text="Sealed: of the ClickHouse that keeps them.")
    before = models.DateTimeField(null=True)
    through = models.BigIntegerField(null=True)
    verified_at = models.DateTimeField(null=True, help_text="Of what still has to be dropped here.")
    first_received_at = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"raw events of {self.workspace_id} before {self.before:%Y-%m-%d}" if self.before else "no raw events"


class RawDay(models.Model):
    """What one round moved of one UTC day. What RawErasure names is not there any more."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    round = models.BigIntegerField()
    day = models.DateField()
    rows = models.BigIntegerField()
    checksum = models.DecimalField(max_digits=40, decimal_places=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "round", "day"], name="raw_day_once")]

    def __str__(self) -> str:
        return f"{self.rows} raw events of {self.day}"


class RawErasure(models.Model):
    """What an erasure takes out of a day that one round moved: noted first, then removed there, so that a repeat notes
    nothing twice and what was lost otherwise stays missing."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    round = models.BigIntegerField()
    day = models.DateField()
    profile_id = models.BigIntegerField()
    rows = models.BigIntegerField()
    checksum = models.DecimalField(max_digits=40, decimal_places=0)
    is_done = models.BooleanField(default=False, help_text="The rows were seen to be gone.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "round", "day", "profile_id"], name="raw_erasure_once")
        ]

    def __str__(self) -> str:
        return f"{self.rows} raw events of {self.day} that were erased"


class ArchivedMessage(models.Model):
    """What stays here of every moved event, so that a late repeat of it is recognised: hashes of its message id and of
    its pair."""

    event_id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    message = models.UUIDField()
    pair = models.UUIDField(null=True)
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "workspace"], name="archived_message_once")]
        indexes = [
            models.Index(fields=["pair", "workspace"], condition=models.Q(pair__isnull=False), name="archived_pair"),
            models.Index(fields=["workspace", "day"], name="archived_day"),
        ]

    def __str__(self) -> str:
        return str(self.message)
