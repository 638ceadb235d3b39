"""/api/v1/exports: fetch what a job has written."""

from uuid import UUID

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.views import APIView

from stratum.lib.serializers import Problem
from stratum.reports import queries, sheets
from stratum.workspaces.authentication import ApiRequest


class ExportDownloadApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="exports_download",
        tags=["Exports"],
        summary="Fetch the file of an export",
        description="Its address is in the result of the job that wrote it. Files go after a week.",
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            401: Problem,
            403: Problem,
            404: Problem,
            410: Problem,
        },
    )
    def get(self, request: ApiRequest, export_id: UUID) -> FileResponse:
        export = queries.export(request.workspace, export_id)
        file = queries.open_file(export, now=request.now)
        return FileResponse(
            file, as_attachment=True, filename=export.filename, content_type=sheets.CONTENT_TYPES[export.format]
        )
