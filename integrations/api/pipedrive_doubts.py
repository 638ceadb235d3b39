"""/api/v1/integrations/pipedrive/duplicates and conflicts: what waits for a person."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from integrations.api.pipedrive_base import ONE, PAGING, PROBLEMS, ROOM, TAGS, WRITTEN, PipedriveView
from integrations.api.pipedrive_shapes import (
    PipedriveConflictPageShape,
    PipedriveConflictShape,
    PipedriveDuplicatePageShape,
    PipedriveDuplicateShape,
    PipedriveResolveBody,
    PipedriveResolvedShape,
)
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_lists as lists
from integrations.services.pipedrive import duplicates
from stratum.lib.paging import paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.workspaces.authentication import ApiRequest


class DuplicateListApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_duplicates_list",
        summary="Who may be whom",
        parameters=PAGING,
        responses={200: PipedriveDuplicatePageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.duplicates(queries.require(request.workspace))

        def told(rows: Any) -> Any:
            return PipedriveDuplicateShape(lists.duplicate_cards(request.workspace, rows), many=True).data

        return paged(self, request, found.select_related("connection"), ("-id",), told)


class ConflictListApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_conflicts_list",
        summary="Fields that both sides had changed, and who won",
        parameters=PAGING,
        responses={200: PipedriveConflictPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.conflicts(queries.require(request.workspace))

        def told(rows: Any) -> Any:
            return PipedriveConflictShape(lists.conflict_cards(request.workspace, rows), many=True).data

        return paged(self, request, found, ("-id",), told)


class DuplicateApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_duplicates_resolve",
        summary="Say who is who",
        description="`link` with a person, `merge` the other persons into it in Pipedrive first (for good), or "
        "`keep_apart`. What follows is written by the next run.",
        request=PipedriveResolveBody,
        responses={200: PipedriveResolvedShape} | WRITTEN | ONE,
    )
    def post(self, request: ApiRequest, duplicate_id: int) -> Response:
        body = PipedriveResolveBody(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        settled = duplicates.resolve(
            workspace=request.workspace,
            by=request.actor,
            duplicate_id=duplicate_id,
            choice=said["choice"],
            person_id=said.get("person"),
            profile_id=said.get("profile"),
            now=request.now,
        )
        return Response(PipedriveResolvedShape(settled).data)


urlpatterns = [
    route(f"{ROOM}/duplicates", DuplicateListApi.as_view(), "api_pipedrive_duplicate_list"),
    route(f"{ROOM}/conflicts", ConflictListApi.as_view(), "api_pipedrive_conflict_list"),
    route(f"{ROOM}/duplicates/<int:duplicate_id>/resolve", DuplicateApi.as_view(), "api_pipedrive_duplicate"),
]
