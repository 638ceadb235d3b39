"""What the Pipedrive API takes and gives."""

from typing import Any

from rest_framework import serializers

from integrations.models import PipedriveConnection, PipedriveDuplicate, PipedriveField, PipedriveRow, PipedriveRun
from integrations.pipedrive.choices import DEAL_EVENTS, OBJECTS, SCHEDULES
from integrations.pipedrive.fields import DIRECTIONS, RULES
from integrations.queries import pipedrive as queries
from integrations.queries.pipedrive import Status
from integrations.queries.pipedrive_lists import ConflictCard, DuplicateCard
from integrations.services.pipedrive import duplicates
from stratum.lib.serializers import StrictSerializer
from stratum.workspaces.api.workspace import PageShape

LARGEST = 2**63 - 1
HEALTH = ("healthy", "warning", "critical", "paused", "disconnected")


class PipedriveConnectBody(StrictSerializer):
    api_token = serializers.CharField(
        allow_blank=True, trim_whitespace=False, max_length=1_000, help_text="Settings > Personal Preferences > API."
    )


class PipedriveConnectedShape(serializers.Serializer[Any]):
    connected = serializers.BooleanField()
    company = serializers.CharField()
    user = serializers.CharField()
    token_hint = serializers.CharField(help_text="The last four characters.")


class PipedriveRecordsShape(serializers.Serializer[Any]):
    persons = serializers.IntegerField()
    activities = serializers.IntegerField()
    labels = serializers.IntegerField()
    deals = serializers.IntegerField()


class PipedriveBudgetShape(serializers.Serializer[Any]):
    spent = serializers.IntegerField(help_text="Tokens of this UTC day.")
    share = serializers.IntegerField(help_text="What of the company's tokens is ours.")
    limit = serializers.IntegerField()
    is_limit_known = serializers.BooleanField(help_text="Whether Pipedrive has said so; else the smallest plan's.")
    remaining = serializers.IntegerField(allow_null=True)
    calls = serializers.IntegerField()


class PipedriveStatusShape(serializers.Serializer[Any]):
    connected = serializers.BooleanField()
    state = serializers.ChoiceField(choices=PipedriveConnection.State.choices)
    health = serializers.ChoiceField(choices=HEALTH)
    reasons = serializers.ListField(child=serializers.CharField())
    last_sync_at = serializers.DateTimeField(allow_null=True)
    next_sync_at = serializers.DateTimeField(allow_null=True)
    records_synced = PipedriveRecordsShape()
    errors = serializers.IntegerField(help_text="Rejected rows that wait for a person.")  # type: ignore[assignment]
    warnings = serializers.ListField(child=serializers.CharField())
    queue_depth = serializers.IntegerField()
    oldest_queued_seconds = serializers.IntegerField(allow_null=True)
    conflicts = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    budget = PipedriveBudgetShape(allow_null=True)
    schedule = serializers.ChoiceField(choices=SCHEDULES, allow_null=True)
    running = serializers.UUIDField(allow_null=True, help_text="The run under way.")

    def to_representation(self, instance: Status) -> dict[str, Any]:
        plain = ("connected", "state", "health", "last_sync_at", "next_sync_at", "records_synced", "errors")
        told = {name: getattr(instance, name) for name in plain}
        told |= {"reasons": list(instance.reasons), "warnings": list(instance.warnings)}
        counted = ("queue_depth", "oldest_queued_seconds", "conflicts", "duplicates", "schedule")
        told |= {name: getattr(instance, name) for name in counted}
        told["budget"] = PipedriveBudgetShape(instance.budget).data if instance.budget else None
        return told | {"running": str(instance.running.pk) if instance.running else None}


class PipedriveSyncBody(StrictSerializer):
    mode = serializers.ChoiceField(choices=["incremental", "full"], default="incremental")
    dry_run = serializers.BooleanField(default=False, help_text="Plan only: nothing is written.")


class PipedriveRunShape(serializers.ModelSerializer[PipedriveRun]):
    mode = serializers.ChoiceField(choices=PipedriveRun.Mode.values)
    state = serializers.ChoiceField(choices=PipedriveRun.State.choices)
    counts = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = PipedriveRun
        fields = [
            *("id", "mode", "trigger", "dry_run", "state", "phase", "counts", "calls", "tokens", "planned_tokens"),
            *("hwm_before", "hwm_after", "error", "started_by", "created_at", "started_at", "finished_at"),
        ]


class PipedriveExchangeShape(serializers.Serializer[Any]):
    """`status` and `answer` are null where no answer came."""

    call = serializers.CharField()
    path = serializers.CharField()
    params = serializers.DictField()
    request = serializers.JSONField(allow_null=True)
    status = serializers.IntegerField(allow_null=True)
    answer = serializers.JSONField(allow_null=True)


class PipedriveWholeRunShape(PipedriveRunShape):
    """`exchanges`: of the test of a profile, every call with its request and answer."""

    exchanges = PipedriveExchangeShape(many=True)

    class Meta(PipedriveRunShape.Meta):
        fields = [*PipedriveRunShape.Meta.fields, "profile_id", "exchanges"]


class PipedriveRunPageShape(PageShape):
    results = PipedriveRunShape(many=True)


class PipedriveRowShape(serializers.ModelSerializer[PipedriveRow]):
    action = serializers.ChoiceField(choices=PipedriveRow.Action.choices)
    state = serializers.ChoiceField(choices=PipedriveRow.State.choices)
    differences = serializers.ListField(child=serializers.DictField())
    request = serializers.JSONField(allow_null=True)

    class Meta:
        model = PipedriveRow
        fields = [
            *("id", "run", "kind", "action", "state", "local_id", "remote_id", "title", "differences", "request"),
            *("response_code", "error", "at"),
        ]


class PipedriveRowPageShape(PageShape):
    results = PipedriveRowShape(many=True)


class PipedriveLineShape(serializers.ModelSerializer[PipedriveField]):
    """`local` as segments write fields; `code` is Pipedrive's field code."""

    direction = serializers.ChoiceField(choices=DIRECTIONS)
    rule = serializers.ChoiceField(choices=RULES)

    class Meta:
        model = PipedriveField
        fields = ["local", "code", "remote_name", "remote_type", "direction", "rule", "enabled", "problem"]


class PipedriveOurFieldShape(serializers.Serializer[Any]):
    local = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    kind = serializers.CharField()


class PipedriveTheirFieldShape(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()


class PipedriveMissingShape(serializers.Serializer[Any]):
    local = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()


class PipedriveMappingShape(serializers.Serializer[Any]):
    fields = PipedriveLineShape(many=True)  # type: ignore[assignment]
    missing = PipedriveMissingShape(many=True, help_text="Custom fields of the default mapping that Pipedrive lacks.")
    stratum_fields = PipedriveOurFieldShape(many=True)
    pipedrive_fields = PipedriveTheirFieldShape(many=True)


class PipedriveLineBody(serializers.Serializer[Any]):
    local = serializers.CharField()
    code = serializers.CharField()
    direction = serializers.ChoiceField(choices=DIRECTIONS, default="to_pipedrive")
    rule = serializers.ChoiceField(choices=RULES, default="stratum_wins")
    enabled = serializers.BooleanField(default=True)


class PipedriveMappingBody(serializers.Serializer[Any]):
    fields = PipedriveLineBody(many=True)  # type: ignore[assignment]


class PipedriveCreateFieldsBody(StrictSerializer):
    fields = serializers.ListField(  # type: ignore[assignment]
        child=serializers.CharField(max_length=200),
        required=False,
        max_length=60,
        help_text="Fields of ours, such as traits.total_spend; all that the default mapping lacks without it.",
    )


class PipedriveCreatedFieldsShape(serializers.Serializer[Any]):
    created = serializers.ListField(child=serializers.CharField())


class PipedriveActivityBody(serializers.Serializer[Any]):
    event = serializers.CharField()
    type = serializers.CharField(default="task", help_text="Pipedrive's key of the activity type.")


class PipedriveSettingsBody(serializers.Serializer[Any]):
    objects = serializers.ListField(child=serializers.ChoiceField(choices=OBJECTS), required=False)
    direction = serializers.ChoiceField(choices=DIRECTIONS, required=False, help_text="Of profiles and persons.")
    schedule = serializers.ChoiceField(choices=SCHEDULES, required=False)
    segment = serializers.UUIDField(allow_null=True, required=False, help_text="Only its members go out.")
    activities = PipedriveActivityBody(many=True, required=False)
    activity_cap = serializers.IntegerField(required=False, help_text="Activities a day and event name.")
    labels = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="Segments.")
    deal_event = serializers.ChoiceField(choices=DEAL_EVENTS, required=False)
    counts_archived = serializers.BooleanField(required=False)
    rates = serializers.DictField(child=serializers.CharField(), required=False)
    budget_share = serializers.IntegerField(required=False, help_text="Percent of the company's daily tokens.")


class PipedriveSettingsShape(PipedriveSettingsBody):
    def to_representation(self, instance: PipedriveConnection) -> dict[str, Any]:
        plain = ("direction", "schedule", "activity_cap", "deal_event", "counts_archived", "rates", "budget_share")
        return {
            "objects": instance.objects_synced,
            "segment": str(instance.segment_id) if instance.segment_id else None,
            "activities": [{"event": one["event"], "type": one["type"]} for one in instance.activity_events],
            "labels": [str(label.segment_id) for label in queries.labels(instance)],
            **{name: getattr(instance, name) for name in plain},
        }


class PipedriveCandidateShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    emails = serializers.CharField()
    phones = serializers.CharField()
    linked_to = serializers.IntegerField(allow_null=True, help_text="The profile that it is linked with.")


class PipedriveDuplicateShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    reason = serializers.CharField()
    profile = serializers.IntegerField(allow_null=True)
    other_profile = serializers.IntegerField(allow_null=True)
    persons = PipedriveCandidateShape(many=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: DuplicateCard) -> dict[str, Any]:
        one = instance.duplicate
        return {
            "id": one.pk,
            "reason": one.reason,
            "profile": one.local_id,
            "other_profile": one.other_id,
            "persons": PipedriveCandidateShape(instance.persons, many=True).data,
            "created_at": one.created_at,
        }


class PipedriveDuplicatePageShape(PageShape):
    results = PipedriveDuplicateShape(many=True)


class PipedriveConflictShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    profile = serializers.IntegerField()
    field = serializers.CharField()
    stratum = serializers.JSONField(allow_null=True)
    pipedrive = serializers.JSONField(allow_null=True)
    winner = serializers.CharField(help_text="stratum or pipedrive.")
    rule = serializers.ChoiceField(choices=RULES)
    at = serializers.DateTimeField()

    def to_representation(self, instance: ConflictCard) -> dict[str, Any]:
        one = instance.conflict
        return {
            "id": one.pk,
            "profile": instance.profile,
            "field": one.local,
            "stratum": one.ours,
            "pipedrive": one.theirs,
            "winner": one.winner,
            "rule": one.rule,
            "at": one.at,
        }


class PipedriveConflictPageShape(PageShape):
    results = PipedriveConflictShape(many=True)


class PipedriveReceivedShape(serializers.Serializer[Any]):
    received = serializers.BooleanField(help_text="False for a repeat.")


class PipedriveResolveBody(StrictSerializer):
    choice = serializers.ChoiceField(choices=duplicates.CHOICES)
    person = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    profile = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST, help_text="Where there are two.")


class PipedriveResolvedShape(serializers.ModelSerializer[PipedriveDuplicate]):
    state = serializers.ChoiceField(choices=PipedriveDuplicate.State.choices)

    class Meta:
        model = PipedriveDuplicate
        fields = ["id", "state", "resolution"]


class PipedriveTestBody(StrictSerializer):
    profile = serializers.IntegerField(min_value=1, max_value=LARGEST)
