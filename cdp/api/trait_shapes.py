"""What computed traits look like on the wire. Writing bodies are documented here and read by `cdp.definitions`."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.models import Trait, TraitVersion

KINDS = ("aggregation", "most_frequent", "first", "last", "unique_count", "unique_list", "ratio")
FUNCTIONS = ("count", "sum", "avg", "min", "max")
CALCULATIONS = ("DAYS_SINCE", "HOURS_SINCE")
TIES = ("alphabetical", "most_recent")
FREQUENCIES = tuple(Trait.Frequency.values)
STATUSES = tuple(Trait.Status.values)
EVENT = {
    "oneOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        {
            "type": "object",
            "properties": {"prefix": {"type": "string", "minLength": 1}},
            "required": ["prefix"],
            "additionalProperties": False,
        },
    ],
    "description": 'One event name, a list of which any counts, `{"prefix": …}`, or `*` for any event.',
}


@extend_schema_field(EVENT)
class TraitEventField(serializers.JSONField):
    """A name, names, or a prefix."""


@extend_schema_field(OpenApiTypes.OBJECT)
class WindowField(serializers.JSONField):
    """`{"last": "P30D", "align": "rolling" | "day"}`, `{"between": ["P60D", "P30D"]}`, `{"before": "P30D"}`,
    `{"calendar": "last_month"}`, or `{"from": …, "to": …}`. Without one all time counts."""


@extend_schema_field(OpenApiTypes.OBJECT)
class PredicateField(serializers.JSONField):
    """`{"property": …, "op": …, "value": …}`, or `and`, `or`, `not`, `any_item` of such."""


@extend_schema_field(OpenApiTypes.OBJECT)
class ProfileFilterField(serializers.JSONField):
    """A condition on the profile: `and`, `or`, `not`, `all`, `profile`, `profile_item`. Who fails it has no value."""


@extend_schema_field({"description": "JSON: number, text, true or false, list, or an instant as ISO 8601."})
class AnyField(serializers.JSONField):
    """A value."""


class PartShape(serializers.Serializer[Any]):
    event = TraitEventField()
    where = PredicateField(required=False, allow_null=True)
    window = WindowField(required=False, allow_null=True)


class TraitDefinitionShape(serializers.Serializer[Any]):
    name = serializers.RegexField(r"^[a-z][a-z0-9_]{0,63}$")
    label = serializers.CharField(required=False, allow_blank=True, max_length=120)  # type: ignore[assignment]
    description = serializers.CharField(required=False, allow_blank=True, max_length=2000)
    kind = serializers.ChoiceField(KINDS)
    fn = serializers.ChoiceField(FUNCTIONS, required=False, allow_null=True, help_text="Of an aggregation.")
    event = TraitEventField(required=False, allow_null=True, help_text="None of a ratio, whose parts have their own.")
    property = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="Dotted paths lead into objects; `timestamp` is the event's own time.",
    )
    where = PredicateField(required=False, allow_null=True)
    window = WindowField(required=False, allow_null=True)
    numerator = PartShape(required=False, allow_null=True, help_text="Of a ratio.")
    denominator = PartShape(required=False, allow_null=True)
    calculation = serializers.ChoiceField(CALCULATIONS, required=False, allow_null=True)
    min_count = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    tie = serializers.ChoiceField(TIES, required=False, allow_null=True)
    default = AnyField(required=False, help_text="The value where nothing is counted.")
    currency = serializers.CharField(
        required=False, allow_null=True, help_text="Only money of this currency counts; other money is skipped."
    )
    profile_filter = ProfileFilterField(required=False, allow_null=True)
    frequency = serializers.ChoiceField(FREQUENCIES, required=False, default="realtime")


class TraitBody(TraitDefinitionShape):
    """A definition, or instead of it the tutorial's YAML as the only field `yaml`."""

    yaml = serializers.CharField(required=False, help_text="`Name: …`, `Type: …` and so on, instead of all else.")
    draft = serializers.BooleanField(required=False, default=False, help_text="Save it without computing values.")
    name = serializers.RegexField(r"^[a-z][a-z0-9_]{0,63}$", required=False)
    kind = serializers.ChoiceField(KINDS, required=False)


class TraitPatch(TraitBody):
    """Any of the fields; what is left out stays, and null takes a field away."""

    draft = None  # type: ignore[assignment]


class CoverageShape(serializers.Serializer[Any]):
    profiles = serializers.IntegerField(allow_null=True, help_text="Live profiles; null before the first computation.")
    with_value = serializers.IntegerField(
        allow_null=True, help_text="Those of whom something was counted and made a value."
    )
    rate = serializers.FloatField(allow_null=True)


class DependentShape(serializers.Serializer[Any]):
    kind = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    url = serializers.CharField()


class TraitShape(TraitDefinitionShape):
    event = TraitEventField(allow_null=True, help_text="None of a ratio, whose parts have their own.")
    id = serializers.UUIDField()
    status = serializers.ChoiceField(STATUSES)
    is_system = serializers.BooleanField(help_text="Ready-made: cannot be changed and takes no place in the plan.")
    version = serializers.IntegerField(allow_null=True, help_text="The one that serves.")
    next_version = serializers.IntegerField(allow_null=True, help_text="The one being computed.")
    coverage = CoverageShape()
    skipped_values = serializers.IntegerField(help_text="Values that are no numbers where numbers are needed.")
    skipped_currencies = serializers.DictField(
        child=serializers.IntegerField(), help_text="Events left out, by their currency."
    )
    used_by = DependentShape(many=True)
    last_computed_at = serializers.DateTimeField(allow_null=True)
    as_of = serializers.DateTimeField(allow_null=True, help_text="The values are those of this instant.")
    next_run_at = serializers.DateTimeField(allow_null=True, help_text="Of hourly and daily traits.")
    error = serializers.CharField(allow_null=True, help_text="Why the last computation failed.")
    job = serializers.UUIDField(allow_null=True, help_text="The latest computation: `/api/v1/jobs/{id}`.")
    sentence = serializers.CharField(help_text="The definition in words.")
    yaml = serializers.CharField(help_text="The definition as the tutorial writes it.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: "tuple[Trait, dict[str, Any]]") -> dict[str, Any]:
        """`more`: what is asked elsewhere, `used_by`, `sentence` and `yaml`."""
        trait, more = instance
        return {
            "id": str(trait.pk),
            **definition_json(trait.definition),
            "name": trait.name,
            "label": trait.label,
            "description": trait.description,
            "status": trait.status,
            "is_system": trait.is_system,
            "version": trait.version,
            "next_version": trait.next_version,
            "coverage": coverage_json(trait.profiles, trait.profiles_with_value),
            "skipped_values": trait.skipped_values,
            "skipped_currencies": trait.skipped_currencies,
            "last_computed_at": trait.last_computed_at,
            "as_of": trait.as_of,
            "next_run_at": trait.next_run_at,
            "error": trait.error or None,
            "job": str(trait.job_id) if trait.job_id else None,
            "created_by": str(trait.created_by) if trait.created_by else None,
            "created_at": trait.created_at,
            "updated_at": trait.updated_at,
            **more,
        }


def definition_json(definition: dict[str, Any]) -> dict[str, Any]:
    """With every field that the shape has, null where the definition says nothing."""
    return {name: definition.get(name) for name in map(str, TraitDefinitionShape().fields)}


def coverage_json(profiles: int | None, with_value: int | None) -> dict[str, Any]:
    rate = with_value / profiles if profiles and with_value is not None else None
    return {"profiles": profiles, "with_value": with_value, "rate": rate}


class WarningShape(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField()


class TraitWrittenShape(TraitShape):
    warnings = WarningShape(many=True, help_text="What is allowed, but perhaps not meant: events never seen.")


class TraitPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = TraitShape(many=True)


class VersionShape(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    definition = TraitDefinitionShape()
    sentence = serializers.CharField()
    yaml = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    serves = serializers.BooleanField(help_text="Whether its values are the ones that everybody reads.")
    backfilled_at = serializers.DateTimeField(allow_null=True, help_text="When its values were complete first.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: "tuple[TraitVersion, dict[str, Any]]") -> dict[str, Any]:
        version, more = instance
        return {
            "number": version.number,
            "definition": definition_json(version.definition),
            "note": version.note,
            "backfilled_at": version.backfilled_at,
            "created_by": str(version.created_by) if version.created_by else None,
            "created_at": version.created_at,
            **more,
        }


class VersionPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = VersionShape(many=True)


class UsedTraitShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]


class DependenciesShape(serializers.Serializer[Any]):
    uses = UsedTraitShape(many=True, help_text="Traits that its filter asks for.")
    used_by = DependentShape(many=True, help_text="Segments and all else that asks for it: it cannot be deleted.")


class ValueShape(serializers.Serializer[Any]):
    profile = serializers.IntegerField()
    value = AnyField()
    changed_at = serializers.DateTimeField(allow_null=True, help_text="Null where nothing was ever counted.")


class ValuePageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    as_of = serializers.DateTimeField(allow_null=True)
    results = ValueShape(many=True)


class ValueBinShape(serializers.Serializer[Any]):
    start = AnyField()
    end = AnyField(help_text="Excluded, but in the last bin.")
    count = serializers.IntegerField()


class ShareShape(serializers.Serializer[Any]):
    value = AnyField()
    count = serializers.IntegerField()
    rate = serializers.FloatField(help_text="Of the profiles with a value.")


class DistributionShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(("numbers", "instants", "values"))
    count = serializers.IntegerField(help_text="Profiles with a value.")
    least = AnyField()
    p10 = serializers.FloatField(allow_null=True)
    p25 = serializers.FloatField(allow_null=True)
    median = AnyField()
    p75 = serializers.FloatField(allow_null=True)
    p90 = serializers.FloatField(allow_null=True)
    most = AnyField()
    average = serializers.FloatField(allow_null=True)
    bins = ValueBinShape(many=True)
    values = ShareShape(many=True)
    others = serializers.IntegerField(help_text="Profiles with other values than those listed.")
    distinct = serializers.IntegerField(allow_null=True)


class AnalysisShape(serializers.Serializer[Any]):
    """Profiles by what the trait says of them, from the stored values."""

    as_of = serializers.DateTimeField(allow_null=True)
    coverage = CoverageShape()
    distribution = DistributionShape()


class CountedEventShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
    timestamp = serializers.DateTimeField()
    value = AnyField(help_text="Of the trait's property.")
    part = serializers.CharField(help_text="`numerator` or `denominator` of a ratio, else `event`.")
    gave_value = serializers.BooleanField(help_text="Of first, last, min and max: the event whose value it is.")
    skipped = serializers.CharField(allow_null=True, help_text="Why its value does not count; null where it does.")


class SampleShape(serializers.Serializer[Any]):
    profile = serializers.IntegerField()
    name = serializers.CharField()
    value = AnyField()
    events_counted = serializers.IntegerField()
    events = CountedEventShape(many=True, help_text="The latest of them.")


class PreviewShape(serializers.Serializer[Any]):
    coverage = CoverageShape()
    distribution = DistributionShape()
    skipped_values = serializers.IntegerField()
    skipped_currencies = serializers.DictField(
        child=serializers.IntegerField(), help_text="Events left out, by their currency."
    )
    would_change = serializers.IntegerField(help_text="Profiles whose value would be another one than now.")
    would_change_of = serializers.IntegerField(
        allow_null=True, help_text="How many profiles were compared where `would_change` is an estimate from a sample."
    )
    sample = SampleShape(many=True)
    sentence = serializers.CharField()
    yaml = serializers.CharField()
    as_of = serializers.DateTimeField()
    warnings = WarningShape(many=True)


class WhyShape(serializers.Serializer[Any]):
    """Why a profile's value is what it is."""

    profile = serializers.IntegerField()
    value = AnyField()
    reason = serializers.CharField()
    events_counted = serializers.IntegerField()
    events = CountedEventShape(many=True, help_text="The latest of them.")
    as_of = serializers.DateTimeField()
