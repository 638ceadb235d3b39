"""Serializers that refuse what they do not know."""

from typing import Any

from rest_framework import serializers

from stratum.lib import problems
from stratum.lib.refusal import Invalid


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields and text that PostgreSQL cannot store, each with its pointer."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            writable = [name for name, field in self.fields.items() if not field.read_only]
            faults = [*problems.unknown_fields(data, writable), *problems.unstorable(data)]
            if faults and self.parent is None:
                raise Invalid(faults)
            if faults:  # inside of another body: whoever holds it knows the rest of the pointer
                raise serializers.ValidationError({fault.pointer.strip("/"): fault.detail for fault in faults})
        return super().to_internal_value(data)


class ProblemFault(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457, for the schema: what every 4xx answer holds."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = ProblemFault(many=True)  # type: ignore[assignment]
