"""The connection to Pipedrive and all that its synchronisation remembers (docs/pipedrive.md).

`local_id` is the number of a profile, or of an event for activities; `remote_id` is Pipedrive's.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from stratum.workspaces.models import Job, Workspace


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
    """A webhook as it came: a hint that something is to be read, nothing more."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="inbox")
    event_id = models.CharField(max_length=100)
    entity = models.CharField(max_length=30)
    action = models.CharField(max_length=30)
    remote_id = models.BigIntegerField(null=True)
    body = models.JSONField()
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


class PipedriveRun(models.Model):
    """One synchronisation. `counts` by what became of records; a dry run plans and writes nothing."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        STOPPED = "stopped"  # paused, disconnected, budget or circuit: `error` says which, the next run goes on

    class Mode(models.TextChoices):
        INCREMENTAL = "incremental"
        FULL = "full"
        TEST = "test"  # one profile

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, related_name="runs")
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    mode = models.CharField(max_length=12, choices=Mode.choices)
    trigger = models.CharField(max_length=12, help_text="manual, schedule, webhook or first.")
    dry_run = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=20, blank=True)
    counts = models.JSONField(default=dict)
    calls = models.PositiveIntegerField(default=0)
    tokens = models.PositiveIntegerField(default=0)
    planned_tokens = models.PositiveIntegerField(default=0, help_text="What a dry run expects the real one to cost.")
    hwm_before = models.DateTimeField(null=True)
    hwm_after = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True)
    started_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "-created_at"], name="pipedrive_run_recent")]

    def __str__(self) -> str:
        return f"{self.mode} {self.state}"


class PipedriveRow(models.Model):
    """What a run did, or would do, with one record. Unchanged ones have none."""

    class Action(models.TextChoices):
        CREATE = "create"
        UPDATE = "update"
        PULL = "pull"
        LINK = "link"
        CONFLICT = "conflict"
        DUPLICATE = "duplicate"
        REVENUE = "revenue"
        PARKED = "parked"
        ACTIVITY = "activity"
        LABEL = "label"
        DELETED = "deleted"
        SKIPPED = "skipped"
        FAILED = "failed"

    class State(models.TextChoices):
        DONE = "done"
        PLANNED = "planned"
        OPEN = "open"  # failed or waiting: retry, resolve or ignore
        RETRIED = "retried"
        IGNORED = "ignored"

    run = models.ForeignKey(PipedriveRun, models.CASCADE, related_name="rows")
    kind = models.CharField(max_length=10)
    action = models.CharField(max_length=10, choices=Action.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DONE)
    local_id = models.BigIntegerField(null=True)
    remote_id = models.BigIntegerField(null=True)
    title = models.CharField(max_length=200, blank=True)
    differences = models.JSONField(default=list, help_text="{field, before, after, to}: `to` is pipedrive or stratum.")
    request = models.JSONField(null=True)
    response_code = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="pipedrive_row_of_run")]

    def __str__(self) -> str:
        return f"{self.action} {self.title}"


class PipedrivePerson(models.Model):
    """The mirror: a person as Pipedrive showed it last, to find it without a call."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="persons")
    remote_id = models.BigIntegerField()
    name = models.CharField(max_length=300, blank=True)
    emails = models.JSONField(default=list, help_text="In lower case.")
    phones = models.JSONField(default=list, help_text="In E.164 where they can be read so.")
    profile_id = models.BigIntegerField(null=True, help_text="What our profile id field says.")
    values = models.JSONField(default=dict, help_text="By code of the mapped field.")
    labels = models.JSONField(default=list)
    update_time = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="pipedrive_person_once")]
        indexes = [models.Index(fields=["connection", "profile_id"], name="pipedrive_person_profile")]

    def __str__(self) -> str:
        return self.name


class PipedriveAddress(models.Model):
    """By what a mirrored person is found: one row per e-mail address and phone number."""

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="+")
    kind = models.CharField(max_length=5, help_text="email or phone.")
    value = models.CharField(max_length=254)
    remote_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind", "value", "remote_id"], name="pipedrive_address_once")
        ]
        indexes = [models.Index(fields=["connection", "remote_id"], name="pipedrive_address_of")]

    def __str__(self) -> str:
        return self.value


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


class PipedriveDeal(models.Model):
    """A deal as it was seen last, and the event that stands for it.

    `parked` says why there is none though the deal is won.
    """

    connection = models.ForeignKey(PipedriveConnection, models.CASCADE, db_index=False, related_name="deals")
    remote_id = models.BigIntegerField()
    title = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=10)
    value = models.DecimalField(max_digits=20, decimal_places=6, default=0)
    currency = models.CharField(max_length=3, blank=True)
    won_at = models.DateTimeField(null=True)
    person_id = models.BigIntegerField(null=True)
    is_archived = models.BooleanField(default=False)
    is_deleted = models.BooleanField(default=False)
    update_time = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=0, help_text="Of its event; each correction has the next.")
    message_id = models.CharField(max_length=120, blank=True, help_text="Of the event that counts; empty for none.")
    told = models.JSONField(null=True, help_text="What that event says.")
    parked = models.CharField(max_length=300, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="pipedrive_deal_once")]
        indexes = [models.Index(fields=["connection", "person_id"], name="pipedrive_deal_of")]

    def __str__(self) -> str:
        return self.title
