"""/api/v1/exports: tables as files: have one written, see what became of it, fetch it, delete it."""

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.reports import queries, sheets
from stratum.reports.models import Export
from stratum.reports.services import exports as services
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Job

TAGS = ["Exports"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class ExportBody(StrictSerializer):
    exporter = serializers.CharField(max_length=60, help_text="Whose table it is, such as audit_logs.")
    filters = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True),
        default=dict,
        help_text="What the table's own export takes in its address.",
    )
    format = serializers.ChoiceField(choices=Export.Format.choices, default="csv")


class ExportShape(serializers.ModelSerializer[Export]):
    """`download` is there while the file is: from the end of its job for a week."""

    state = serializers.ChoiceField(choices=Job.State.choices, source="job.state")
    done = serializers.IntegerField(source="job.done", help_text="Rows written so far.")
    total = serializers.IntegerField(source="job.total")
    error = serializers.CharField(source="job.error", allow_blank=True)
    job = serializers.UUIDField(source="job_id")
    filters = serializers.DictField(source="parameters", child=serializers.CharField())
    download = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = [
            *("id", "exporter", "filters", "format", "title", "filename", "state", "done", "total", "error", "job"),
            *("rows", "size", "download", "created_at", "expires_at"),
        ]

    def get_download(self, export: Export) -> str | None:
        if not export.is_there(self.context["now"]):
            return None
        return reverse("api_export_download", args=[export.pk])


class ExportPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ExportShape(many=True)


class ExportListApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="exports_list",
        tags=TAGS,
        summary="List exports",
        description="The newest first, also those that are still being written.",
        parameters=PAGING,
        responses={200: ExportPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found, context = queries.export_list(request.workspace), {"now": request.now}

        def told(rows: list[Export]) -> Any:
            return ExportShape(rows, many=True, context=context).data

        return paged(self, request, found, ("-created_at", "-id"), told)

    @extend_schema(
        operation_id="exports_create",
        tags=TAGS,
        summary="Have a table written to a file",
        description="By a job, whatever its size.",
        request=ExportBody,
        responses={202: ExportShape, 404: Problem, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        parsed = ExportBody(data=request.data)
        parsed.is_valid(raise_exception=True)
        export = services.start(
            workspace=request.workspace,
            by=request.actor,
            exporter=parsed.validated_data["exporter"],
            parameters=parsed.validated_data["filters"],
            file_format=parsed.validated_data["format"],
            now=request.now,
        )
        where = reverse("api_export", args=[export.pk])
        return Response(_shown(request, export), status=202, headers={"Location": where})


class ExportApi(APIView):
    right = "export"

    @extend_schema(operation_id="exports_get", tags=TAGS, summary="Read an export", responses={200: ExportShape} | ONE)
    def get(self, request: ApiRequest, export_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(_shown(request, queries.export(request.workspace, export_id)))

    @extend_schema(
        operation_id="exports_delete",
        tags=TAGS,
        summary="Delete an export",
        description="With its file. One that is still being written is cancelled.",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, export_id: UUID) -> Response:
        services.delete(workspace=request.workspace, by=request.actor, export_id=export_id, now=request.now)
        return Response(status=204)


class ExportDownloadApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="exports_download",
        tags=TAGS,
        summary="Fetch the file of an export",
        description="Its address is `download` of the export, and in the result of the job. Files go after a week.",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 410: Problem} | ONE,
    )
    def get(self, request: ApiRequest, export_id: UUID) -> FileResponse:
        export = queries.export(request.workspace, export_id)
        file = queries.open_file(export, now=request.now)
        return FileResponse(
            file, as_attachment=True, filename=export.filename, content_type=sheets.CONTENT_TYPES[export.format]
        )


def _shown(request: ApiRequest, export: Export) -> Any:
    return ExportShape(export, context={"now": request.now}).data
