"""Bodies of signal health, readings, judgements and the policy."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from stratum.lib.serializers import StrictSerializer
from trustlayer.actions import ACTIONS
from trustlayer.health import Health, SignalState, Status
from trustlayer.models import HealthDay
from trustlayer.policy import Policy
from trustlayer.services.readings import LONGEST_SOURCE
from trustlayer.signals import SIGNALS

LONGEST_NAME = 500


class CapShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    signal = serializers.CharField()
    most = serializers.IntegerField(help_text="The score is at most this.")
    sentence = serializers.CharField()


class SignalShape(serializers.Serializer[Any]):
    name = serializers.CharField(help_text=", ".join(SIGNALS))
    status = serializers.CharField(help_text=", ".join(Status))
    value = serializers.FloatField(allow_null=True)
    shown = serializers.CharField(help_text="The value as people read it.")
    score = serializers.FloatField(allow_null=True)
    weight = serializers.IntegerField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    observed_at = serializers.DateTimeField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]
    reported = serializers.BooleanField(help_text="By the platform itself; else computed by us.")
    evidence = serializers.CharField()


class PlatformHealthShape(serializers.Serializer[Any]):
    platform = serializers.CharField(allow_null=True, help_text="null: the workspace's own events.")
    score = serializers.IntegerField(allow_null=True)
    uncapped = serializers.IntegerField(allow_null=True, help_text="The weighted mean alone.")
    status = serializers.CharField(help_text=", ".join(Status))
    caps = CapShape(many=True)
    signals = SignalShape(many=True)


class SignalHealthShape(serializers.Serializer[Any]):
    as_of = serializers.DateTimeField()
    score = serializers.IntegerField(allow_null=True, help_text="Of the worst platform.")
    status = serializers.CharField(help_text=", ".join(Status))
    worst_platform = serializers.CharField(allow_null=True)
    policy_version = serializers.IntegerField()
    platforms = PlatformHealthShape(many=True)


class HealthDayShape(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="In the workspace's time zone.")
    platform = serializers.CharField(allow_null=True, help_text="null: the workspace.")
    score = serializers.IntegerField(allow_null=True, help_text="At the end of the day.")
    lowest = serializers.IntegerField(allow_null=True)
    highest = serializers.IntegerField(allow_null=True)
    signals = serializers.DictField()
    caps = serializers.ListField(child=serializers.CharField())


class HealthHistoryShape(serializers.Serializer[Any]):
    days = serializers.IntegerField()
    results = HealthDayShape(many=True)


class ReadingBody(StrictSerializer):
    """A measured value. Readings of the API count as reported."""

    platform = serializers.CharField(required=False, default="", allow_blank=True, help_text="Empty: own events.")
    signal = serializers.CharField()
    value = serializers.FloatField()
    observed_at = serializers.DateTimeField(required=False, help_text="Now without it.")
    source = serializers.CharField(max_length=LONGEST_SOURCE)  # type: ignore[assignment]
    sentence = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=300, help_text="Evidence, as people read it."
    )


class ReadingsBody(StrictSerializer):
    readings = ReadingBody(many=True)


class ReportedShape(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    repeated = serializers.IntegerField(help_text="Known already: same source, same instant.")


class EntityRefBody(StrictSerializer):
    type = serializers.CharField(max_length=20, help_text="Campaign, Ad Set, Creative.")
    id = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NAME)
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NAME)
    platform = serializers.CharField(max_length=20)
    account = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NAME)


class JudgeBody(StrictSerializer):
    action = serializers.ChoiceField(list(ACTIONS))
    entity_ref = EntityRefBody()
    change_detail = serializers.DictField(required=False, default=dict, help_text="field, before, after, currency.")
    change = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=300, help_text="In words; else made of change_detail."
    )
    dry_run = serializers.BooleanField(required=False, default=False)


class OwnThresholdsShape(serializers.Serializer[Any]):
    pass_at = serializers.IntegerField(min_value=0, max_value=100, required=False)
    block_below = serializers.IntegerField(min_value=0, max_value=100, required=False)


class PolicyShape(serializers.Serializer[Any]):
    """What is left out of a PUT keeps its usual value. `version`: only when that is still the present one."""

    version = serializers.IntegerField(required=False)
    pass_at = serializers.IntegerField(min_value=0, max_value=100, required=False)
    block_below = serializers.IntegerField(min_value=0, max_value=100, required=False)
    emq_block = serializers.FloatField(min_value=0, max_value=10, required=False)
    weights = serializers.DictField(child=serializers.IntegerField(), required=False)
    required = serializers.ListField(child=serializers.ChoiceField(list(SIGNALS)), required=False)  # type: ignore[assignment]
    actions = serializers.DictField(child=OwnThresholdsShape(), required=False)
    hysteresis = serializers.BooleanField(required=False)
    resume_at = serializers.IntegerField(min_value=0, max_value=100, required=False)


def health_json(found: Health) -> dict[str, Any]:
    return {
        "platform": found.platform or None,
        "score": found.score,
        "uncapped": found.uncapped,
        "status": str(found.status),
        "caps": [
            {"code": cap.code, "signal": cap.signal, "most": cap.most, "sentence": cap.sentence} for cap in found.caps
        ],
        "signals": [signal_json(state) for state in found.signals],
    }


def signal_json(state: SignalState) -> dict[str, Any]:
    return {
        "name": state.name,
        "status": str(state.status),
        "value": state.value,
        "shown": state.shown,
        "score": None if state.score is None else round(state.score, 2),
        "weight": state.weight,
        "required": state.required,
        "observed_at": state.observed_at,
        "source": state.source,
        "reported": state.reported,
        "evidence": state.evidence,
    }


def day_json(row: HealthDay) -> dict[str, Any]:
    return {
        "day": row.day,
        "platform": row.platform or None,
        "score": row.score,
        "lowest": row.lowest,
        "highest": row.highest,
        "signals": row.signals.get("signals", {}),
        "caps": row.signals.get("caps", []),
    }


def policy_json(policy: Policy) -> Mapping[str, Any]:
    return {"version": policy.version, **policy.to_json()}
