"""Runs of the synchronisation with Pipedrive, and what each did with each record."""

import uuid

from django.db import models

from integrations.models.pipedrive import PipedriveConnection
from stratum.workspaces.models import Job, Workspace


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
    profile_id = models.BigIntegerField(null=True, help_text="Of a test: whom it was made with.")
    exchanges = models.JSONField(
        default=list, help_text="Of a test: {call, path, params, request, status, answer} of each call."
    )
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
