"""What people keep of what they saw: a page as they had set it, and tables as files."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models

from stratum.reports.calendar import Rhythm
from stratum.workspaces.models import ApiKey, Job, Workspace


class SavedView(models.Model):
    """A page with its whole state, under a name. Private to who made it unless shared with the team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=200, help_text="Its path, such as /dashboard/cdp/profiles.")
    name = models.CharField(max_length=120)
    query = models.TextField(blank=True, help_text="What follows the question mark.")
    shared = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "page", "created_by", "name"],
                condition=models.Q(deleted_at=None),
                name="one_view_of_a_name",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def address(self) -> str:
        return f"{self.page}?{self.query}" if self.query else self.page


class Export(models.Model):
    """A table written to a file by a job; `rows`, `size` and `expires_at` are known once it is there."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        JSON = "json", "JSON"
        PDF = "pdf", "PDF"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="exports")
    job = models.OneToOneField(Job, models.CASCADE, related_name="export")
    exporter = models.CharField(max_length=60, help_text="A name of the registry.")
    parameters = models.JSONField(default=dict)
    format = models.CharField(max_length=4, choices=Format.choices)
    title = models.CharField(max_length=200)
    filename = models.CharField(max_length=200)
    rows = models.PositiveBigIntegerField(null=True)
    size = models.PositiveBigIntegerField(null=True, help_text="In bytes.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", help_text="Of a program.")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    manifest = models.JSONField(default=dict, help_text="What is in the file, its SHA-256, and what its room proves.")

    def __str__(self) -> str:
        return self.filename

    def is_there(self, now: datetime) -> bool:
        return self.expires_at is not None and now < self.expires_at


class ExportSchedule(models.Model):
    """A table that is sent by e-mail again and again. Its filters are read anew each time."""

    class Frequency(models.TextChoices):
        DAILY = "daily", "Daily"
        WEEKLY = "weekly", "Weekly"
        MONTHLY = "monthly", "Monthly"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="export_schedules")
    name = models.CharField(max_length=120)
    exporter = models.CharField(max_length=60, help_text="A name of the registry.")
    parameters = models.JSONField(default=dict)
    format = models.CharField(max_length=4, choices=Export.Format.choices)
    frequency = models.CharField(max_length=8, choices=Frequency.choices)
    weekday = models.PositiveSmallIntegerField(default=0, help_text="From Monday, 0.")
    day = models.PositiveSmallIntegerField(default=1, help_text="Of the month; its last one where it is shorter.")
    hour = models.PositiveSmallIntegerField()
    time_zone = models.CharField(max_length=64)
    recipients = models.JSONField(default=list, help_text="E-mail addresses.")
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+", help_text="Of a program.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["next_run_at"], condition=models.Q(enabled=True), name="schedules_due")]

    def __str__(self) -> str:
        return self.name

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.frequency, self.hour, ZoneInfo(self.time_zone), self.weekday, self.day)


class Delivery(models.Model):
    """One run of a schedule: its file is written, then sent to each recipient.

    `next_attempt_at` is when somebody has to look at it again, also should its worker die. None: all done.
    """

    class State(models.TextChoices):
        WRITING = "writing", "Writing"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        PARTLY = "partly", "Partly sent"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="deliveries")
    schedule = models.ForeignKey(ExportSchedule, models.CASCADE, related_name="deliveries")
    due_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150, blank=True, help_text="Who ran it by hand.")
    missed = models.PositiveSmallIntegerField(default=0, help_text="Runs that were due while nothing ran.")
    export = models.OneToOneField(Export, models.SET_NULL, null=True, related_name="delivery")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WRITING)
    attached = models.BooleanField(null=True, help_text="False: too large, so a link was sent.")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="delivery_once_a_time")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=models.Q(next_attempt_at__isnull=False), name="deliveries_due"
            )
        ]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.schedule} {self.due_at:%Y-%m-%d}"


class DeliveryMessage(models.Model):
    """What one address gets of a delivery. Its state is committed before and after the server is spoken to."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        REJECTED = "rejected", "Rejected"
        FAILED = "failed", "Failed"

    class Purpose(models.TextChoices):
        REPORT = "report", "The file"
        NOTICE = "notice", "Failure notice"

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="messages")
    email = models.EmailField()
    purpose = models.CharField(max_length=6, choices=Purpose.choices, default=Purpose.REPORT)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    repeated = models.BooleanField(default=False, help_text="An earlier attempt may have arrived unconfirmed.")
    reason = models.CharField(max_length=400, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "purpose", "email"], name="one_message_each")]

    def __str__(self) -> str:
        return f"{self.email} {self.state}"
