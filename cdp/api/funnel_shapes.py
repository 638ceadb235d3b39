"""What funnels look like on the wire. Writing bodies are documented here and read by `cdp.definitions`."""

from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.definitions.funnel_questions import DEFAULT_LIMIT, MAX_LIMIT, Interval
from cdp.definitions.funnels import Counting, Mode
from cdp.engine.funnels import Rest
from cdp.models import Funnel
from cdp.queries.funnel_results import FunnelResult
from cdp.queries.funnel_views import TrendResult
from stratum.lib import periods
from stratum.lib.periods import Period

MODES: tuple[Mode, ...] = ("ordered", "strict", "any_order")
COUNTINGS: tuple[Counting, ...] = ("unique", "totals")
INTERVALS: tuple[Interval, ...] = ("day", "week", "month")
EVENT = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
    ],
    "description": "One event name, a list of names of which any counts, or `*` for any event.",
}


@extend_schema_field(EVENT)
class EventField(serializers.JSONField):
    """A name or a list of names."""


@extend_schema_field(OpenApiTypes.OBJECT)
class FilterField(serializers.JSONField):
    """A predicate: `{"property": …, "op": …, "value": …}`, or `and`, `or`, `not`, `any_item` of such."""


@extend_schema_field({"description": "JSON; null for the missing one, `__other__` for all beyond the limit."})
class ValueField(serializers.JSONField):
    """A value of a breakdown."""

    def to_representation(self, value: Any) -> Any:
        return value.value if isinstance(value, Rest) else value


class StepShape(serializers.Serializer[Any]):
    event = EventField()
    label = serializers.CharField(required=False, max_length=120)  # type: ignore[assignment]
    where = FilterField(required=False)
    max_gap = serializers.CharField(
        required=False, help_text="Time Window: the longest time from the previous step, such as P1D."
    )


class ExclusionShape(serializers.Serializer[Any]):
    event = EventField()
    where = FilterField(required=False)
    between = serializers.ListField(
        child=serializers.IntegerField(min_value=0), min_length=2, max_length=2, help_text="Two 0-based step indexes."
    )


class DefinitionShape(serializers.Serializer[Any]):
    steps = serializers.ListField(child=StepShape(), min_length=2, max_length=20)
    mode = serializers.ChoiceField(MODES, required=False, default="ordered")
    window = serializers.CharField(required=False, default="P7D", help_text="Conversion Window, 1 second to 366 days.")
    counting = serializers.ChoiceField(COUNTINGS, required=False, default="unique")
    exclusions = ExclusionShape(many=True, required=False)


class FunnelBody(DefinitionShape):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)


class FunnelPatch(FunnelBody):
    """Any of the fields; what is left out stays."""

    name = serializers.CharField(required=False, max_length=120)
    steps = serializers.ListField(child=StepShape(), required=False, min_length=2, max_length=20)


class FunnelShape(DefinitionShape):
    id = serializers.UUIDField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField(help_text="Grows with each change of the definition.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Funnel) -> dict[str, Any]:
        return {
            "id": str(instance.pk),
            "name": instance.name,
            "description": instance.description,
            **instance.definition,
            "version": instance.version,
            "created_by": str(instance.created_by) if instance.created_by else None,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "archived_at": instance.archived_at,
        }


def local(instant: datetime, period: Period) -> datetime:
    return instant.astimezone(period.zone)


class FunnelPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = FunnelShape(many=True)


class FunnelNameShape(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)


class PeriodShape(serializers.Serializer[Any]):
    """Both ends are inside."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is no name that Python lets a class have."""
        return {
            "from": serializers.DateTimeField(),
            "to": serializers.DateTimeField(),
            "time_zone": serializers.CharField(),
        }

    def to_representation(self, instance: Period) -> dict[str, Any]:
        return {
            "from": instance.first_instant.isoformat(),
            "to": instance.last_instant.isoformat(),
            "time_zone": instance.zone.key,
        }


class StepResultShape(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]
    event = EventField()
    count = serializers.IntegerField()
    conversion_from_start = serializers.FloatField()
    conversion_from_previous = serializers.FloatField()
    drop_off = serializers.IntegerField(help_text="Lost between this step and the next; 0 for the last.")
    drop_off_rate = serializers.FloatField()
    average_seconds = serializers.FloatField(allow_null=True, help_text="From the previous step.")
    median_seconds = serializers.FloatField(allow_null=True)


class FunnelNumbersShape(serializers.Serializer[Any]):
    steps = StepResultShape(many=True)
    entered = serializers.IntegerField()
    converted = serializers.IntegerField()
    overall_conversion = serializers.FloatField()
    average_seconds_to_convert = serializers.FloatField(allow_null=True)
    median_seconds_to_convert = serializers.FloatField(allow_null=True)
    in_progress = serializers.IntegerField(help_text="Not converted yet, with an entry whose window is still open.")


class BreakdownValueShape(FunnelNumbersShape):
    value = ValueField()
    previous = FunnelNumbersShape(
        allow_null=True, help_text="The same value in the previous period, with compare=previous."
    )


class BreakdownShape(serializers.Serializer[Any]):
    by = serializers.CharField()
    attribution = serializers.CharField(allow_null=True, help_text="Null where the value is the profile's.")
    values = BreakdownValueShape(many=True)


class AskedShape(serializers.Serializer[Any]):
    """Which funnel was asked, about when."""

    funnel = FunnelNameShape()
    period = PeriodShape()
    as_of = serializers.SerializerMethodField()
    counting = serializers.ChoiceField(COUNTINGS)

    def get_as_of(self, result: Any) -> datetime:
        return local(result.as_of, result.period)


class MannerShape(AskedShape):
    mode = serializers.ChoiceField(MODES)
    window = serializers.SerializerMethodField()

    def get_window(self, result: FunnelResult | TrendResult) -> str:
        return periods.format_duration(result.window)


class PreviousShape(MannerShape, FunnelNumbersShape):
    """Of the whole funnel."""


class ResultShape(PreviousShape):
    breakdown = BreakdownShape(allow_null=True)
    previous = PreviousShape(allow_null=True, help_text="The period of equal length right before.")


class LocalField(serializers.DateTimeField):
    """An instant that comes in the workspace's time zone and stays there."""

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()


class TrendBucketShape(serializers.Serializer[Any]):
    start = LocalField(help_text="Local time of the workspace.")
    end = LocalField(help_text="Excluded.")
    is_open = serializers.BooleanField(help_text="Some of those who entered may still convert.")
    is_partial = serializers.BooleanField(help_text="The period has only a part of this day, week or month.")
    entered = serializers.IntegerField()
    converted = serializers.IntegerField()
    conversion = serializers.FloatField()
    counts = serializers.ListField(child=serializers.IntegerField(), help_text="Per step.")
    median_seconds = serializers.FloatField(allow_null=True)


class PreviousTrendShape(MannerShape):
    interval = serializers.ChoiceField(INTERVALS)
    buckets = TrendBucketShape(many=True, help_text="By entry. A user counts once in every bucket entered.")


class TrendShape(PreviousTrendShape):
    previous = PreviousTrendShape(allow_null=True, help_text="The period of equal length right before.")


class BinShape(serializers.Serializer[Any]):
    start_seconds = serializers.IntegerField()
    end_seconds = serializers.IntegerField(help_text="Excluded.")
    count = serializers.IntegerField()


class PreviousTimesShape(AskedShape):
    step = serializers.IntegerField(allow_null=True, help_text="Null for the time from the first step to the last.")
    count = serializers.IntegerField()
    average = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    p10 = serializers.FloatField(allow_null=True)
    p25 = serializers.FloatField(allow_null=True)
    p75 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    bins = BinShape(many=True, help_text="Their counts add up to `count`.")


class TimesShape(PreviousTimesShape):
    """All times in seconds."""

    previous = PreviousTimesShape(allow_null=True, help_text="The period of equal length right before.")


class PersonShape(serializers.Serializer[Any]):
    profile = serializers.IntegerField(source="profile.id")
    name = serializers.CharField(source="profile.name")
    identifiers = serializers.DictField(
        source="profile.identifiers",
        child=serializers.ListField(child=serializers.CharField()),
        help_text="By kind: user_id, email, phone, anonymous_id, external:<type>; the oldest first.",
    )
    entered_at = serializers.DateTimeField()
    last_step = serializers.IntegerField(help_text="0-based; in any order, the number of steps done, less one.")
    last_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="The time that seconds_min and seconds_max are about.")


class PeopleShape(AskedShape):
    total = serializers.IntegerField(help_text="The number that is shown elsewhere: of users, or of attempts.")
    profiles = serializers.IntegerField(help_text="How many different ones these are.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = PersonShape(many=True, source="people")


class PreviewFunnel(FunnelBody):
    """A funnel that need not have a name yet."""

    name = serializers.CharField(required=False, max_length=120)


class PreviewBody(serializers.Serializer[Any]):
    funnel = PreviewFunnel()
    window = serializers.CharField(required=False)
    counting = serializers.ChoiceField(COUNTINGS, required=False)
    breakdown = serializers.CharField(required=False)
    attribution = serializers.CharField(required=False, default="first_touch")
    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)
    segment = serializers.UUIDField(required=False)
    compare = serializers.ChoiceField(("previous",), required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        ends = {
            "from": serializers.CharField(required=False, help_text="A date or an instant; the default is 30 days."),
            "to": serializers.CharField(required=False),
        }
        return {**super().get_fields(), **ends}
