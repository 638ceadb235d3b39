"""Bodies of the audit log's API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from stratum.lib.serializers import StrictSerializer
from trustlayer.asked import DECISIONS, DRY_RUNS, KINDS


class EntityRefShape(serializers.Serializer[Any]):
    type = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    platform = serializers.CharField()
    account = serializers.CharField()


class AuditLogShape(serializers.Serializer[Any]):
    """An entry as the manual has it, and what it rested on."""

    id = serializers.UUIDField()
    seq = serializers.IntegerField(help_text="1, 2, 3 … without gaps.")
    kind = serializers.ChoiceField(KINDS)
    timestamp = serializers.DateTimeField()
    decision = serializers.ChoiceField(DECISIONS, allow_null=True)
    signal_health = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    action = serializers.CharField()
    entity = serializers.CharField()
    change = serializers.CharField(allow_null=True)
    blocked_reason = serializers.CharField(allow_null=True)
    user = serializers.CharField(allow_null=True)
    entity_ref = EntityRefShape()
    change_detail = serializers.DictField()
    actor_type = serializers.CharField()
    is_dry_run = serializers.BooleanField()
    thresholds = serializers.DictField()
    signals = serializers.ListField(child=serializers.DictField())
    caps = serializers.ListField(child=serializers.DictField())
    checks = serializers.ListField(child=serializers.DictField())
    policy_version = serializers.IntegerField(allow_null=True)
    action_id = serializers.CharField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    evidence = serializers.DictField()
    prev_hash = serializers.CharField()
    entry_hash = serializers.CharField()


class AuditLogPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="Older entries.")
    previous = serializers.URLField(allow_null=True, help_text="Newer entries.")
    count = serializers.IntegerField()
    results = AuditLogShape(many=True)


class AuditDecisionCounts(serializers.Serializer[Any]):
    PASS = serializers.IntegerField()
    HOLD = serializers.IntegerField()
    BLOCK = serializers.IntegerField()


class AuditBucketShape(AuditDecisionCounts):
    first = serializers.DateField(help_text="In the workspace's time zone.")
    last = serializers.DateField()


class AuditReasonShape(serializers.Serializer[Any]):
    reason = serializers.CharField(help_text="Reasons that differ only in what was measured are one.")
    count = serializers.IntegerField()


class AuditEntityTypeShape(AuditDecisionCounts):
    entity_type = serializers.CharField()


class AuditAnalyticsShape(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    decisions = AuditDecisionCounts()
    per = serializers.CharField(help_text="day, week or month.")
    trend = AuditBucketShape(many=True)
    block_reasons = AuditReasonShape(many=True)
    other_block_reasons = serializers.IntegerField()
    entity_types = AuditEntityTypeShape(many=True)
    counts = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text="For decision, action_type, entity_type and platform: what each value would leave.",
    )


class AuditVerifyBody(StrictSerializer):
    manifests = serializers.ListField(
        child=serializers.DictField(), required=False, default=list, help_text="Of exports delivered before."
    )


class AuditVerifiedShape(serializers.Serializer[Any]):
    whole = serializers.BooleanField()
    entries = serializers.IntegerField()
    first = serializers.IntegerField()
    last = serializers.IntegerField()
    head = serializers.CharField()
    broken_at = serializers.IntegerField(allow_null=True, help_text="The first broken entry.")
    sentence = serializers.CharField()


FILTER_PARAMETERS = [
    OpenApiParameter("range", str, description="The last days, today included: 7d, 30d."),
    OpenApiParameter("from", str, description="A date or an instant; a date is a local day."),
    OpenApiParameter("to", str, description="Included."),
    OpenApiParameter("decision", str, description="PASS, HOLD, BLOCK; several with commas."),
    OpenApiParameter("action_type", str, description="Kinds of action, or budget, pause, enable, bid, stop."),
    OpenApiParameter("entity_type", str, description="Campaign, Ad Set, Creative; several with commas."),
    OpenApiParameter("entity", str, description="An id, or a part of the name."),
    OpenApiParameter("platform", str, description="meta, google, tiktok, linkedin; several with commas."),
    OpenApiParameter("health_min", OpenApiTypes.INT, description="0 to 100."),
    OpenApiParameter("health_max", OpenApiTypes.INT, description="0 to 100; 69 is below 70."),
    OpenApiParameter("actor", str, description="user, rule, system, api, or a name."),
    OpenApiParameter("dry_run", str, enum=DRY_RUNS, description="Dry runs are left out (false) unless asked for."),
    OpenApiParameter("kind", str, description=f"{', '.join(KINDS)} or all; decisions without one."),
    OpenApiParameter("block_reason", str, description="As analytics name it."),
    OpenApiParameter("q", str, description="A part of the entity, the reason or the person."),
]
