"""Who is told what, by which way, and what became of it."""

from django.db import models
from django.db.models import Q

from stratum.lib.seal import unseal
from stratum.workspaces.models import Member, User, Workspace


class SlackConnection(models.Model):
    """An incoming webhook. Its address is a secret: stored sealed, only its last four characters are shown."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="slack")
    sealed_url = models.TextField()
    hint = models.CharField(max_length=4, help_text="The last characters of the address.")
    connected_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField()
    broken_at = models.DateTimeField(null=True)
    broken_reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"…{self.hint}"

    @property
    def url(self) -> str:
        """Raises ValueError when the SECRET_KEY is another one by now."""
        return unseal(self.sealed_url)


class NotificationSettings(models.Model):
    """When a workspace is told. Without a row the defaults stand."""

    class Severity(models.TextChoices):
        INFO = "info", "Everything"
        WARNING = "warning", "Warnings and critical"
        CRITICAL = "critical", "Critical only"

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="notification_settings")
    minimum_severity = models.CharField(max_length=8, choices=Severity.choices, default=Severity.INFO)
    quiet_from = models.PositiveSmallIntegerField(null=True, help_text="An hour; together with the next one.")
    quiet_until = models.PositiveSmallIntegerField(null=True)
    critical_at_once = models.BooleanField(default=True, help_text="Critical ones do not wait for quiet hours to end.")
    time_zone = models.CharField(max_length=64)
    summary_hour = models.PositiveSmallIntegerField(default=8)
    report_weekday = models.PositiveSmallIntegerField(default=0, help_text="From Monday, 0.")
    next_summary_at = models.DateTimeField(null=True)
    next_report_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "notification settings"

    def __str__(self) -> str:
        return f"settings of {self.workspace}"


class Subscription(models.Model):
    """By which ways a kind of notification is told."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="subscriptions")
    kind = models.CharField(max_length=40, help_text="A name of the registry.")
    slack = models.BooleanField(default=False)
    members = models.ManyToManyField(Member, blank=True, related_name="+")
    options = models.JSONField(default=list, help_text="Those of the kind that were chosen.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "kind"], name="one_subscription")]

    def __str__(self) -> str:
        return self.kind


class CollectedUpTo(models.Model):
    """Up to which place a kind's happenings were collected."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    place = models.JSONField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "kind"], name="one_place")]
        verbose_name_plural = "collected up to"

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


class Announcement(models.Model):
    """Something that was told. Of one key a workspace is told once."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="announcements")
    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    severity = models.CharField(max_length=8)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    facts = models.JSONField(default=list, help_text="Pairs of label and value.")
    path = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "key"], name="told_once")]

    def __str__(self) -> str:
        return self.title


class Message(models.Model):
    """An announcement on one of its ways. `next_attempt_at` is also when it is found again should its worker die."""

    class Channel(models.TextChoices):
        SLACK = "slack", "Slack"
        EMAIL = "email", "E-mail"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    announcement = models.ForeignKey(Announcement, models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=5, choices=Channel.choices)
    email = models.EmailField(blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    repeated = models.BooleanField(default=False, help_text="An earlier attempt may have arrived unconfirmed.")
    reason = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["announcement", "channel", "email"], name="one_message_a_way")]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="messages_due"),
            models.Index(fields=["workspace", "-created_at"], name="messages_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.email} {self.state}"
