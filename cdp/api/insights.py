"""/api/v1/cdp/funnels/<id>/insights: what stands out in a funnel, with its evidence."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.definitions import funnel_questions as questions
from cdp.models import Funnel
from cdp.queries import funnels as queries
from cdp.queries.insights import Insights, incomplete
from cdp.services import insights as services
from stratum.lib import periods, problems
from stratum.lib.refusal import Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.api.workspace import JobShape
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Job

FIELDS = ("from", "to", "window", "segment")
PARAMETERS = [
    OpenApiParameter("from", str, description="First date (its whole day in the workspace's time zone) or instant."),
    OpenApiParameter("to", str, description="Last date or instant, included. Default: the last 30 days."),
    OpenApiParameter("window", str, description="Replaces the Conversion Window, such as P14D."),
    OpenApiParameter("segment", str, description="Only its members, by its id."),
]


@extend_schema_field(OpenApiTypes.ANY)
class ValueField(serializers.JSONField):
    """The value of a dimension, as in a breakdown."""


class JudgedShape(serializers.Serializer[Any]):
    first = serializers.DateField()
    last = serializers.DateField()


class NumbersShape(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    of = serializers.IntegerField()
    rate = serializers.FloatField()
    low = serializers.FloatField(help_text="Lower end of the 95 % Wilson interval.")
    high = serializers.FloatField()


class EvidenceShape(serializers.Serializer[Any]):
    observed = NumbersShape()
    usual = NumbersShape(help_text="The weeks or days before, or the rest.")
    expected = serializers.FloatField(help_text="The rate were there nothing to find: of the rest, or as usual.")
    difference = serializers.FloatField()
    lift = serializers.FloatField(allow_null=True)
    people = serializers.IntegerField(help_text="More than at the expected rate; below 0: fewer.")
    test = serializers.CharField()
    p = serializers.FloatField()
    corrected_p = serializers.FloatField(help_text="After Benjamini and Hochberg, over everything tested.")
    minimum_data = serializers.CharField()


class FindingShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(("step", "period", "group"))
    direction = serializers.ChoiceField(("better", "worse"))
    sentence = serializers.CharField()
    recommendation = serializers.CharField()
    link = serializers.CharField(help_text="The page that shows it.")
    evidence = EvidenceShape()
    step = serializers.IntegerField(allow_null=True, help_text="0-based, from which people leave.")
    by = serializers.CharField(allow_null=True)
    value = ValueField(allow_null=True)
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)


class ShortageShape(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(("step", "period", "group", "all"))
    sentence = serializers.CharField()


class InsightsShape(serializers.Serializer[Any]):
    judged = JudgedShape(allow_null=True, help_text="The complete days of the range; null when there are none.")
    complete_until = serializers.DateField(help_text="The last day whose entries have had their whole window.")
    window = serializers.CharField()
    as_of = serializers.DateTimeField()
    time_zone = serializers.CharField()
    counting = serializers.CharField(help_text="Always `unique`: users, whatever the funnel counts.")
    false_discovery_rate = serializers.FloatField(
        help_text="The share of false ones among findings, at most and on average."
    )
    tested = serializers.IntegerField(help_text="How many tests the correction is for.")
    findings = FindingShape(many=True)
    not_enough_data = ShortageShape(many=True)


class FunnelInsightsApi(APIView):
    right = "view"

    @extend_schema(
        tags=["Funnels"],
        summary="Insights of a funnel",
        description="Steps with unusual drop-off, weak periods, and groups that convert better or worse than the rest. "
        "Where the events are many, a job makes them: ask again when it has ended.",
        parameters=PARAMETERS,
        responses={
            200: InsightsShape,
            202: JobShape,
            401: Problem,
            403: Problem,
            404: Problem,
            422: Problem,
        },
    )
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        answer = services.ask(
            workspace=request.workspace, by=request.actor, funnel=funnel, question=_question(request), now=request.now
        )
        if isinstance(answer, Job):
            where = request.build_absolute_uri(reverse("api_job", args=[answer.pk]))
            return Response({**JobShape(answer).data, "url": where}, status=202, headers={"Location": where})
        return Response(InsightsShape(shaped(answer, funnel)).data)


def _question(request: ApiRequest) -> questions.Question:
    fields = request.query_params.dict()
    try:
        if faults := problems.unknown_fields(fields, FIELDS):
            raise Invalid(faults)
        return questions.parse_question(fields, now=request.now, zone=queries.zone_of(request.workspace))
    except Invalid as refused:
        refused.status = 400
        raise


def shaped(insights: Insights, funnel: Funnel) -> dict[str, Any]:
    page = reverse("funnel_detail", args=[funnel.pk])
    missing = [{"kind": each.kind, "sentence": each.sentence} for each in insights.verdict.shortages]
    if sentence := incomplete(insights):
        missing.append({"kind": "all", "sentence": sentence})
    return {
        "judged": insights.judged,
        "complete_until": insights.complete_until,
        "window": periods.format_duration(insights.window),
        "as_of": insights.as_of,
        "time_zone": insights.time_zone,
        "counting": "unique",
        "false_discovery_rate": insights.verdict.false_discovery_rate,
        "tested": insights.verdict.tested,
        "findings": [
            {**asdict(finding), "link": f"{page}?{insights.query(finding.link)}"}
            for finding in insights.verdict.findings
        ],
        "not_enough_data": missing,
    }


urlpatterns = [
    route("api/v1/cdp/funnels/<uuid:funnel_id>/insights", FunnelInsightsApi.as_view(), "api_funnel_insights"),
]
