"""/api/v1/integrations/pipedrive: connect, look, synchronise, map, and what Pipedrive calls when something changed."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.api.pipedrive_shapes import (
    PipedriveConflictPageShape,
    PipedriveConflictShape,
    PipedriveConnectBody,
    PipedriveConnectedShape,
    PipedriveCreatedFieldsShape,
    PipedriveCreateFieldsBody,
    PipedriveDuplicatePageShape,
    PipedriveDuplicateShape,
    PipedriveMappingBody,
    PipedriveMappingShape,
    PipedriveReceivedShape,
    PipedriveResolveBody,
    PipedriveResolvedShape,
    PipedriveRowPageShape,
    PipedriveRowShape,
    PipedriveRunPageShape,
    PipedriveRunShape,
    PipedriveSettingsBody,
    PipedriveSettingsShape,
    PipedriveStatusShape,
    PipedriveSyncBody,
    PipedriveTestBody,
)
from integrations.models import PipedriveConnection, PipedriveRow
from integrations.pipedrive.choices import read_choices
from integrations.pipedrive.drafts import read_mapping
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_lists as lists
from integrations.queries import pipedrive_sources
from integrations.services.pipedrive import connecting, duplicates, mapping, previews, runs, webhooks
from stratum.lib import clock
from stratum.lib.paging import LIMIT, CursorPages, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces import limits
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Pipedrive"]
PROBLEMS = {401: Problem, 403: Problem}
CONNECTED = {409: Problem} | PROBLEMS
ONE = {404: Problem} | PROBLEMS
WRITTEN = {422: Problem} | CONNECTED
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class PipedriveView(APIView):
    """Refuses workspaces whose plan has no CRM, with the name of the plan that has."""

    feature_asked = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.feature_asked:
            limits.require_feature(request.workspace, connecting.FEATURE)  # type: ignore[attr-defined]


class ConnectApi(PipedriveView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_connect",
        summary="Connect Pipedrive",
        description="The token is tested at once and kept sealed. A token of another company than the one whose links "
        "are kept is refused (409). Nothing is synchronised before the first `POST /sync`.",
        request=PipedriveConnectBody,
        responses={200: PipedriveConnectedShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PipedriveConnectBody(data=request.data)
        body.is_valid(raise_exception=True)
        token = body.validated_data["api_token"]
        made = connecting.connect(workspace=request.workspace, by=request.actor, api_token=token, now=request.now)
        told = {"connected": True, "company": made.company, "user": made.user, "token_hint": made.token_hint}
        return Response(PipedriveConnectedShape(told).data)


class DisconnectApi(PipedriveView):
    rights: ClassVar = {"DELETE": "connect"}
    feature_asked = False  # whoever left the plan may still leave Pipedrive

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_disconnect",
        summary="Disconnect",
        description="The token is forgotten and nothing is synchronised any more. Persons and fields in Pipedrive "
        "stay; the links are kept for the same company.",
        responses={204: None} | CONNECTED,
    )
    def delete(self, request: ApiRequest) -> Response:
        connecting.disconnect(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(status=204)


class StatusApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_status",
        summary="How the sync is",
        responses={200: PipedriveStatusShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return Response(PipedriveStatusShape(queries.status(request.workspace, now=request.now)).data)


class SettingsApi(PipedriveView):
    rights: ClassVar = {"GET": "view", "PATCH": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_settings",
        summary="Read the settings",
        responses={200: PipedriveSettingsShape} | CONNECTED,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return Response(PipedriveSettingsShape(queries.require(request.workspace)).data)

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_settings_change",
        summary="Change the settings",
        description="Only what is named is changed. `realtime` is part of a larger plan.",
        request=PipedriveSettingsBody,
        responses={200: PipedriveSettingsShape} | WRITTEN,
    )
    def patch(self, request: ApiRequest) -> Response:
        queries.require(request.workspace)
        changed = connecting.update_settings(
            workspace=request.workspace, by=request.actor, now=request.now, **read_choices(request.data)
        )
        return Response(PipedriveSettingsShape(changed).data)


class PauseApi(PipedriveView):
    right = "connect"
    paused = True

    @extend_schema(tags=TAGS, summary="Pause or resume", request=None, responses={204: None} | CONNECTED)
    def post(self, request: ApiRequest) -> Response:
        act = connecting.pause if self.paused else connecting.resume
        act(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(status=204)


class ResumeApi(PauseApi):
    paused = False


# Runs


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
        responses={200: PipedriveRunPageShape, 400: Problem} | CONNECTED,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        found = queries.runs(queries.require(request.workspace))
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: PipedriveRunShape(rows, many=True).data)


class RunApi(PipedriveView):
    rights: ClassVar = {"GET": "view", "DELETE": "execute"}

    @extend_schema(
        tags=TAGS, operation_id="pipedrive_runs_get", summary="Read a run", responses={200: PipedriveRunShape} | ONE
    )
    def get(self, request: ApiRequest, run_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(PipedriveRunShape(queries.run(request.workspace, run_id)).data)

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
        responses={200: PipedriveRowPageShape, 400: Problem} | ONE,
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
        responses={200: PipedriveRowShape, 409: Problem} | ONE,
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
        responses={200: PipedriveRowShape, 409: Problem} | ONE,
    )
    def post(self, request: ApiRequest, row_id: int) -> Response:
        row = runs.ignore_row(workspace=request.workspace, by=request.actor, row_id=row_id, now=request.now)
        return Response(PipedriveRowShape(row).data)


# Mapping


class MappingApi(PipedriveView):
    rights: ClassVar = {"GET": "view", "PUT": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_mapping",
        summary="Read the mapping",
        description="With what both sides have to offer. Pipedrive's fields are those of the last look.",
        responses={200: PipedriveMappingShape} | CONNECTED,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return Response(_mapping(request, queries.require(request.workspace)))

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_mapping_replace",
        summary="Replace the mapping",
        description="Refused with a pointer to each line that names no field, whose types do not fit, that would write "
        "what Stratum computes, or that writes a field a second time.",
        request=PipedriveMappingBody,
        responses={200: PipedriveMappingShape} | WRITTEN,
    )
    def put(self, request: ApiRequest) -> Response:
        connection = mapping.refresh_fields(workspace=request.workspace, now=request.now)
        kinds = {source.local: source.kind for source in pipedrive_sources.sources(request.workspace)}
        lines = read_mapping(request.data, kinds, mapping.remotes(connection))
        mapping.put(workspace=request.workspace, by=request.actor, lines=lines, now=request.now)
        return Response(_mapping(request, connection))


class CreateFieldsApi(PipedriveView):
    right = "connect"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_create_fields",
        summary="Create the custom fields that Pipedrive lacks, and map them",
        request=PipedriveCreateFieldsBody,
        responses={200: PipedriveCreatedFieldsShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PipedriveCreateFieldsBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = mapping.create_fields(
            workspace=request.workspace, by=request.actor, wanted=body.validated_data.get("fields"), now=request.now
        )
        return Response({"created": made})


# What waits for a person


class DuplicateListApi(PipedriveView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_duplicates_list",
        summary="Who may be whom",
        parameters=PAGING,
        responses={200: PipedriveDuplicatePageShape, 400: Problem} | CONNECTED,
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
        responses={200: PipedriveConflictPageShape, 400: Problem} | CONNECTED,
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


class TestProfileApi(PipedriveView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_test_profile",
        summary="Synchronise one profile now",
        description="For real, whatever the schedule; the rows of the run show request and response.",
        request=PipedriveTestBody,
        responses={200: PipedriveRunShape} | WRITTEN | ONE,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PipedriveTestBody(data=request.data)
        body.is_valid(raise_exception=True)
        run = previews.test_profile(
            workspace=request.workspace, by=request.actor, profile_id=body.validated_data["profile"], now=clock.now
        )
        return Response(PipedriveRunShape(run).data)


# Pipedrive calls


class WebhookApi(APIView):
    """Kept as it came and answered at once; what it hints at is read by the worker."""

    authentication_classes = []
    right = "public"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_webhook",
        summary="Called by Pipedrive when something changed",
        request=OpenApiTypes.OBJECT,
        responses={200: PipedriveReceivedShape, 400: Problem, 404: Problem, 413: Problem},
        auth=[],
    )
    def post(self, request: Request, secret: str) -> Response:
        is_new = webhooks.receive_webhook(
            secret=secret,
            authorization=request.headers.get("Authorization", ""),
            body=request.body,
            now=clock.now(),
        )
        return Response({"received": is_new})


def paged(view: APIView, request: ApiRequest, found: Any, ordering: tuple[str, ...], told: Any) -> Response:
    pages = CursorPages(ordering)
    rows = pages.paginate_queryset(found, request, view) or []
    return pages.get_paginated_response(told(list(rows)))


def _chosen(request: ApiRequest, name: str, known: list[str]) -> str:
    given = request.query_params[name]
    if given not in known:
        raise ValidationError({name: f"Choose one of: {', '.join(known)}."})
    return given


def _mapping(request: ApiRequest, connection: PipedriveConnection) -> Any:
    told = {
        "fields": queries.fields(connection),
        "missing": [
            {"local": one.local, "name": one.remote_name, "type": one.remote_type}
            for one in mapping.missing(connection)
        ],
        "stratum_fields": pipedrive_sources.sources(request.workspace),
        "pipedrive_fields": list(mapping.remotes(connection).values()),
    }
    return PipedriveMappingShape(told).data


ROOM = "api/v1/integrations/pipedrive"
urlpatterns = [
    route(ROOM, DisconnectApi.as_view(), "api_pipedrive"),
    route(f"{ROOM}/connect", ConnectApi.as_view(), "api_pipedrive_connect"),
    route(f"{ROOM}/status", StatusApi.as_view(), "api_pipedrive_status"),
    route(f"{ROOM}/settings", SettingsApi.as_view(), "api_pipedrive_settings"),
    route(f"{ROOM}/pause", PauseApi.as_view(), "api_pipedrive_pause"),
    route(f"{ROOM}/resume", ResumeApi.as_view(), "api_pipedrive_resume"),
    route(f"{ROOM}/sync", SyncApi.as_view(), "api_pipedrive_sync"),
    route(f"{ROOM}/runs", RunListApi.as_view(), "api_pipedrive_run_list"),
    route(f"{ROOM}/runs/<uuid:run_id>", RunApi.as_view(), "api_pipedrive_run"),
    route(f"{ROOM}/runs/<uuid:run_id>/rows", RowListApi.as_view(), "api_pipedrive_row_list"),
    route(f"{ROOM}/rows/<int:row_id>/retry", RetryRowApi.as_view(), "api_pipedrive_row_retry"),
    route(f"{ROOM}/rows/<int:row_id>/ignore", IgnoreRowApi.as_view(), "api_pipedrive_row_ignore"),
    route(f"{ROOM}/mapping", MappingApi.as_view(), "api_pipedrive_mapping"),
    route(f"{ROOM}/mapping/create-fields", CreateFieldsApi.as_view(), "api_pipedrive_create_fields"),
    route(f"{ROOM}/duplicates", DuplicateListApi.as_view(), "api_pipedrive_duplicate_list"),
    route(f"{ROOM}/duplicates/<int:duplicate_id>/resolve", DuplicateApi.as_view(), "api_pipedrive_duplicate"),
    route(f"{ROOM}/test", TestProfileApi.as_view(), "api_pipedrive_test"),
    route(f"{ROOM}/conflicts", ConflictListApi.as_view(), "api_pipedrive_conflict_list"),
    route(f"{ROOM}/webhook/<str:secret>", WebhookApi.as_view(), "api_pipedrive_webhook"),
]
