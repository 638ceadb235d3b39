"""Connected ad platforms: connections, accounts, their entities, and what these spent and brought each day."""

from django.conf import settings
from django.db import models

from stratum.workspaces.models import Workspace

PLATFORMS = [("meta", "Meta"), ("google", "Google Ads")]
KINDS = [("campaign", "Campaign"), ("adset", "Ad set"), ("creative", "Creative")]
STATUSES = [("active", "Active"), ("paused", "Paused"), ("removed", "Removed")]


class AdConnection(models.Model):
    """A person's permission to read and change their accounts on one platform. Credentials are sealed JSON.

    A `sandbox` speaks to the fake of that platform inside this installation, with the very client of the real one.
    """

    class State(models.TextChoices):
        CONNECTED = "connected"
        NEEDS_ATTENTION = "needs_attention", "Needs attention"
        DISCONNECTED = "disconnected"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="ad_connections")
    platform = models.CharField(max_length=20, choices=PLATFORMS)
    sandbox = models.BooleanField(default=False)
    name = models.CharField(max_length=120)
    credentials = models.TextField(blank=True, help_text="Sealed; empty once disconnected.")
    token_hint = models.CharField(max_length=8, blank=True, help_text="The last four characters.")
    state = models.CharField(max_length=20, choices=State.choices, default=State.CONNECTED)
    problem = models.CharField(max_length=300, blank=True, help_text="Why it needs attention, for people.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    last_sync_at = models.DateTimeField(null=True, blank=True)
    next_sync_at = models.DateTimeField(null=True, blank=True)
    waits_until = models.DateTimeField(
        null=True, blank=True, help_text="The platform asked us to slow down until then."
    )

    class Meta:
        indexes = [models.Index(fields=["next_sync_at"], condition=models.Q(state="connected"), name="ad_sync_due")]

    def __str__(self) -> str:
        return f"{self.get_platform_display()}: {self.name}"


class AdAccount(models.Model):
    """An ad account that was chosen for this workspace; the plan limits how many."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="ad_accounts")
    connection = models.ForeignKey(AdConnection, models.CASCADE, related_name="accounts")
    platform = models.CharField(max_length=20, choices=PLATFORMS)
    external_id = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64, default="UTC")
    active = models.BooleanField(default=True, help_text="Whether the platform says that it can spend.")
    chosen = models.BooleanField(
        default=True, help_text="Synced and counted against the plan; else only its past is kept."
    )
    conversion_action = models.CharField(max_length=120, blank=True, help_text="Whose conversions count; one only.")
    synced_until = models.DateField(null=True, blank=True, help_text="The last day whose metrics were read.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "platform", "external_id"], name="ad_account_once"),
        ]

    def __str__(self) -> str:
        return self.name


class AdEntity(models.Model):
    """A campaign, ad set or creative as last seen. Amounts in the account's currency; a budget sits on one level."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="ad_entities", db_index=False)
    account = models.ForeignKey(AdAccount, models.CASCADE, related_name="entities", db_index=False)
    kind = models.CharField(max_length=10, choices=KINDS)
    external_id = models.CharField(max_length=64)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="children")
    name = models.CharField(max_length=300)
    status = models.CharField(max_length=10, choices=STATUSES)
    effective_status = models.CharField(max_length=60, blank=True)
    budget = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    budget_period = models.CharField(max_length=10, blank=True)
    bid = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    learning = models.BooleanField(default=False)
    details = models.JSONField(default=dict)
    changed_at = models.DateTimeField(null=True, blank=True, help_text="By the platform's clock.")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "kind", "external_id"], name="ad_entity_once")]
        indexes = [models.Index(fields=["workspace", "kind", "status"], name="ad_entity_by_kind")]
        verbose_name_plural = "ad entities"

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.name}"


class AdValue(models.Model):
    """What an entity's budget or bid was from `seen_at` on, until the next row, whoever changed it."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    entity = models.ForeignKey(AdEntity, models.CASCADE, related_name="values", db_index=False)
    field = models.CharField(max_length=10, choices=[("budget", "Budget"), ("bid", "Bid")])
    value = models.DecimalField(max_digits=20, decimal_places=6, null=True, blank=True)
    period = models.CharField(
        max_length=10, blank=True, help_text="Of a budget: amounts of two periods do not compare."
    )
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "field", "seen_at"], name="ad_value_once")]

    def __str__(self) -> str:
        return f"{self.entity_id} {self.field} {self.value}"


class AdDay(models.Model):
    """One entity's day in the account's time zone. The last days are restated until the platform settles them."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    entity = models.ForeignKey(AdEntity, models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    spend = models.DecimalField(max_digits=20, decimal_places=6)
    impressions = models.PositiveBigIntegerField()
    clicks = models.PositiveBigIntegerField()
    conversions = models.DecimalField(max_digits=20, decimal_places=6)
    revenue = models.DecimalField(max_digits=20, decimal_places=6)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "day"], name="ad_day_once")]
        indexes = [models.Index(fields=["workspace", "day"], name="ad_day_by_workspace")]

    def __str__(self) -> str:
        return f"{self.entity_id} {self.day}"


class AdSyncRun(models.Model):
    """One reading of everything that a connection's accounts have."""

    class State(models.TextChoices):
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        WAITING = "waiting"

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    connection = models.ForeignKey(AdConnection, models.CASCADE, related_name="runs", db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    accounts = models.PositiveIntegerField(default=0)
    entities = models.PositiveIntegerField(default=0)
    days = models.PositiveIntegerField(default=0, help_text="Rows of daily metrics.")
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace", "connection", "-started_at"], name="ad_run_by_connection")]
        constraints = [
            models.UniqueConstraint(fields=["connection"], condition=models.Q(state="running"), name="ad_run_alone"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.started_at:%Y-%m-%d %H:%M} {self.state}"


class SandboxState(models.Model):
    """Everything that the fake of one platform knows in a workspace. Written under its row lock."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="sandboxes", db_index=False)
    platform = models.CharField(max_length=20, choices=PLATFORMS)
    state = models.JSONField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "platform"], name="sandbox_once")]

    def __str__(self) -> str:
        return f"Sandbox of {self.get_platform_display()}"
