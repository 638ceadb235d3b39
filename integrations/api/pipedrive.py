"""/api/v1/integrations/pipedrive: connect, look, pause, and what Pipedrive calls when something changed."""

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.api.pipedrive_base import PROBLEMS, ROOM, TAGS, WRITTEN, PipedriveView
from integrations.api.pipedrive_shapes import (
    PipedriveConnectBody,
    PipedriveConnectedShape,
    PipedriveReceivedShape,
    PipedriveSettingsBody,
    PipedriveSettingsShape,
    PipedriveStatusShape,
)
from integrations.pipedrive.choices import read_choices
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import connecting, webhooks
from stratum.lib import clock
from stratum.lib.paging import refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView


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
        responses={204: None} | PROBLEMS,
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


class SettingsApi(TaggedView, PipedriveView):
    rights: ClassVar = {"GET": "view", "PATCH": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_settings",
        summary="Read the settings",
        responses={200: PipedriveSettingsShape} | PROBLEMS,
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

    @extend_schema(tags=TAGS, summary="Pause or resume", request=None, responses={204: None} | PROBLEMS)
    def post(self, request: ApiRequest) -> Response:
        act = connecting.pause if self.paused else connecting.resume
        act(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(status=204)


class ResumeApi(PauseApi):
    paused = False


class WebhookApi(APIView):
    """Kept as it came and answered at once; what it hints at is read by the worker."""

    authentication_classes = []
    right = "public"

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_webhook",
        summary="Called by Pipedrive when something changed",
        request=OpenApiTypes.OBJECT,
        responses={200: PipedriveReceivedShape, 404: Problem, 413: Problem},
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


urlpatterns = [
    route(f"{ROOM}/connect", ConnectApi.as_view(), "api_pipedrive_connect"),
    route(ROOM, DisconnectApi.as_view(), "api_pipedrive"),
    route(f"{ROOM}/status", StatusApi.as_view(), "api_pipedrive_status"),
    route(f"{ROOM}/settings", SettingsApi.as_view(), "api_pipedrive_settings"),
    route(f"{ROOM}/pause", PauseApi.as_view(), "api_pipedrive_pause"),
    route(f"{ROOM}/resume", ResumeApi.as_view(), "api_pipedrive_resume"),
    route(f"{ROOM}/webhook/<str:secret>", WebhookApi.as_view(), "api_pipedrive_webhook"),
]
