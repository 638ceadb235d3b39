"""/api/v1/integrations/pipedrive/sync, runs, rows and test: synchronise, and see what became of each record."""

from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from integrations.api.pipedrive_base import ONE, PAGING, PROBLEMS, ROOM, TAGS, WRITTEN, PipedriveView
from integrations.api.pipedrive_shapes import (
    PipedriveRowPageShape,
    PipedriveRowShape,
    PipedriveRunPageShape,
    PipedriveRunShape,
    PipedriveSyncBody,
    PipedriveTestBody,
    PipedriveWholeRunShape,
)
from integrations.models import PipedriveRow
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import previews, runs
from stratum.lib import clock
from stratum.lib.paging import paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.workspaces.authentication import ApiRequest


class SyncApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_sync",
        summary="Synchronise now",
        description="Follow the run at `/runs/{id}`; DELETE cancels it. A dry run plans and writes nothing.",
        request=PipedriveSyncBody,
        responses={202: PipedriveRunShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PipedriveSyncBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = runs.start_sync(workspace=request.workspace, by=request.actor, now=request.now, **body.validated_data)
        location = request.build_absolute_uri(f"/api/v1/integrations/pipedrive/runs/{run.pk}")
        return Response(PipedriveRunShape(run).data, status=202, headers={"Location": location})


class RunListApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_runs_list",
        summary="List runs",
        parameters=PAGING,
        responses={200: PipedriveRunPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.runs(queries.require(request.workspace))
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: PipedriveRunShape(rows, many=True).data)


class RunApi(PipedriveView):
    rights: ClassVar = {"GET": "view", "DELETE": "execute"}

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_runs_get",
        summary="Read a run",
        responses={200: PipedriveWholeRunShape} | ONE,
    )
    def get(self, request: ApiRequest, run_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(PipedriveWholeRunShape(queries.run(request.workspace, run_id)).data)

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_runs_cancel",
        summary="Cancel a run",
        description="What was done stays done. One that had ended stays as it is.",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, run_id: UUID) -> Response:
        runs.cancel(workspace=request.workspace, by=request.actor, run_id=run_id, now=request.now)
        return Response(status=204)


class RowListApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_rows_list",
        summary="What a run did, record by record",
        description="Unchanged records have no row.",
        parameters=[
            OpenApiParameter("outcome", str, enum=PipedriveRow.Action.values),
            OpenApiParameter("state", str, enum=PipedriveRow.State.values),
            *PAGING,
        ],
        responses={200: PipedriveRowPageShape} | ONE,
    )
    def get(self, request: ApiRequest, run_id: UUID) -> Response:
        refuse_unknown_filters(request, "outcome", "state")
        found = queries.rows(queries.run(request.workspace, run_id))
        for name, column, known in (
            ("outcome", "action", PipedriveRow.Action.values),
            ("state", "state", PipedriveRow.State.values),
        ):
            if name in request.query_params:
                found = found.filter(**{column: _chosen(request, name, known)})
        return paged(self, request, found, ("id",), lambda rows: PipedriveRowShape(rows, many=True).data)


class RetryRowApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_rows_retry",
        summary="Put a rejected record in line again",
        request=None,
        responses={200: PipedriveRowShape} | ONE,
    )
    def post(self, request: ApiRequest, row_id: int) -> Response:
        row = runs.retry_row(workspace=request.workspace, by=request.actor, row_id=row_id, now=request.now)
        return Response(PipedriveRowShape(row).data)


class IgnoreRowApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_rows_ignore",
        summary="Leave a rejected record alone until it changes",
        request=None,
        responses={200: PipedriveRowShape} | ONE,
    )
    def post(self, request: ApiRequest, row_id: int) -> Response:
        row = runs.ignore_row(workspace=request.workspace, by=request.actor, row_id=row_id, now=request.now)
        return Response(PipedriveRowShape(row).data)


class TestProfileApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_test_profile",
        summary="Synchronise one profile now",
        description="For real, whatever the schedule; `exchanges` has every call with its request and answer.",
        request=PipedriveTestBody,
        responses={200: PipedriveWholeRunShape} | WRITTEN | ONE,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PipedriveTestBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = previews.test_profile(
            workspace=request.workspace, by=request.actor, profile_id=body.validated_data["profile"], now=clock.now
        )
        return Response(PipedriveWholeRunShape(run).data)


def _chosen(request: ApiRequest, name: str, known: list[str]) -> str:
    given = request.query_params[name]
    if given not in known:
        raise ValidationError({name: f"Choose one of: {', '.join(known)}."})
    return given


urlpatterns = [
    route(f"{ROOM}/sync", SyncApi.as_view(), "api_pipedrive_sync"),
    route(f"{ROOM}/runs", RunListApi.as_view(), "api_pipedrive_run_list"),
    route(f"{ROOM}/runs/<uuid:run_id>", RunApi.as_view(), "api_pipedrive_run"),
    route(f"{ROOM}/runs/<uuid:run_id>/rows", RowListApi.as_view(), "api_pipedrive_row_list"),
    route(f"{ROOM}/rows/<int:row_id>/retry", RetryRowApi.as_view(), "api_pipedrive_row_retry"),
    route(f"{ROOM}/rows/<int:row_id>/ignore", IgnoreRowApi.as_view(), "api_pipedrive_row_ignore"),
    route(f"{ROOM}/test", TestProfileApi.as_view(), "api_pipedrive_test"),
]
