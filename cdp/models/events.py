"""What happened: the append-only truth from which every number is rebuilt."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from cdp.models.fields import TransactionIdField
from stratum.workspaces.models import Workspace, WriteKey


class Kind(models.IntegerChoices):
    """A message's method. The first three are events that questions count; the others tell who somebody is."""

    TRACK = 0
    PAGE = 1
    SCREEN = 2
    IDENTIFY = 3
    GROUP = 4
    ALIAS = 5


class Event(models.Model):
    """One accepted message. Never updated but by erasure; `Change` says what became of it later.

    Written by hand-made SQL in services.ingest. Foreign keys carry no database constraint: they cost 44 % of the
    write rate, and nothing deletes what they point to.
    """

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    xid = TransactionIdField()
    message_id = models.TextField(db_collation="C")
    pair_key = models.TextField(
        null=True, db_collation="C", help_text="Name and event_id: equal in the browser's and the server's copy."
    )
    profile_id = models.BigIntegerField(help_text="The profile at ingestion; Profile.merged_into leads on from there.")
    source = models.ForeignKey(
        WriteKey, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.SmallIntegerField(choices=Kind.choices)
    name = models.TextField()
    original_name = models.TextField()
    ts = models.DateTimeField(help_text="When it happened; every question counts by this.")
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    original_timestamp = models.DateTimeField(null=True)
    properties = models.JSONField()
    context = models.JSONField()
    platform = models.TextField(null=True)
    device = models.TextField(null=True)
    campaign = models.TextField(null=True)
    flags = ArrayField(models.TextField(), default=list)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "xid", "id"], name="event_by_transaction"),
            models.Index(fields=["profile_id", "ts"], name="event_by_profile"),
            # Rows are stored nearly in this order, so what is known of many pages will do; a tree costs every event.
            BrinIndex(fields=["received_at"], name="event_arrival", pages_per_range=16),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message_id", "workspace"], name="event_once"),
            models.UniqueConstraint(
                fields=["pair_key", "workspace"], condition=models.Q(pair_key__isnull=False), name="event_pair_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.ts:%Y-%m-%d %H:%M}"


class EventCopy(models.Model):
    """The second copy of an event that browser and server both sent: feeds the dedup signal, never counted."""

    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    message_id = models.TextField()
    pair_key = models.TextField()
    source = models.ForeignKey(
        WriteKey, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message_id", "workspace"], name="event_copy_once")]
        indexes = [models.Index(fields=["workspace", "received_at"], name="event_copy_recent")]
        verbose_name_plural = "event copies"

    def __str__(self) -> str:
        return self.pair_key


class Change(models.Model):
    """Something that happened to stored events or profiles, in the order in which the engine must learn it."""

    class Kind(models.TextChoices):
        VOID = "void"
        MERGE = "merge"
        SPLIT = "split"
        ERASE = "erase"
        RETAIN = "retain"

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    xid = TransactionIdField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    event_id = models.BigIntegerField(null=True, help_text="The voided event.")
    profile_id = models.BigIntegerField(
        null=True, help_text="The losing, split or erased profile, or whose event it was."
    )
    into_id = models.BigIntegerField(null=True, help_text="The surviving profile of a merge.")
    before = models.JSONField(null=True, help_text="What a merge replaced, to be split; of a voided event its name.")
    reason = models.TextField(blank=True)
    by = models.TextField(blank=True, help_text="Who asked for it; empty for what ingestion did itself.")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "xid", "id"], name="change_by_transaction"),
            models.Index(fields=["workspace", "profile_id"], name="change_by_profile"),
            models.Index(fields=["workspace", "into_id"], name="change_by_survivor"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event_id"], condition=models.Q(kind="void"), name="event_voided_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id or self.profile_id}"


class RejectedItem(models.Model):
    """An item that was refused, kept as it came so that its sender can see and mend it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    source = models.ForeignKey(WriteKey, models.SET_NULL, null=True, related_name="+")
    received_at = models.DateTimeField()
    message_id = models.TextField(blank=True)
    name = models.TextField(blank=True)
    code = models.CharField(max_length=40)
    reason = models.TextField()
    item = models.TextField(help_text="The item as received, cut at 32 KB; what PostgreSQL cannot store is escaped.")

    class Meta:
        indexes = [models.Index(fields=["workspace", "-id"], name="rejected_recent")]

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class EventAlias(models.Model):
    """A workspace's own line of the alias table: what `original` is called here."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="event_aliases")
    original = models.CharField(max_length=200)
    name = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "original"], name="one_alias")]
        verbose_name_plural = "event aliases"

    def __str__(self) -> str:
        return f"{self.original} → {self.name}"
