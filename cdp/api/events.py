"""/api/v1/cdp/events: what came in last, voiding, and the alias table."""

from typing import ClassVar, get_args

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.profile_shapes import (
    AliasTableBody,
    AliasTableShape,
    ArrivalShape,
    ArrivalsShape,
    VoidBody,
    VoidedShape,
    lines_of,
)
from cdp.queries import events as queries
from cdp.queries.events import Outcome
from cdp.services import aliases
from cdp.services.profiles import void_events
from stratum.lib.paging import limit_of, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView

TAGS = ["Events"]
PROBLEMS = {401: Problem, 403: Problem}
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class EventListApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="events_list",
        tags=TAGS,
        summary="See what came in last",
        description="Accepted and rejected messages, the latest first. A name is looked for in the latest 20,000.",
        parameters=[
            OpenApiParameter("outcome", str, enum=OUTCOMES, description="all without one."),
            OpenApiParameter("name", str, description="The whole name, as sent or as counted."),
            OpenApiParameter("limit", int, description="1 to 200, 50 without one."),
        ],
        responses={200: ArrivalsShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, "outcome", "name")
        if "cursor" in request.query_params:
            raise ValidationError({"cursor": "These are only the last ones; there is nothing to go on to."})
        found = queries.arrivals(
            request.workspace,
            outcome=_outcome(request),
            name=request.query_params.get("name", ""),
            limit=limit_of(request),
        )
        return Response({"results": ArrivalShape(found, many=True).data})


class EventVoidApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="events_void",
        tags=TAGS,
        summary="Void events",
        description="They stay, marked, and no question counts them any more. This cannot be undone.",
        request=VoidBody,
        responses={200: VoidedShape, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        body = VoidBody(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data["message_ids"]
        stored = queries.stored_message_ids(request.workspace, asked)
        voided = void_events(
            workspace=request.workspace,
            message_ids=asked,
            reason=body.validated_data["reason"],
            by=request.actor,
            now=request.now,
        )
        return Response({"voided": voided, "unknown": [name for name in dict.fromkeys(asked) if name not in stored]})


class EventAliasesApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PUT": "build"}

    @extend_schema(
        operation_id="event_aliases_get",
        tags=TAGS,
        summary="Read the alias table",
        description="What names as sent are counted as.",
        responses={200: AliasTableShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        return Response(AliasTableShape(queries.alias_table(request.workspace)).data)

    @extend_schema(
        operation_id="event_aliases_put",
        tags=TAGS,
        summary="Replace the workspace's own lines of the alias table",
        description="They hold for events that arrive from now on. The defaults stay.",
        request=AliasTableBody,
        responses={200: AliasTableShape, 422: Problem} | PROBLEMS,
    )
    def put(self, request: ApiRequest) -> Response:
        body = AliasTableBody(data=request.data)
        body.is_valid(raise_exception=True)
        aliases.replace(workspace=request.workspace, by=request.actor, lines=lines_of(body.validated_data))
        return self.get(request)


def _outcome(request: ApiRequest) -> Outcome:
    given = request.query_params.get("outcome", "all")
    outcome = next((known for known in OUTCOMES if known == given), None)
    if outcome is None:
        raise ValidationError({"outcome": f"Choose one of {', '.join(OUTCOMES)}."})
    return outcome


urlpatterns = [
    route("api/v1/cdp/events", EventListApi.as_view(), "api_event_list"),
    route("api/v1/cdp/events/void", EventVoidApi.as_view(), "api_event_void"),
    route("api/v1/cdp/event-aliases", EventAliasesApi.as_view(), "api_event_aliases"),
]
