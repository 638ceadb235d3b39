"""What profiles and events look like on the wire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.models import Change, Event, Kind, RejectedItem
from cdp.queries import segments, served_traits
from cdp.queries.events import Arrival
from cdp.queries.profiles import ProfileCard, TimelineItem
from cdp.services.aliases import MOST_LINES
from cdp.tracking.read import LONGEST_NAME
from stratum.lib.serializers import StrictSerializer
from stratum.workspaces.models import Workspace

STAGES = ("anonymous", "known", "customer", "churned")
METHODS = [kind.name.lower() for kind in Kind]
MOST_VOIDED = 1_000
LONGEST_REASON = 500


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.JSONField):
    """Any JSON object."""


class ProfileShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    identifiers = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="By kind: user_id, email, phone, anonymous_id, external:<type>; the oldest first.",
    )
    attributes = ObjectField()
    traits = ObjectField(help_text="Computed traits by name; those without a value for this profile are left out.")
    segments = serializers.ListField(child=serializers.CharField(), help_text="Ids of the segments it is in.")
    lifecycle_stage = serializers.ChoiceField(STAGES)
    created_at = serializers.DateTimeField(help_text="Time of the first event.")
    last_seen_at = serializers.DateTimeField(allow_null=True)
    events = serializers.IntegerField(help_text="Events that count.")
    purchases = serializers.IntegerField()

    def to_representation(self, instance: "Line") -> dict[str, Any]:
        card = instance.card
        return {
            "id": card.id,
            "identifiers": card.identifiers,
            "attributes": card.attributes,
            "traits": instance.traits,
            "segments": [str(segment) for segment in instance.segments],
            "lifecycle_stage": card.lifecycle_stage,
            "created_at": card.created_at,
            "last_seen_at": card.facts.last_seen_at,
            "events": card.facts.events,
            "purchases": card.facts.purchases,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """A profile with what other rooms say of it now."""

    card: ProfileCard
    segments: Sequence[UUID]
    traits: Mapping[str, Any]


def profile_line(workspace: Workspace, card: ProfileCard, *, now: datetime) -> dict[str, Any]:
    return profile_lines(workspace, [card], now=now)[0]


def profile_lines(workspace: Workspace, cards: Sequence[ProfileCard], *, now: datetime) -> list[dict[str, Any]]:
    """Cards as the API writes them; one query for the segments of all, and two for their traits."""
    keys = [card.id for card in cards]
    found, traits = segments.ids_of(keys), served_traits.current(workspace, keys, now=now)
    lines = [Line(card, found.get(card.id, ()), traits.get(card.id, {})) for card in cards]
    return list(ProfileShape(lines, many=True).data)


class MergeShape(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="What `split` is told.")
    profile = serializers.IntegerField(help_text="The profile that was merged into this one.")
    at = serializers.DateTimeField()

    def to_representation(self, instance: Change) -> dict[str, Any]:
        return {"id": instance.pk, "profile": instance.profile_id, "at": instance.at}


class WholeProfileShape(ProfileShape):
    merges = MergeShape(many=True, help_text="Those that can be split.")

    def to_representation(self, instance: tuple[Mapping[str, Any], list[Change]]) -> dict[str, Any]:  # type: ignore[override]
        """The profile's line, and its merges."""
        line, merges = instance
        return {**line, "merges": MergeShape(merges, many=True).data}


class ProfilePageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProfileShape(many=True)


class EventShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    message_id = serializers.CharField()
    profile = serializers.IntegerField(help_text="At ingestion; a merged one leads to its survivor.")
    kind = serializers.ChoiceField(METHODS)
    name = serializers.CharField(help_text="What it is counted as.")
    original_name = serializers.CharField(help_text="What it was sent as.")
    timestamp = serializers.DateTimeField(help_text="When it happened; every question counts by this.")
    received_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    original_timestamp = serializers.DateTimeField(allow_null=True)
    properties = ObjectField(help_text="The traits, on identify and group.")
    context = ObjectField()  # type: ignore[assignment]
    platform = serializers.CharField(allow_null=True)
    device = serializers.CharField(allow_null=True)
    campaign = serializers.CharField(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    voided = serializers.BooleanField(help_text="No question counts it.")

    def to_representation(self, instance: TimelineItem) -> dict[str, Any]:
        return _event(instance.event, voided=instance.is_voided)


def _event(event: Event, *, voided: bool) -> dict[str, Any]:
    return {
        "id": event.pk,
        "message_id": event.message_id,
        "profile": event.profile_id,
        "kind": Kind(event.kind).name.lower(),
        "name": event.name,
        "original_name": event.original_name,
        "timestamp": event.ts,
        "received_at": event.received_at,
        "sent_at": event.sent_at,
        "original_timestamp": event.original_timestamp,
        "properties": event.properties,
        "context": event.context,
        "platform": event.platform,
        "device": event.device,
        "campaign": event.campaign,
        "flags": event.flags,
        "voided": voided,
    }


class EventPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = EventShape(many=True)


class RejectionShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    message_id = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    reason = serializers.CharField()
    item = serializers.CharField(help_text="As received, cut at 32 KB.")

    def to_representation(self, instance: RejectedItem) -> dict[str, Any]:
        return {
            "id": instance.pk,
            "message_id": instance.message_id,
            "code": instance.code,
            "reason": instance.reason,
            "item": instance.item,
        }


class ArrivalShape(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(("accepted", "rejected"))
    received_at = serializers.DateTimeField()
    name = serializers.CharField(allow_blank=True)
    source = serializers.CharField(allow_null=True, help_text="Name of the write key.")  # type: ignore[assignment]
    event = EventShape(allow_null=True)
    rejection = RejectionShape(allow_null=True)

    def to_representation(self, instance: Arrival) -> dict[str, Any]:
        event, rejected = instance.event, instance.rejected
        return {
            "outcome": "accepted" if event else "rejected",
            "received_at": instance.received_at,
            "name": instance.name,
            "source": instance.source or None,
            "event": _event(event, voided=instance.is_voided) if event else None,
            "rejection": RejectionShape(rejected).data if rejected else None,
        }


class ArrivalsShape(serializers.Serializer[Any]):
    results = ArrivalShape(many=True)


class VoidBody(StrictSerializer):
    message_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), min_length=1, max_length=MOST_VOIDED
    )
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, required=False, default="")


class VoidedShape(serializers.Serializer[Any]):
    voided = serializers.IntegerField(help_text="How many were not voided before.")
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Message ids under which no event is stored."
    )


class SplitBody(StrictSerializer):
    merge = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="The id of one of its merges.")


class AliasShape(serializers.Serializer[Any]):
    original = serializers.CharField(max_length=LONGEST_NAME, help_text="The name as sent.")
    name = serializers.CharField(max_length=LONGEST_NAME, help_text="What it is counted as.")

    def to_internal_value(self, data: Any) -> Any:
        """A refusal of its own would not know the place in the list."""
        unknown = sorted(data.keys() - self.fields.keys()) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field here."))
        return super().to_internal_value(data)


class DefaultAliasShape(serializers.Serializer[Any]):
    original = serializers.CharField()
    name = serializers.CharField()
    overridden = serializers.BooleanField(help_text="Whether the workspace has a line of its own for it.")


class AliasTableBody(StrictSerializer):
    aliases = serializers.ListField(child=AliasShape(), max_length=MOST_LINES)


class AliasTableShape(serializers.Serializer[Any]):
    aliases = AliasShape(many=True, source="own", help_text="The workspace's own lines; they win.")
    defaults = DefaultAliasShape(many=True)


def lines_of(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(line["original"], line["name"]) for line in body["aliases"]]
