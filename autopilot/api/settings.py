"""/api/v1/autopilot/settings, /emergency-stop and /pause-all."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from autopilot.api.actions import PROBLEMS, TAGS
from autopilot.api.shapes import PauseAllBody, PausedShape, SettingsBody, SettingsShape, StoppedShape
from autopilot.queries import settings as queries
from autopilot.services import pausing
from autopilot.services import settings as services
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView


class AutopilotSettingsApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PATCH": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_settings_get",
        summary="Read the autopilot's settings",
        responses={200: SettingsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        return _settings(request)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_settings_patch",
        summary="Change the autopilot's settings",
        description="Dry-Run Mode, level, guard rails, and what single accounts have of their own.",
        request=SettingsBody,
        responses={200: SettingsShape, 404: Problem, 422: Problem} | PROBLEMS,
    )
    def patch(self, request: ApiRequest) -> Response:
        services.change(workspace=request.workspace, by=request.actor, body=request.data, now=request.now)
        return _settings(request)


class EmergencyStopApi(APIView):
    rights: ClassVar = {"POST": "execute", "DELETE": "execute"}

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_emergency_stop",
        summary="Stop everything",
        description="Never refused: approved actions are cancelled, nothing is executed until the stop is lifted.",
        request=None,
        responses={200: StoppedShape} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        cancelled = services.stop(workspace=request.workspace, by=request.actor, now=request.now)
        stopped_at = queries.standing(request.workspace).stopped_at
        return Response(StoppedShape({"cancelled": cancelled, "stopped_at": stopped_at}).data)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_emergency_resume",
        summary="Lift the emergency stop",
        responses={204: None} | PROBLEMS,
    )
    def delete(self, request: ApiRequest) -> Response:
        services.resume(workspace=request.workspace, by=request.actor, now=request.now)
        return Response(status=204)


class PauseAllApi(APIView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_pause_all",
        summary="Pause all campaigns",
        description=(
            "Every active campaign, of all ad accounts or of one. Never refused: neither the gate nor a guard rail nor "
            "the emergency stop keeps it from being executed. In Dry-Run Mode it is simulated only."
        ),
        request=PauseAllBody,
        responses={200: PausedShape, 404: Problem, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        body = PauseAllBody(data=request.data)
        body.is_valid(raise_exception=True)
        account = body.validated_data.get("account", "")
        paused = pausing.pause_all(workspace=request.workspace, by=request.actor, now=request.now, account=account)
        return Response(PausedShape(paused).data)


def _settings(request: ApiRequest) -> Response:
    found = queries.standing(request.workspace)
    return Response(SettingsShape((found, queries.accounts(request.workspace))).data)


urlpatterns = [
    route("api/v1/autopilot/settings", AutopilotSettingsApi.as_view(), "api_autopilot_settings"),
    route("api/v1/autopilot/emergency-stop", EmergencyStopApi.as_view(), "api_emergency_stop"),
    route("api/v1/autopilot/pause-all", PauseAllApi.as_view(), "api_pause_all"),
]
