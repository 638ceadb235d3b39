"""/api/v1/trust-layer: signal health and its history, readings in, the gate's judgement, and its policy."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import refuse_unknown_filters
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView
from trustlayer.api.audit_shapes import AuditLogShape
from trustlayer.api.health_shapes import (
    HealthHistoryShape,
    JudgeBody,
    PolicyShape,
    ReadingBody,
    ReadingsBody,
    ReportedShape,
    SignalHealthShape,
    day_json,
    health_json,
    policy_json,
)
from trustlayer.changes import change_words
from trustlayer.queries import health as queries
from trustlayer.queries import history
from trustlayer.services import judging, policies, readings
from trustlayer.services.judging import Proposal
from trustlayer.services.ledger import Entity
from trustlayer.services.readings import PLATFORMS, NewReading
from trustlayer.shapes import entry_json

TAGS = ["Trust Layer"]
PROBLEMS = {401: Problem, 403: Problem}
WRITTEN = {422: Problem} | PROBLEMS
PLATFORM = OpenApiParameter("platform", str, enum=[one for one in PLATFORMS if one], description="Only this one.")


class SignalHealthApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="signal_health",
        tags=TAGS,
        summary="How far the signals can be trusted now",
        parameters=[PLATFORM],
        responses={200: SignalHealthShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        platform = _platform(request)
        policy = policies.current(request.workspace)
        found = queries.health(request.workspace, policy, now=request.now)
        platforms = [one for one in found.platforms if platform in ("", one.platform)]
        return Response(
            {
                "as_of": request.now,
                "score": found.worst.score,
                "status": str(found.worst.status),
                "worst_platform": found.worst.platform or None,
                "policy_version": policy.version,
                "platforms": [health_json(one) for one in platforms],
            }
        )


class SignalHealthHistoryApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="signal_health_history",
        tags=TAGS,
        summary="Signal health by day",
        description="A row a day for each platform, and one for the workspace, which is as well as its worst platform.",
        parameters=[
            OpenApiParameter("days", OpenApiTypes.INT, description="1 to 731, 30 without it; today is the last."),
            PLATFORM,
        ],
        responses={200: HealthHistoryShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        platform = _platform(request, "days")
        days = _days(request.query_params.get("days", "30"))
        found = history.history(request.workspace, days=days, now=request.now)
        rows = [
            row
            for day in found.days
            for one in found.platforms
            if (row := found.row(one, day)) and platform in ("", one)
        ]
        return Response({"days": days, "results": [day_json(row) for row in rows]})


class ReadingsApi(APIView):
    right = "connect"

    @extend_schema(
        operation_id="readings_report",
        tags=TAGS,
        summary="Report readings of signals",
        description="One, or up to 1,000 as `readings`. A reading is known by platform, signal, source and instant: "
        "sent twice it counts once; a late one joins the history without displacing a newer one.",
        request=PolymorphicProxySerializer("ReadingOrReadings", [ReadingBody, ReadingsBody], None),
        responses={201: ReportedShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        is_batch = isinstance(request.data, Mapping) and "readings" in request.data
        body = (ReadingsBody if is_batch else ReadingBody)(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data["readings"] if is_batch else [body.validated_data]
        told = [_reading(one, request) for one in given]
        try:
            found = readings.report(workspace=request.workspace, readings=told, now=request.now)
        except Invalid as refused:
            raise Invalid([_placed(fault, is_batch) for fault in refused.faults]) from refused
        return Response({"accepted": found.accepted, "repeated": found.repeated}, status=201)


class JudgeApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="judge",
        tags=TAGS,
        summary="May this be done? PASS, HOLD or BLOCK",
        description="Nothing is executed. The judgement is an entry of the audit log, marked where it is a dry run.",
        request=JudgeBody,
        responses={201: AuditLogShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        body = JudgeBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        if given["entity_ref"]["platform"] not in PLATFORMS:
            known = ", ".join(filter(None, PLATFORMS))
            raise Invalid([Fault("/entity_ref/platform", f"Choose a platform of {known}.", "unknown_choice")])
        proposal = Proposal(
            given["action"],
            Entity(**given["entity_ref"]),
            given["change"] or change_words(given["change_detail"]),
            given["change_detail"],
        )
        entry = judging.decide(
            workspace=request.workspace,
            by=request.actor,
            proposals=[proposal],
            now=request.now,
            dry_run=given["dry_run"],
        )[0]
        return Response(entry_json(entry), status=201)


class PolicyApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PUT": "connect"}

    @extend_schema(
        operation_id="policy_get",
        tags=TAGS,
        summary="Read the policy of the gate",
        responses={200: PolicyShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        return Response(policy_json(policies.current(request.workspace)))

    @extend_schema(
        operation_id="policy_change",
        tags=TAGS,
        summary="Change the policy of the gate",
        description="A new version, told in the audit log; what says the same as the present one changes nothing. With "
        "`version` it is refused (409) when somebody else has changed the policy since.",
        request=PolicyShape,
        responses={200: PolicyShape} | WRITTEN,
    )
    def put(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request)
        body, expected = request.data, None
        if isinstance(body, Mapping) and "version" in body:
            expected = body["version"]
            body = {name: value for name, value in body.items() if name != "version"}
        policy = policies.change(
            workspace=request.workspace, by=request.actor, body=body, now=request.now, expected=expected
        )
        return Response(policy_json(policy))


def _platform(request: ApiRequest, *more: str) -> str:
    refuse_unknown_filters(request, "platform", *more)
    platform = request.query_params.get("platform", "")
    if platform not in PLATFORMS:
        raise ValidationError({"platform": f"Choose one of {', '.join(filter(None, PLATFORMS))}."})
    return str(platform)


def _days(given: str) -> int:
    if not (given.isascii() and given.isdigit() and 0 < int(given[:5]) <= history.MOST_DAYS):
        raise ValidationError({"days": f"Give a whole number from 1 to {history.MOST_DAYS}."})
    return int(given)


def _reading(given: Mapping[str, Any], request: ApiRequest) -> NewReading:
    return NewReading(
        given["signal"],
        given["value"],
        given.get("observed_at") or request.now,
        given["source"],
        given["platform"],
        reported=True,
        evidence={"sentence": given["sentence"]} if given["sentence"] else {},
    )


def _placed(fault: Fault, is_batch: bool) -> Fault:
    """The pointer as the body has it: the service counts readings from 0."""
    pointer = f"/readings{fault.pointer}" if is_batch else fault.pointer.removeprefix("/0")
    return Fault(pointer, fault.detail, fault.code)


ROOM = "api/v1/trust-layer"
urlpatterns = [
    route(f"{ROOM}/signal-health", SignalHealthApi.as_view(), "api_signal_health"),
    route(f"{ROOM}/signal-health/history", SignalHealthHistoryApi.as_view(), "api_signal_health_history"),
    route(f"{ROOM}/readings", ReadingsApi.as_view(), "api_readings"),
    route(f"{ROOM}/judge", JudgeApi.as_view(), "api_judge"),
    route(f"{ROOM}/policy", PolicyApi.as_view(), "api_policy"),
]
