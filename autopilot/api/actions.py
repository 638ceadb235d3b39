"""/api/v1/autopilot/actions: propose, read, test, approve, reject, cancel, execute, undo."""

from collections.abc import Callable
from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from autopilot.api.shapes import (
    ActionBody,
    ActionDetailShape,
    ActionPageShape,
    ActionShape,
    ApproveBody,
    DryRunShape,
    RejectBody,
)
from autopilot.changes import Absurd, Wish, parse_amount
from autopilot.models import Action
from autopilot.queries import actions as queries
from autopilot.queries.actions import FILTERS, TABS
from autopilot.services import actions as services
from autopilot.services import proposals
from autopilot.services.proposals import Asked
from autopilot.services.stage import Stage
from autopilot.states import VALUES
from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Autopilot"]
PROBLEMS = {401: Problem, 403: Problem}
DONE = {200: ActionDetailShape, 404: Problem, 422: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class ActionListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_list",
        summary="Read the action queue",
        parameters=[
            OpenApiParameter("tab", str, enum=list(TABS)),
            OpenApiParameter("state", str, enum=VALUES),
            *(OpenApiParameter(name, str) for name in FILTERS if name not in ("tab", "state")),
            *PAGING,
        ],
        responses={200: ActionPageShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, *FILTERS)
        filters = {name: request.query_params.get(name, "") for name in FILTERS}
        for name, known in (("tab", tuple(TABS)), ("state", VALUES)):
            if filters[name] and filters[name] not in known:
                raise ValidationError({name: f"Choose one of {', '.join(known)}."})
        found = queries.find(request.workspace, filters)
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: ActionShape(rows, many=True).data)

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_propose",
        summary="Propose an action",
        description="It is judged at once; what becomes of it depends on the gate, the guard rails and the level.",
        request=ActionBody,
        responses={201: ActionDetailShape, 404: Problem, 422: Problem, 503: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        body = ActionBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        asked = Asked(queries.entity_at(request.workspace, given["entity_ref"]), _wish(given), given.get("note", ""))
        action = proposals.propose(stage=Stage(request.workspace, request.now), by=request.actor, asked=asked)
        return Response(ActionDetailShape(action).data, status=201)


def _wish(given: dict[str, str]) -> Wish:
    try:
        value, percent = (parse_amount(given.get(name), f"/{name}") for name in ("value", "percent"))
    except Absurd as absurd:
        raise Invalid([Fault(absurd.pointer, absurd.sentence)]) from absurd
    return Wish(given["action"], value, percent, given.get("currency", "").upper())


class ActionApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_get",
        summary="Read an action",
        responses={200: ActionDetailShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest, action_id: UUID) -> Response:
        return Response(ActionDetailShape(queries.get(request.workspace, action_id)).data)


class ActionDryRunApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_dry_run",
        summary="Test an action",
        description="The very attempt of the real run, up to the write. Nothing is changed on the platform.",
        request=None,
        responses={200: DryRunShape, 404: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        tested = services.test(workspace=request.workspace, by=request.actor, action_id=action_id, now=request.now)
        return Response(DryRunShape(tested).data)


class ActionApproveApi(APIView):
    right = "approve"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_approve",
        summary="Approve an action",
        description="Executed at once where the key may execute too; else it waits for somebody who may.",
        request=ApproveBody,
        responses=DONE,
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        body = ApproveBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = {name: body.validated_data.get(name, "") for name in ("confirm", "inputs_hash")}
        return _done(request, services.approve, action_id, **given)


class ActionRejectApi(APIView):
    right = "approve"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_reject",
        summary="Reject an action",
        request=RejectBody,
        responses=DONE,
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        body = RejectBody(data=request.data)
        body.is_valid(raise_exception=True)
        return _done(request, services.reject, action_id, reason=body.validated_data["reason"])


class ActionCancelApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS, operation_id="autopilot_actions_cancel", summary="Cancel an action", request=None, responses=DONE
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        return _done(request, services.cancel, action_id)


class ActionExecuteApi(APIView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_execute",
        summary="Execute an approved action that waits for it",
        request=None,
        responses=DONE,
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        return _done(request, services.start, action_id)


class ActionJudgeApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_judge",
        summary="Judge a blocked action again",
        request=None,
        responses=DONE | {503: Problem},
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        return _done(request, services.judge_again, action_id)


class ActionUndoApi(APIView):
    right = "execute"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_actions_undo",
        summary="Undo an executed action",
        description="A new action back to what was before, only while the platform still has what we set.",
        request=None,
        responses={201: ActionDetailShape, 503: Problem} | dict.fromkeys((401, 403, 404, 422), Problem),
    )
    def post(self, request: ApiRequest, action_id: UUID) -> Response:
        back = services.undo(workspace=request.workspace, by=request.actor, action_id=action_id, now=request.now)
        return Response(ActionDetailShape(back).data, status=201)


def _done(request: ApiRequest, service: Callable[..., Action], action_id: UUID, **given: str) -> Response:
    """The action as it is after the worker may have had its turn."""
    action = service(workspace=request.workspace, by=request.actor, action_id=action_id, now=request.now, **given)
    action.refresh_from_db()
    return Response(ActionDetailShape(action).data)


ROOM = "api/v1/autopilot/actions"
ONE = f"{ROOM}/<uuid:action_id>"
urlpatterns = [
    route(ROOM, ActionListApi.as_view(), "api_action_list"),
    route(ONE, ActionApi.as_view(), "api_action"),
    route(f"{ONE}/dry-run", ActionDryRunApi.as_view(), "api_action_dry_run"),
    route(f"{ONE}/approve", ActionApproveApi.as_view(), "api_action_approve"),
    route(f"{ONE}/reject", ActionRejectApi.as_view(), "api_action_reject"),
    route(f"{ONE}/cancel", ActionCancelApi.as_view(), "api_action_cancel"),
    route(f"{ONE}/execute", ActionExecuteApi.as_view(), "api_action_execute"),
    route(f"{ONE}/judge", ActionJudgeApi.as_view(), "api_action_judge"),
    route(f"{ONE}/undo", ActionUndoApi.as_view(), "api_action_undo"),
]
