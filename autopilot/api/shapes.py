"""What the autopilot looks like on the wire."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from autopilot import changes
from autopilot.changes import PROPOSABLE
from autopilot.models import Action, DryRun
from autopilot.queries.settings import Standing
from autopilot.rails import LEVELS
from autopilot.services.pausing import Paused
from autopilot.states import VALUES
from autopilot.verdicts import Verdict
from integrations.models import AdAccount
from stratum.lib.serializers import StrictSerializer


class ActionEntityBody(StrictSerializer):
    """As the platform names it; platform, account and type where the id alone is not clear."""

    id = serializers.CharField(max_length=64)
    type = serializers.CharField(max_length=20, required=False, allow_blank=True)
    platform = serializers.CharField(max_length=20, required=False, allow_blank=True)
    account = serializers.CharField(max_length=64, required=False, allow_blank=True)


class ActionBody(StrictSerializer):
    action = serializers.ChoiceField(choices=PROPOSABLE)
    entity_ref = ActionEntityBody()
    value = serializers.CharField(max_length=40, required=False, help_text="The new budget or bid, absolute.")
    percent = serializers.CharField(max_length=20, required=False, help_text="Or the change in percent: 20, -10.")
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, help_text="Of the value; refused when the account has another."
    )
    note = serializers.CharField(max_length=1_000, required=False, allow_blank=True)


class ApproveBody(StrictSerializer):
    confirm = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="The target again, for very large changes."
    )
    inputs_hash = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="Of a dry-run: approve only while nothing that it rested on has changed.",
    )


class RejectBody(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class MoveShape(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField()
    by = serializers.CharField()
    sentence = serializers.CharField()
    audit_log = serializers.UUIDField(source="entry_id", allow_null=True)


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    pass


@extend_schema_field({"type": "array", "items": {"type": "object"}})
class ObjectsField(serializers.JSONField):
    pass


def projected(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A projection whose amounts are decimal strings, as money is everywhere in the API."""
    if told is None:
        return None
    amounts = (name for name in ("spend_per_day", "base_spend_per_day") if told.get(name) is not None)
    return {**told, **{name: f"{told[name]:.2f}" for name in amounts}}


class ActionShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    action = serializers.ChoiceField(choices=PROPOSABLE)
    entity = serializers.CharField(help_text="Campaign: Summer Sale 2026")
    entity_ref = ObjectField()
    field = serializers.CharField()
    change = serializers.CharField(help_text="How it was said: +20% budget")
    before = ObjectField(help_text="value, status and updated_at that are expected on the platform.")
    target = serializers.CharField(help_text="Absolute.")
    currency = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=VALUES)
    waits_for = serializers.CharField(allow_null=True, help_text="approval or hold, while it is pending review.")
    why = serializers.CharField(allow_blank=True)
    difference = ObjectField(allow_null=True)
    signal_health = serializers.IntegerField(allow_null=True)
    checks = ObjectsField()
    conflicts = ObjectsField()
    projected = ObjectField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    rule = serializers.UUIDField(allow_null=True)
    rule_version = serializers.IntegerField(allow_null=True)
    proposed_by = serializers.CharField()
    approved_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    approved_at = serializers.DateTimeField(allow_null=True)
    executed_at = serializers.DateTimeField(allow_null=True)
    try_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    request_id = serializers.CharField(allow_null=True)
    undoes = serializers.UUIDField(allow_null=True)
    superseded_by = serializers.UUIDField(allow_null=True)

    def to_representation(self, instance: Action) -> dict[str, Any]:
        action = instance
        plain = (
            "field",
            "target",
            "state",
            "why",
            "difference",
            "signal_health",
            "note",
            "rule_version",
            "proposed_by",
        )
        times = ("created_at", "changed_at", "expires_at", "approved_at", "executed_at", "try_at", "attempts")
        return {
            "id": str(action.pk),
            "action": action.kind,
            "entity": f"{changes.KIND_WORDS[action.entity.kind]}: {action.entity.name}",
            "entity_ref": entity_ref(action),
            "change": action.said,
            "before": action.expected_before,
            "currency": None if action.field == "status" else action.account.currency,
            "waits_for": action.waits_for or None,
            "checks": action.findings.get("checks", []),
            "conflicts": action.findings.get("conflicts", []),
            "projected": projected(action.impact),
            "rule": action.rule_id,
            "approved_by": action.approved_by or None,
            "request_id": action.request_id or None,
            "undoes": action.undoes_id,
            "superseded_by": action.superseded_by_id,
            **{name: getattr(action, name) for name in (*plain, *times)},
        }


def entity_ref(action: Action) -> dict[str, str]:
    return {
        "type": action.entity.kind,
        "id": action.entity.external_id,
        "name": action.entity.name,
        "platform": action.account.platform,
        "account": action.account.external_id,
    }


class ActionDetailShape(ActionShape):
    moves = MoveShape(many=True)

    def to_representation(self, instance: Action) -> dict[str, Any]:
        moves = MoveShape(instance.moves.order_by("id"), many=True).data
        return {**super().to_representation(instance), "moves": moves}


class ActionPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ActionShape(many=True)


class PlatformValidationShape(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["verified", "checked_locally", "not_checked"])
    accepted = serializers.BooleanField(allow_null=True)
    detail = serializers.CharField(allow_blank=True)
    words = serializers.CharField()


class CheckShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    passed = serializers.BooleanField(allow_null=True, help_text="null: not checked, or nothing limits.")
    seen = serializers.CharField(allow_blank=True)
    limit = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField()
    hard = serializers.BooleanField(help_text="Blocks when it fails; else it waits for a person.")
    fix = serializers.CharField(allow_blank=True)


class DryRunShape(serializers.Serializer[Any]):
    """The result of a test, and what came of what it predicted."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    by = serializers.CharField()
    action_id = serializers.UUIDField()
    rule = serializers.UUIDField(allow_null=True)
    action = serializers.CharField(help_text="Increase budget by 20%")
    action_kind = serializers.CharField()
    entity = serializers.CharField(help_text='Campaign "Holiday Promo 2026"')
    platform = serializers.CharField()
    currency = serializers.CharField()
    current = serializers.CharField(allow_null=True)
    proposed = serializers.CharField()
    signal_health = serializers.IntegerField(allow_null=True)
    gate = ObjectField()
    checks = CheckShape(many=True)
    projected = ObjectField()
    platform_validation = PlatformValidationShape()
    conflicts = CheckShape(many=True)
    verdict = serializers.ChoiceField(choices=[verdict.value for verdict in Verdict])
    reasons = serializers.ListField(child=serializers.CharField())
    to_change = serializers.ListField(child=serializers.CharField())
    inputs_hash = serializers.CharField()
    expires_at = serializers.DateTimeField()
    audit_log = serializers.UUIDField(allow_null=True)
    outcome = ObjectField()

    def to_representation(self, instance: DryRun) -> dict[str, Any]:
        one = instance
        return {
            "id": str(one.pk),
            "at": one.at,
            "by": one.by,
            "action_id": str(one.action_id),
            "rule": one.rule_id,
            **{name: value for name, value in one.result.items() if name not in ("field", "period", "projected")},
            "projected": projected(one.result["projected"]),
            "outcome": {
                "executed": one.executed,
                "effective_day": one.effective_day,
                "actual_14": one.actual_14,
                "actual_28": one.actual_28,
                "resolves_on": one.resolves_on if one.actual_28 is None and not one.unresolvable else None,
                "unresolvable": one.unresolvable or None,
            },
        }


class DryRunPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = DryRunShape(many=True)


class SettingsShape(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    level = serializers.ChoiceField(choices=list(LEVELS))
    guard_rails = ObjectField()
    accounts = ObjectField(help_text="What single accounts have of their own, by the account's id.")
    stopped_at = serializers.DateTimeField(allow_null=True)
    stopped_by = serializers.CharField(allow_null=True)
    version = serializers.IntegerField()

    def to_representation(self, instance: tuple[Standing, list[AdAccount]]) -> dict[str, Any]:
        found, accounts = instance
        return {
            "dry_run": found.dry_run,
            "level": found.level,
            "guard_rails": found.rails.to_json(),
            "accounts": {one.external_id: found.own[one.pk] for one in accounts if one.pk in found.own},
            "stopped_at": found.stopped_at,
            "stopped_by": found.stopped_by or None,
            "version": found.version,
        }


class SettingsBody(serializers.Serializer[Any]):
    """Any of the fields; what is left out stays."""

    dry_run = serializers.BooleanField(required=False)
    level = serializers.ChoiceField(choices=list(LEVELS), required=False)
    guard_rails = ObjectField(required=False)
    accounts = ObjectField(required=False, help_text="An account's id, and its own rails or null.")


class StoppedShape(serializers.Serializer[Any]):
    cancelled = serializers.IntegerField(help_text="Approved actions that will not be executed.")
    stopped_at = serializers.DateTimeField(allow_null=True)


class PauseAllBody(StrictSerializer):
    account = serializers.CharField(
        max_length=64, required=False, allow_blank=True, help_text="An ad account's id; left out: all of them."
    )


class PausedShape(serializers.Serializer[Any]):
    paused = serializers.IntegerField(help_text="Campaigns whose pause began with this call.")
    already = serializers.IntegerField(help_text="Campaigns whose pause was on its way.")
    simulated = serializers.BooleanField(help_text="Dry-Run Mode is on: they wait in the queue, nothing is executed.")
    actions = serializers.ListField(child=serializers.UUIDField())

    def to_representation(self, instance: Paused) -> dict[str, Any]:
        ids = [str(action.pk) for action in instance.actions]
        plain = {"already": instance.already, "simulated": instance.simulated}
        return {"paused": len(ids), **plain, "actions": ids}
