"""/api/v1/trust-layer/audit-logs: read, count, verify and export the book. Nobody changes it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import limit_of, refuse_unknown_filters
from stratum.lib.refusal import Invalid, Refusal
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.reports import sheets
from stratum.reports.services import exports
from stratum.workspaces.api.workspace import JobShape
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Job
from trustlayer import asked as filters
from trustlayer.api.audit_shapes import (
    FILTER_PARAMETERS,
    AuditAnalyticsShape,
    AuditLogPageShape,
    AuditLogShape,
    AuditVerifiedShape,
    AuditVerifyBody,
)
from trustlayer.asked import DECISIONS, FILTERS, Asked
from trustlayer.queries import audit as queries
from trustlayer.queries.audit import Analytics, Page
from trustlayer.services import verification
from trustlayer.shapes import entry_json
from trustlayer.verify import Verified

TAGS = ["Audit Logs"]
PROBLEMS = {401: Problem, 403: Problem}
EXPORTER = "audit_logs"
FORMATS = ("csv", "json", "pdf")


class WrittenOnce(APIView):
    """Says why there is no way to change anything."""

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        raise Refusal(
            "written_once",
            "The audit log is written once: entries are never changed or deleted. Read it with GET.",
            status=405,
        )


class AuditLogListApi(WrittenOnce):
    right = "view"

    @extend_schema(
        operation_id="audit_logs_list",
        tags=TAGS,
        summary="Read the audit log",
        description="The newest first. A cursor names a place in the book, so pages never shift.",
        parameters=[
            *FILTER_PARAMETERS,
            OpenApiParameter("limit", OpenApiTypes.INT, description="1 to 200, 50 without one."),
            OpenApiParameter("cursor", str, description="From next or previous."),
        ],
        responses={200: AuditLogPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        asked = _asked(request)
        limit = limit_of(request)
        found = queries.find(request.workspace, asked)
        page = queries.page(found, **_cursor(request), limit=limit)
        return Response(
            {
                **_links(request, asked, page),
                "count": found.total,
                "results": [entry_json(entry) for entry in page.entries],
            }
        )


class AuditLogApi(WrittenOnce):
    right = "view"

    @extend_schema(
        operation_id="audit_logs_get",
        tags=TAGS,
        summary="Read one entry",
        responses={200: AuditLogShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest, entry_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(entry_json(queries.entry(request.workspace, entry_id)))


class AuditAnalyticsApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="audit_logs_analytics",
        tags=TAGS,
        summary="Count decisions",
        description="Of what the filters leave. Dry runs are left out unless asked for.",
        parameters=FILTER_PARAMETERS,
        responses={200: AuditAnalyticsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        found = queries.find(request.workspace, _asked(request))
        return Response(_analytics(queries.analytics(found)) | {"counts": queries.facets(found)})


class AuditVerifyApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="audit_logs_verify",
        tags=TAGS,
        summary="Has anybody touched the audit log?",
        description="Chain, signed checkpoints and its own end. A long book is read by a job.",
        responses={200: AuditVerifiedShape, 202: JobShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return _verified(verification.ask(workspace=request.workspace, by=request.actor, now=request.now))

    @extend_schema(
        operation_id="audit_logs_verify_manifests",
        tags=TAGS,
        summary="Verify together with exports delivered before",
        request=AuditVerifyBody,
        responses={200: AuditVerifiedShape, 202: JobShape, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        body = AuditVerifyBody(data=request.data)
        body.is_valid(raise_exception=True)
        manifests = body.validated_data["manifests"]
        return _verified(
            verification.ask(workspace=request.workspace, by=request.actor, now=request.now, manifests=manifests)
        )


class ByAccept(DefaultContentNegotiation):
    """`?format=` says how an export is written here, and chooses no renderer."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str | None) -> list[BaseRenderer]:
        return list(renderers)


class AuditExportApi(APIView):
    content_negotiation_class = ByAccept
    right = "export"

    @extend_schema(
        operation_id="audit_logs_export",
        tags=TAGS,
        summary="Export exactly what the filters leave",
        description="A small one is the answer itself; a large one is written by a job and waits under Exports. "
        "The export is itself an entry of the book.",
        parameters=[*FILTER_PARAMETERS, OpenApiParameter("format", str, enum=FORMATS, description="csv without one.")],
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "application/pdf"): OpenApiTypes.BINARY,
            202: JobShape,
        }
        | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        asked = _asked(request, "format")
        file_format = request.query_params.get("format", FORMATS[0])
        if file_format not in FORMATS:
            raise ValidationError({"format": f"Choose one of {', '.join(FORMATS)}."})
        wanted: dict[str, Any] = {
            "workspace": request.workspace,
            "by": request.actor,
            "exporter": EXPORTER,
            "parameters": asked.parameters,
            "file_format": file_format,
            "now": request.now,
        }
        sheet = exports.prepare(**wanted)
        if sheet.total > exports.MOST_STREAMED:
            job = exports.start(**wanted).job
            where = reverse("api_job", args=[job.pk])
            return Response({**JobShape(job).data, "url": where}, status=202, headers={"Location": where})
        lines = sheets.lines(sheet, file_format, lambda _: None)
        response = StreamingHttpResponse(lines, content_type=sheets.CONTENT_TYPES[file_format])
        response["Content-Disposition"] = f'attachment; filename="{sheet.name}.{file_format}"'
        return response


def _asked(request: ApiRequest, *more: str) -> Asked:
    refuse_unknown_filters(request, *FILTERS, *more)
    given = filters.plain(request.query_params.lists())
    try:
        return filters.parse(given, now=request.now, zone=ZoneInfo(request.workspace.time_zone))
    except Invalid as refused:
        refused.status = 400
        raise


def _cursor(request: ApiRequest) -> dict[str, int]:
    """`before.120` and `after.120`: which way from which entry."""
    given = request.query_params.get("cursor", "")
    if not given:
        return {}
    way, _, seq = given.partition(".")
    if way not in ("before", "after") or not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        raise ValidationError({"cursor": "This cursor is none of ours. Start again without one."})
    return {way: int(seq)}


def _links(request: ApiRequest, asked: Asked, page: Page) -> dict[str, str | None]:
    said = asked.parameters | ({"limit": given} if (given := request.query_params.get("limit")) else {})
    address = request.build_absolute_uri(reverse("api_audit_log_list"))
    older, newer = page.older, page.newer
    return {
        "next": f"{address}?{urlencode(said | {'cursor': f'before.{older}'})}" if older else None,
        "previous": f"{address}?{urlencode(said | {'cursor': f'after.{newer}'})}" if newer else None,
    }


def _analytics(found: Analytics) -> dict[str, Any]:
    return {
        "total": found.total,
        "decisions": _named(found.decisions),
        "per": found.per,
        "trend": [{"first": one.first, "last": one.last} | _named(one.counts) for one in found.trend],
        "block_reasons": [{"reason": reason, "count": count} for reason, count in found.block_reasons],
        "other_block_reasons": found.other_reasons,
        "entity_types": [{"entity_type": name} | _named(counts) for name, counts in found.entity_types],
    }


def _named(counts: tuple[int, int, int]) -> dict[str, int]:
    return dict(zip(DECISIONS, counts, strict=True))


def _verified(answer: Verified | Job) -> Response:
    if isinstance(answer, Job):
        where = reverse("api_job", args=[answer.pk])
        return Response({**JobShape(answer).data, "url": where}, status=202, headers={"Location": where})
    broken = answer.broken
    return Response(
        {
            "whole": broken is None,
            "entries": answer.entries,
            "first": answer.first,
            "last": answer.last,
            "head": answer.head,
            "broken_at": broken.seq if broken else None,
            "sentence": broken.sentence if broken else f"All {answer.entries:,} entries hold together.",
        }
    )


ROOM = "api/v1/trust-layer/audit-logs"
urlpatterns = [
    route(ROOM, AuditLogListApi.as_view(), "api_audit_log_list"),
    route(f"{ROOM}/analytics", AuditAnalyticsApi.as_view(), "api_audit_log_analytics"),
    route(f"{ROOM}/verify", AuditVerifyApi.as_view(), "api_audit_log_verify"),
    route(f"{ROOM}/export", AuditExportApi.as_view(), "api_audit_log_export"),
    route(f"{ROOM}/<uuid:entry_id>", AuditLogApi.as_view(), "api_audit_log"),
]
