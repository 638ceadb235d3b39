"""What segments look like on the wire. Writing bodies are documented here and read by `cdp.definitions`."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.models import Segment


@extend_schema_field(OpenApiTypes.OBJECT)
class ConditionField(serializers.JSONField):
    """`{"type": "static", "ids": ["1000", …]}`: exactly these profiles."""


class SegmentBody(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    condition = ConditionField()
    include_anonymous = serializers.BooleanField(required=False, help_text="True, or left out, for a static list.")


class SegmentPatch(SegmentBody):
    """Any of the fields; what is left out stays."""

    name = serializers.CharField(required=False, max_length=120)
    condition = ConditionField(required=False)


class SegmentLineShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    type = serializers.CharField(help_text="Of its condition.")
    size = serializers.IntegerField(help_text="Live profiles that are in now.")
    include_anonymous = serializers.BooleanField()
    version = serializers.IntegerField(help_text="Grows with each change of the condition.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: tuple[Segment, int]) -> dict[str, Any]:
        segment, size = instance
        return {
            "id": str(segment.pk),
            "name": segment.name,
            "description": segment.description,
            "type": segment.condition["type"],
            "size": size,
            "include_anonymous": segment.include_anonymous,
            "version": segment.version,
            "created_by": str(segment.created_by) if segment.created_by else None,
            "created_at": segment.created_at,
            "updated_at": segment.updated_at,
            "archived_at": segment.archived_at,
        }


class SegmentShape(SegmentLineShape):
    condition = ConditionField()

    def to_representation(self, instance: tuple[Segment, dict[str, Any]]) -> dict[str, Any]:  # type: ignore[override]
        segment, condition = instance
        return {**super().to_representation((segment, len(condition["ids"]))), "condition": condition}


class SegmentPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SegmentLineShape(many=True)
