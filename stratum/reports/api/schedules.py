"""/api/v1/trust-layer/export-schedules: tables sent by e-mail again and again, and what became of each delivery."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.reports import queries
from stratum.reports.models import Delivery, DeliveryMessage, Export, ExportSchedule
from stratum.reports.services import deliveries
from stratum.reports.services import schedules as services
from stratum.reports.services.schedules import Wanted
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView

TAGS = ["Exports"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class ExportScheduleBody(StrictSerializer):
    name = serializers.CharField(max_length=120)
    exporter = serializers.CharField(max_length=60, default="audit_logs", help_text="Whose table it is.")
    filters = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True),
        default=dict,
        help_text="What the table's own export takes in its address, such as decision, or range for rolling days.",
    )
    format = serializers.ChoiceField(choices=Export.Format.choices, default="csv")
    frequency = serializers.ChoiceField(choices=ExportSchedule.Frequency.choices)
    weekday = serializers.IntegerField(min_value=0, max_value=6, default=0, help_text="From Monday, 0.")
    day = serializers.IntegerField(min_value=1, max_value=31, default=1, help_text="Of the month.")
    hour = serializers.IntegerField(min_value=0, max_value=23)
    time_zone = serializers.CharField(max_length=64, required=False, help_text="The workspace's without one.")
    recipients = serializers.ListField(child=serializers.CharField(max_length=254), max_length=100)
    enabled = serializers.BooleanField(default=True)


class ExportSchedulePatch(ExportScheduleBody):
    """Any of the fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "partial": True})


class LastRunShape(serializers.ModelSerializer[Delivery]):
    class Meta:
        model = Delivery
        fields = ["due_at", "state", "reason"]


class ExportScheduleShape(serializers.ModelSerializer[ExportSchedule]):
    filters = serializers.DictField(source="parameters", child=serializers.CharField())
    recipients = serializers.ListField(child=serializers.EmailField())
    last_run = serializers.SerializerMethodField()

    class Meta:
        model = ExportSchedule
        fields = [
            *("id", "name", "exporter", "filters", "format", "frequency", "weekday", "day", "hour", "time_zone"),
            *("recipients", "enabled", "next_run_at", "last_run", "created_at"),
        ]

    @extend_schema_field(LastRunShape(allow_null=True))
    def get_last_run(self, schedule: ExportSchedule) -> Any:
        last = self.context["last"].get(schedule.pk)
        return last and LastRunShape(last).data


class DeliveryMessageShape(serializers.ModelSerializer[DeliveryMessage]):
    class Meta:
        model = DeliveryMessage
        fields = ["email", "purpose", "state", "attempts", "repeated", "reason", "sent_at"]


class DeliveryShape(serializers.ModelSerializer[Delivery]):
    rows = serializers.IntegerField(source="export.rows", allow_null=True, default=None)
    size = serializers.IntegerField(source="export.size", allow_null=True, default=None, help_text="In bytes.")
    manifest = serializers.DictField(source="export.manifest", default=None, allow_null=True)
    messages = DeliveryMessageShape(many=True)

    class Meta:
        model = Delivery
        fields = [
            *("id", "due_at", "asked_by", "missed", "state", "reason", "attempts", "next_attempt_at", "attached"),
            *("rows", "size", "manifest", "created_at", "finished_at", "messages"),
        ]


class PageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ExportSchedulePageShape(PageShape):
    results = ExportScheduleShape(many=True)


class DeliveryPageShape(PageShape):
    results = DeliveryShape(many=True)


class ScheduleListApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="export_schedules_list",
        tags=TAGS,
        summary="List scheduled deliveries",
        parameters=PAGING,
        responses={200: ExportSchedulePageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found, context = queries.schedules(request.workspace), {"last": queries.last_deliveries(request.workspace)}

        def told(rows: list[ExportSchedule]) -> Any:
            return ExportScheduleShape(rows, many=True, context=context).data

        return paged(self, request, found, ("-created_at", "-id"), told)

    @extend_schema(
        operation_id="export_schedules_create",
        tags=TAGS,
        summary="Schedule a delivery",
        description="Daily, weekly or monthly, by e-mail. Filters are read anew each time.",
        request=ExportScheduleBody,
        responses={201: ExportScheduleShape, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        body = {"time_zone": request.workspace.time_zone, **_parsed(ExportScheduleBody, request)}
        schedule = services.create(
            workspace=request.workspace, by=request.actor, wanted=Wanted(**_named(body)), now=request.now
        )
        return _shown(request, schedule, status=201)


class ScheduleApi(TaggedView):
    passing = frozenset({"last_run", "next_run_at"})
    right = "export"

    @extend_schema(
        operation_id="export_schedules_get",
        tags=TAGS,
        summary="Read a scheduled delivery",
        responses={200: ExportScheduleShape} | ONE,
    )
    def get(self, request: ApiRequest, schedule_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return _shown(request, queries.schedule(request.workspace, schedule_id))

    @extend_schema(
        operation_id="export_schedules_change",
        tags=TAGS,
        summary="Change, pause or enable a scheduled delivery",
        description="It runs under the rights of whoever changed it last.",
        request=ExportSchedulePatch,
        responses={200: ExportScheduleShape, 422: Problem} | ONE,
    )
    def patch(self, request: ApiRequest, schedule_id: UUID) -> Response:
        schedule = services.change(
            workspace=request.workspace,
            by=request.actor,
            schedule_id=schedule_id,
            changes=_named(_parsed(ExportSchedulePatch, request)),
            now=request.now,
        )
        return _shown(request, schedule)

    @extend_schema(
        operation_id="export_schedules_delete",
        tags=TAGS,
        summary="Delete a scheduled delivery",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, schedule_id: UUID) -> Response:
        services.delete(workspace=request.workspace, by=request.actor, schedule_id=schedule_id, now=request.now)
        return Response(status=204)


class ScheduleRunApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="export_schedules_run",
        tags=TAGS,
        summary="Deliver now",
        description="Beside its rhythm. Look at `/deliveries` for what became of it.",
        request=None,
        responses={202: DeliveryShape} | ONE,
    )
    def post(self, request: ApiRequest, schedule_id: UUID) -> Response:
        delivery = deliveries.run_now(
            workspace=request.workspace, by=request.actor, schedule_id=schedule_id, now=request.now
        )
        return Response(DeliveryShape(delivery).data, status=202)


class ScheduleDeliveriesApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="export_schedules_deliveries",
        tags=TAGS,
        summary="What became of each delivery",
        description="The newest first, with the state of each recipient.",
        parameters=PAGING,
        responses={200: DeliveryPageShape} | ONE,
    )
    def get(self, request: ApiRequest, schedule_id: UUID) -> Response:
        refuse_unknown_filters(request)
        found = queries.deliveries(queries.schedule(request.workspace, schedule_id))
        return paged(self, request, found, ("-due_at", "-id"), lambda rows: DeliveryShape(rows, many=True).data)


def _parsed(shape: type[StrictSerializer], request: ApiRequest) -> dict[str, Any]:
    parsed = shape(data=request.data)
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)


def _named(body: dict[str, Any]) -> dict[str, Any]:
    """As the service names them."""
    named = {"filters": "parameters"}
    found = {named.get(name, name): value for name, value in body.items()}
    return {**found, **({"recipients": tuple(found["recipients"])} if "recipients" in found else {})}


def _shown(request: ApiRequest, schedule: ExportSchedule, status: int = 200) -> Response:
    context = {"last": queries.last_deliveries(request.workspace)}
    return Response(ExportScheduleShape(schedule, context=context).data, status=status)
