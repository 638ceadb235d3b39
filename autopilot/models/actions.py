"""Proposed changes of entities on ad platforms, and every move between their states."""

import uuid

from django.conf import settings
from django.db import models

from autopilot.models.rules import Rule
from autopilot.states import LABELS, LIVE, State
from integrations.models import AdAccount, AdEntity
from stratum.workspaces.models import Workspace
from trustlayer.actions import ACTIONS

STATES = [(state.value, LABELS[state]) for state in State]


class Action(models.Model):
    """One absolute target for one field of one entity. Only services.moves changes `state`.

    `expected_before` and `after` are `{value, status, updated_at}` as the platform told; amounts are decimal texts.
    """

    class Waits(models.TextChoices):
        """Why it is pending review."""

        APPROVAL = "approval"
        HOLD = "hold"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="actions", db_index=False)
    account = models.ForeignKey(AdAccount, models.CASCADE, related_name="+", db_index=False)
    entity = models.ForeignKey(AdEntity, models.CASCADE, related_name="actions", db_index=False)
    kind = models.CharField(max_length=20, choices=[(name, kind.label) for name, kind in ACTIONS.items()])
    field = models.CharField(max_length=10)
    target = models.CharField(max_length=40, help_text="Absolute: a decimal number, or a status.")
    expected_before = models.JSONField()
    said = models.CharField(max_length=80, help_text="How it was said: +20% budget.")
    note = models.CharField(max_length=1000, blank=True, help_text="Why it was proposed.")
    evidence = models.JSONField(default=list, help_text="What the rule saw.")
    findings = models.JSONField(
        default=dict, help_text="Of the last look at it: the gate's word, checks, conflicts, and which of them wait."
    )
    impact = models.JSONField(null=True, blank=True, help_text="The newest projection, or why there is none.")
    state = models.CharField(max_length=16, choices=STATES, default=State.PROPOSED)
    waits_for = models.CharField(max_length=10, choices=Waits.choices, blank=True)
    why = models.CharField(max_length=600, blank=True, help_text="Why it is in this state, for people.")
    difference = models.JSONField(null=True, blank=True, help_text="Of a stale one: expected, live, wanted.")
    signal_health = models.PositiveSmallIntegerField(null=True, blank=True)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, blank=True, related_name="actions")
    rule_version = models.PositiveIntegerField(null=True, blank=True)
    proposed_by = models.CharField(max_length=200)
    proposed_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="Of the state.")
    expires_at = models.DateTimeField()
    approved_by = models.CharField(max_length=200, blank=True)
    approved_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_despite = models.JSONField(default=list, help_text="Checks that a person saw failing and let pass.")
    never_refused = models.BooleanField(
        default=False, help_text="Of Pause all: neither the gate nor a guard rail keeps it from being executed."
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often a write was begun.")
    try_at = models.DateTimeField(null=True, blank=True, help_text="Not before.")
    executed_at = models.DateTimeField(null=True, blank=True)
    request_id = models.CharField(max_length=200, blank=True)
    after = models.JSONField(null=True, blank=True)
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="undone_by")
    superseded_by = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "state", "-created_at"], name="action_by_state"),
            models.Index(fields=["workspace", "-created_at", "-id"], name="action_by_time"),
            models.Index(fields=["entity", "field", "state"], name="action_on_field"),
            models.Index(
                fields=["try_at"], condition=models.Q(state__in=["approved", "executing", "unknown"]), name="action_due"
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=["pending_review", "blocked", "approved"]),
                name="action_expiring",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.said}: {self.entity_id}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


class ActionMove(models.Model):
    """One change of state, with its entry in the book."""

    action = models.ForeignKey(Action, models.CASCADE, related_name="moves", db_index=False)
    at = models.DateTimeField()
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    by = models.CharField(max_length=200)
    sentence = models.CharField(max_length=600)
    entry_id = models.UUIDField(null=True, blank=True, help_text="Of the audit log.")

    class Meta:
        indexes = [models.Index(fields=["action", "id"], name="move_by_action")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
