"""The connection to Pipedrive: what is synchronised and how, how far, and at what cost (docs/pipedrive.md)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from stratum.workspaces.models import Workspace


class PipedriveConnection(models.Model):
    """A workspace's one connection, pinned to a company. It outlives a disconnection together with its links, so that
    the same company can be connected again without a duplicate."""

    class State(models.TextChoices):
        CONNECTED = "connected"
        PAUSED = "paused"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"  # the token was refused: a person has to reconnect
        DISCONNECTED = "disconnected"

    class Schedule(models.TextChoices):
        REALTIME = "realtime", "Real-time"
        HOURLY = "hourly", "Hourly"
        DAILY = "daily", "Daily"

    class Direction(models.TextChoices):
        BOTH = "both", "Bidirectional"
        TO_PIPEDRIVE = "to_pipedrive", "Stratum → Pipedrive"
        FROM_PIPEDRIVE = "from_pipedrive", "Pipedrive → Stratum"

    class Object(models.TextChoices):
        PERSONS = "persons"
        ACTIVITIES = "activities"
        LABELS = "labels"
        ATTRIBUTION = "attribution"
        DEALS = "deals"

    workspace = models.OneToOneField(Workspace, models.CASCADE, related_name="pipedrive")
    state = models.CharField(max_length=20, choices=State.choices, default=State.CONNECTED)
    problem = models.CharField(max_length=300, blank=True, help_text="Why it needs attention, for people.")
    token = models.TextField(blank=True, help_text="Sealed; empty once disconnected.")
    token_hint = models.CharField(max_length=8, blank=True, help_text="The last four characters.")
    is_sandbox = models.BooleanField(default=False, help_text="Talks to the fake inside this process.")
    generation = models.PositiveIntegerField(default=1, help_text="Grows when runs under way must stop.")

    company_id = models.BigIntegerField()
    company_name = models.CharField(max_length=200, blank=True)
    company_domain = models.CharField(max_length=100)
    user_id = models.BigIntegerField()
    user_name = models.CharField(max_length=200, blank=True)
    user_is_admin = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, help_text="The company's default.")
    time_zone = models.CharField(max_length=64, default="UTC")

    objects_synced = models.JSONField(default=list, help_text="Of Object: what is synchronised.")
    direction = models.CharField(max_length=20, choices=Direction.choices, default=Direction.BOTH)
    schedule = models.CharField(max_length=10, choices=Schedule.choices, default=Schedule.DAILY)
    segment_id = models.UUIDField(null=True, blank=True, help_text="Only its members go out; empty for everybody.")
    activity_events = models.JSONField(
        default=list, help_text="Event names that become activities: {event, type, since}."
    )
    activity_cap = models.PositiveIntegerField(default=200, help_text="Activities a day and event name.")
    deal_event = models.CharField(max_length=20, default="deal_won", help_text="deal_won, or purchase.")
    counts_archived = models.BooleanField(default=False, help_text="Whether won deals that are archived count.")
    rates = models.JSONField(default=dict, help_text="What one unit of a foreign currency is worth, as text.")
    lifecycle_options = models.JSONField(default=dict, help_text="Label option by lifecycle stage.")

    capabilities = models.JSONField(default=dict, help_text="What this account was found to take or refuse.")
    budget_share = models.PositiveSmallIntegerField(default=50, help_text="Percent of the company's daily tokens.")
    burst_share = models.PositiveSmallIntegerField(default=50, help_text="Percent of the calls in two seconds.")
    burst_limit = models.PositiveIntegerField(null=True, help_text="Calls in two seconds, as Pipedrive said last.")
    daily_limit = models.PositiveIntegerField(null=True, help_text="Tokens a day, as Pipedrive said last.")
    daily_remaining = models.IntegerField(null=True)
    daily_seen_at = models.DateTimeField(null=True)
    circuit_until = models.DateTimeField(null=True, blank=True, help_text="No call before this instant.")
    circuit_reason = models.CharField(max_length=300, blank=True)

    remote_fields = models.JSONField(default=list, help_text="Of persons: {code, name, type, is_custom, options}.")
    remote_fields_at = models.DateTimeField(null=True)
    activity_types = models.JSONField(default=list, help_text="[key, name] of each.")
    activity_types_at = models.DateTimeField(null=True)

    webhook_secret = models.CharField(max_length=43, blank=True, db_index=True, help_text="Part of the address.")
    webhook_password = models.TextField(blank=True, help_text="Sealed.")
    webhook_ids = models.JSONField(default=list)
    webhook_at = models.DateTimeField(null=True, blank=True, help_text="When the last one came.")

    followed = models.JSONField(default=dict, help_text="How far our own changes were looked at.")
    last_sync_at = models.DateTimeField(null=True, blank=True, help_text="The last run that succeeded.")
    next_sync_at = models.DateTimeField(null=True, blank=True)
    reconciled_at = models.DateTimeField(null=True, blank=True, help_text="The last look at every person.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["next_sync_at"], condition=Q(state="connected"), name="pipedrive_due")]

    def __str__(self) -> str:
        return f"Pipedrive: {self.company_name or self.company_domain}"

    @property
    def is_active(self) -> bool:
        return self.state == self.State.CONNECTED

    def syncs(self, what: str) -> bool:
        return what in self.objects_synced


class PipedriveField(models.Model):
    """One line of the mapping: a field of ours and the field of a Pipedrive person that it meets.

    `local` and `direction` as integrations.pipedrive.fields has them; `code` is a standard one (`emails`, `label_ids`)
    or 40 hex digits.
    """

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, related_name="fields")
    local = models.CharField(max_length=120)
    code = models.CharField(max_length=64)
    remote_name = models.CharField(max_length=200)
    remote_type = models.CharField(max_length=20)
    direction = models.CharField(max_length=20)
    rule = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField(default=0)
    enabled = models.BooleanField(default=True)
    problem = models.CharField(max_length=300, blank=True, help_text="Why Pipedrive refuses it, for people.")
    options = models.JSONField(default=list, help_text="Of enum and set: {id, label}.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "local", "code"], name="pipedrive_pair_once"),
            models.UniqueConstraint(
                fields=["connection", "code"], condition=Q(enabled=True), name="pipedrive_code_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.local} ↔ {self.remote_name}"


class PipedriveLabel(models.Model):
    """A segment that Pipedrive sees: as a label on its members, and as a filter on that label."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, related_name="labels")
    segment_id = models.UUIDField()
    name = models.CharField(max_length=120)
    option_id = models.BigIntegerField(null=True, blank=True)
    filter_id = models.BigIntegerField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Taken off everybody from then on.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "segment_id"], name="pipedrive_label_once")]

    def __str__(self) -> str:
        return self.name


class PipedriveCursor(models.Model):
    """How far a stream was read: everything before `hwm`, and of the window under way the pages before `cursor`."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="cursors")
    stream = models.CharField(max_length=30)
    hwm = models.DateTimeField(null=True)
    window_from = models.DateTimeField(null=True)
    window_to = models.DateTimeField(null=True)
    cursor = models.TextField(blank=True)
    pages = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "stream"], name="pipedrive_stream_once")]

    def __str__(self) -> str:
        return f"{self.stream} until {self.hwm}"


class PipedriveSpending(models.Model):
    """Tokens and calls of one UTC day, by call."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="spendings")
    day = models.DateField()
    call = models.CharField(max_length=60)
    calls = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "day", "call"], name="pipedrive_spending_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.call}"
