"""What segments look like on the wire. Writing bodies are documented here and read by `cdp.definitions`."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.profile_shapes import ProfileShape
from cdp.models import Segment
from cdp.queries.segment_preview import Preview


@extend_schema_field(OpenApiTypes.OBJECT)
class ConditionField(serializers.JSONField):
    """A node of the segment grammar, such as `{"type": "event", "event": "purchase", "window": {"last": "P30D"}}`;
    `{"type": "static", "ids": ["1000", …]}` is exactly these profiles."""


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
    status = serializers.CharField(help_text="computing, live or failed.")
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
            "status": segment.status,
            "created_by": str(segment.created_by) if segment.created_by else None,
            "created_at": segment.created_at,
            "updated_at": segment.updated_at,
            "archived_at": segment.archived_at,
        }


class SegmentShape(SegmentLineShape):
    condition = ConditionField()

    def to_representation(self, instance: tuple[Segment, int, dict[str, Any]]) -> dict[str, Any]:  # type: ignore[override]
        segment, size, condition = instance
        return {**super().to_representation((segment, size)), "condition": condition}


class SegmentPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SegmentLineShape(many=True)


class ConditionBody(serializers.Serializer[Any]):
    condition = ConditionField()
    include_anonymous = serializers.BooleanField(required=False)


class ExplainBody(serializers.Serializer[Any]):
    condition = ConditionField(required=False, help_text="Or `segment`.")
    segment = serializers.UUIDField(required=False, help_text="Or `condition`.")
    include_anonymous = serializers.BooleanField(required=False)
    profile = serializers.IntegerField(help_text="Its number.")


class BlockShape(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer of the node.")
    size = serializers.IntegerField(help_text="Who satisfies this node alone.")


class SegmentPreviewShape(serializers.Serializer[Any]):
    size = serializers.IntegerField()
    universe = serializers.IntegerField(help_text="Live profiles that may be in it.")
    rate = serializers.FloatField()
    identified = serializers.IntegerField()
    anonymous = serializers.IntegerField()
    blocks = BlockShape(many=True)
    sample = ProfileShape(many=True)
    as_of = serializers.DateTimeField()

    def to_representation(self, instance: tuple[Preview, list[dict[str, Any]]]) -> dict[str, Any]:
        found, sample = instance
        names = ("size", "universe", "rate", "identified", "anonymous", "as_of")
        told = {name: getattr(found, name) for name in names}
        return told | {"blocks": [{"path": one.path, "size": one.size} for one in found.blocks], "sample": sample}


class HappenedShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    timestamp = serializers.DateTimeField()
    properties = serializers.DictField()


class SegmentPartShape(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="JSON pointer of the node.")
    depth = serializers.IntegerField()
    sentence = serializers.CharField()
    holds = serializers.BooleanField()
    evidence = serializers.CharField(allow_blank=True)
    events = HappenedShape(many=True)


class SegmentWhyShape(serializers.Serializer[Any]):
    profile = serializers.IntegerField()
    is_in = serializers.BooleanField()
    parts = SegmentPartShape(many=True)
    as_of = serializers.DateTimeField()
