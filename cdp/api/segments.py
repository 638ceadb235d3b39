"""/api/v1/cdp/segments: named groups of profiles, and who is in them."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.profile_shapes import ProfilePageShape, profile_lines
from cdp.api.segment_shapes import (
    ConditionBody,
    ExplainBody,
    SegmentBody,
    SegmentLineShape,
    SegmentPageShape,
    SegmentPatch,
    SegmentPreviewShape,
    SegmentShape,
    SegmentWhyShape,
)
from cdp.definitions.segment_questions import parse_question, profile_in, segment_id_in
from cdp.definitions.segments import parse_draft
from cdp.models import Segment
from cdp.queries import profiles, segment_uses
from cdp.queries import segments as queries
from cdp.queries.segment_members import size
from cdp.queries.segment_preview import preview
from cdp.queries.segment_why import explain
from cdp.queries.traits import zone_of
from cdp.services import segments as services
from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.lib.tags import names_tag
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Workspace

TAGS = ["Segments"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
WRITTEN = {422: Problem} | PROBLEMS
ARCHIVED = {"": False, "false": False, "0": False, "true": True, "1": True}
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]
TAG_PARAMETER = OpenApiParameter("If-Match", str, "header", description="Refuse with 412 when the ETag is another.")


class SegmentListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="v1_cdp_segments_list",
        summary="List segments",
        parameters=[
            OpenApiParameter("search", str, description="Part of the name."),
            OpenApiParameter("archived", bool, description="The archived ones instead."),
            *PAGING,
        ],
        responses={200: SegmentPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, "search", "archived")
        archived = request.query_params.get("archived", "").lower()
        if archived not in ARCHIVED:
            raise ValidationError({"archived": "Write true or false."})
        search = request.query_params.get("search", "")
        found = queries.find(request.workspace, search=search, archived=ARCHIVED[archived])
        return paged(self, request, found, ("-created_at", "-id"), partial(_lines, request.workspace))

    @extend_schema(tags=TAGS, summary="Create a segment", request=SegmentBody, responses={201: SegmentShape} | WRITTEN)
    def post(self, request: ApiRequest) -> Response:
        draft = parse_draft(request.data, zone=zone_of(request.workspace))
        segment = services.create_from_draft(
            workspace=request.workspace, by=request.actor, draft=draft, now=request.now
        )
        return _segment(request, segment, status=201)


def _lines(workspace: Workspace, segments: list[Segment]) -> Any:
    return SegmentLineShape([(card.segment, card.size) for card in queries.cards(workspace, segments)], many=True).data


class SegmentApi(APIView):
    rights: ClassVar = {"GET": "view", "PUT": "build", "PATCH": "build", "DELETE": "build"}

    @extend_schema(tags=TAGS, summary="Read a segment", responses={200: SegmentShape} | ONE)
    def get(self, request: ApiRequest, segment_id: UUID) -> Response:
        segment = queries.get(request.workspace, segment_id)
        if names_tag(request.headers.get("If-None-Match", ""), queries.tag(segment)):
            return Response(status=304, headers={"ETag": queries.tag(segment)})
        return _segment(request, segment)

    @extend_schema(
        tags=TAGS,
        summary="Replace a segment",
        request=SegmentBody,
        responses={200: SegmentShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def put(self, request: ApiRequest, segment_id: UUID) -> Response:
        queries.get(request.workspace, segment_id)
        return _segment(
            request,
            services.update(
                workspace=request.workspace,
                by=request.actor,
                segment_id=segment_id,
                draft=parse_draft(request.data, zone=zone_of(request.workspace)),
                now=request.now,
                expected=request.headers.get("If-Match"),
            ),
        )

    @extend_schema(
        tags=TAGS,
        summary="Change a segment",
        request=SegmentPatch,
        responses={200: SegmentShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def patch(self, request: ApiRequest, segment_id: UUID) -> Response:
        segment = queries.get(request.workspace, segment_id)
        if not isinstance(request.data, Mapping):
            raise Invalid([Fault("", "This must be a JSON object with the fields to change.", "wrong_type")])
        stored: dict[str, object] = {"name": segment.name, "description": segment.description}
        stored["condition"] = queries.condition(request.workspace, segment)
        stored["include_anonymous"] = segment.include_anonymous
        changed = services.update(
            workspace=request.workspace,
            by=request.actor,
            segment_id=segment_id,
            draft=parse_draft({**stored, **request.data}, zone=zone_of(request.workspace)),
            now=request.now,
            expected=request.headers.get("If-Match") or queries.tag(segment),
        )
        return _segment(request, changed)

    @extend_schema(
        tags=TAGS,
        summary="Archive a segment",
        description="It leaves the list and stays readable; `restore` brings it back.",
        responses={204: None, 412: Problem} | ONE,
        parameters=[TAG_PARAMETER],
    )
    def delete(self, request: ApiRequest, segment_id: UUID) -> Response:
        services.archive(
            workspace=request.workspace,
            by=request.actor,
            segment_id=segment_id,
            now=request.now,
            expected=request.headers.get("If-Match"),
        )
        return Response(status=204)


class SegmentPreviewApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Try a condition",
        description="How many live profiles it finds now, and how many each of its parts finds alone.",
        request=ConditionBody,
        responses={200: SegmentPreviewShape, 503: Problem} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        asked = parse_question(request.data, ("condition", "include_anonymous"), zone_of(request.workspace))
        segment_uses.require_known(request.workspace, asked.condition)
        found = preview(request.workspace, asked.condition, include_anonymous=asked.include_anonymous, now=request.now)
        sample = profile_lines(request.workspace, found.sample, now=request.now)
        return Response(SegmentPreviewShape((found, sample)).data)


class SegmentExplainApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Why somebody is in a segment, or not",
        description="Each part of the condition, or of a saved segment's, with whether it holds and what was found.",
        request=ExplainBody,
        responses={200: SegmentWhyShape, 404: Problem, 503: Problem} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        workspace, body = request.workspace, request.data
        is_saved = False
        if isinstance(body, Mapping) and "segment" in body:
            is_saved = True
            segment = queries.get(workspace, segment_id_in(body))
            stored = {"condition": queries.condition(workspace, segment)}
            body = {"include_anonymous": segment.include_anonymous, "profile": body.get("profile")} | stored
        if not isinstance(body, Mapping):
            raise Invalid([Fault("", "This must be a JSON object with condition and profile.", "wrong_type")])
        asked = parse_question(body, ("condition", "include_anonymous", "profile"), zone_of(workspace))
        if not is_saved:
            segment_uses.require_in_plan(workspace, asked.condition)
        segment_uses.require_known(workspace, asked.condition)
        why = explain(
            workspace,
            asked.condition,
            asked.source,
            profile_in(body),
            include_anonymous=asked.include_anonymous,
            now=request.now,
        )
        return Response(SegmentWhyShape(why).data)


class SegmentRestoreApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        summary="Restore an archived segment",
        request=None,
        responses={200: SegmentShape} | ONE,
    )
    def post(self, request: ApiRequest, segment_id: UUID) -> Response:
        segment = services.restore(
            workspace=request.workspace, by=request.actor, segment_id=segment_id, now=request.now
        )
        return _segment(request, segment)


class SegmentMembersApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="List the members of a segment",
        description="The newest profiles first.",
        parameters=PAGING,
        responses={200: ProfilePageShape} | ONE,
    )
    def get(self, request: ApiRequest, segment_id: UUID) -> Response:
        refuse_unknown_filters(request)
        found = queries.member_rows(request.workspace, queries.get(request.workspace, segment_id))

        def told(rows: list[Any]) -> Any:
            cards = profiles.cards(request.workspace, rows, now=request.now)
            return profile_lines(request.workspace, cards, now=request.now)

        return paged(self, request, found, "-id", told)


def _segment(request: ApiRequest, segment: Segment, *, status: int = 200) -> Response:
    workspace = request.workspace
    shape = SegmentShape((segment, size(workspace, segment), queries.condition(workspace, segment)))
    return Response(shape.data, status=status, headers={"ETag": queries.tag(segment)})


urlpatterns = [
    route("api/v1/cdp/segments", SegmentListApi.as_view(), "api_segment_list"),
    route("api/v1/cdp/segments/preview", SegmentPreviewApi.as_view(), "api_segment_preview"),
    route("api/v1/cdp/segments/explain", SegmentExplainApi.as_view(), "api_segment_explain"),
    route("api/v1/cdp/segments/<uuid:segment_id>", SegmentApi.as_view(), "api_segment"),
    route("api/v1/cdp/segments/<uuid:segment_id>/restore", SegmentRestoreApi.as_view(), "api_segment_restore"),
    route("api/v1/cdp/segments/<uuid:segment_id>/members", SegmentMembersApi.as_view(), "api_segment_members"),
]
