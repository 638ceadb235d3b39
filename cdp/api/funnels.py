"""/api/v1/cdp/funnels: definitions, and what the engine says about them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from cdp.api.funnel_shapes import (
    INTERVALS,
    FunnelBody,
    FunnelPageShape,
    FunnelPatch,
    FunnelShape,
    PeopleShape,
    PreviewBody,
    ResultShape,
    TimesShape,
    TrendShape,
)
from cdp.definitions import funnel_questions as questions
from cdp.definitions import funnels as definitions
from cdp.definitions.funnels import FunnelDraft
from cdp.models import Funnel
from cdp.queries import funnel_views as views
from cdp.queries import funnels as queries
from cdp.queries.funnel_results import FunnelName
from cdp.services import funnels as services
from stratum.lib.paging import LIMIT, limit_of, paged, refuse_unknown_filters
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.lib.tags import names_tag
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Funnels"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
WRITTEN = {422: Problem} | PROBLEMS
ARCHIVED = {"": False, "false": False, "0": False, "true": True, "1": True}
RANGE_PARAMETERS = [
    OpenApiParameter("from", str, description="First date (its whole day in the workspace's time zone) or instant."),
    OpenApiParameter("to", str, description="Last date or instant, included. Default: the last 30 days."),
    OpenApiParameter("window", str, description="Replaces the Conversion Window, such as P14D."),
    OpenApiParameter("counting", str, enum=["unique", "totals"], description="Replaces the Counting Method."),
    OpenApiParameter("segment", UUID, description="Only the members of this segment."),
    OpenApiParameter("compare", str, enum=["previous"], description="With the period of equal length right before."),
]
BREAKDOWN_PARAMETERS = [
    OpenApiParameter(
        "breakdown",
        str,
        description="platform, device, campaign, event.<property>, profile.<attribute>, traits.<name> or segment:<id>.",
    ),
    OpenApiParameter(
        "attribution",
        str,
        description="Which event gives the value: first_touch (the default), last_touch, step:<n> (0-based) "
        "or all_steps, which asks the funnel once per value.",
    ),
]
LIMIT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": questions.MAX_LIMIT, "default": questions.DEFAULT_LIMIT}
QUESTION_PARAMETERS = [
    *RANGE_PARAMETERS,
    *BREAKDOWN_PARAMETERS,
    OpenApiParameter("limit", LIMIT_SCHEMA, description="Values of the breakdown; the rest is `__other__`."),
]
STEP_PARAMETER = OpenApiParameter("step", int, description="0-based. Without one: from the first step to the last.")
WHOM_PARAMETERS = [
    STEP_PARAMETER,
    OpenApiParameter(
        "outcome",
        str,
        enum=["converted", "dropped"],
        description="Those who reached the step (the default), or those of them who did not reach the next one.",
    ),
    OpenApiParameter(
        "breakdown_value",
        str,
        description="One value of the breakdown, as JSON or plain text; `null` for the missing one, `__other__`.",
    ),
    OpenApiParameter("breakdown_limit", LIMIT_SCHEMA, description="The `limit` of the breakdown that showed it."),
    OpenApiParameter(
        "seconds_min", float, description="At least this long: to the step from the one before, or from first to last."
    ),
    OpenApiParameter("seconds_max", float, description="Less than this."),
    OpenApiParameter("period", str, enum=["current", "previous"], description="Of the period right before."),
    OpenApiParameter("limit", LIMIT, description="People on a page, at most 200."),
    OpenApiParameter("cursor", str),
]
TAG_PARAMETER = OpenApiParameter("If-Match", str, "header", description="Refuse with 412 when the ETag is another.")


class FunnelListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="v1_cdp_funnels_list",
        summary="List funnels",
        parameters=[
            OpenApiParameter("search", str, description="Part of the name."),
            OpenApiParameter("archived", bool, description="The archived ones instead."),
            OpenApiParameter("limit", LIMIT, description="At most 200."),
            OpenApiParameter("cursor", str),
        ],
        responses={200: FunnelPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, "search", "archived")
        archived = request.query_params.get("archived", "").lower()
        if archived not in ARCHIVED:
            raise ValidationError({"archived": "Write true or false."})
        found = queries.find(
            request.workspace, search=request.query_params.get("search", ""), archived=ARCHIVED[archived]
        )
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: FunnelShape(rows, many=True).data)

    @extend_schema(tags=TAGS, summary="Create a funnel", request=FunnelBody, responses={201: FunnelShape} | WRITTEN)
    def post(self, request: ApiRequest) -> Response:
        draft = definitions.parse_draft(request.data, zone=queries.zone_of(request.workspace))
        funnel = services.create(workspace=request.workspace, by=request.actor, draft=draft, now=request.now)
        return _funnel(funnel, status=201)


class FunnelApi(APIView):
    rights: ClassVar = {"GET": "view", "PUT": "build", "PATCH": "build", "DELETE": "build"}

    @extend_schema(tags=TAGS, summary="Read a funnel", responses={200: FunnelShape} | ONE)
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        if names_tag(request.headers.get("If-None-Match", ""), queries.tag(funnel)):
            return Response(status=304, headers={"ETag": queries.tag(funnel)})
        return _funnel(funnel)

    @extend_schema(
        tags=TAGS,
        summary="Replace a funnel",
        request=FunnelBody,
        responses={200: FunnelShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def put(self, request: ApiRequest, funnel_id: UUID) -> Response:
        return self.update(request, funnel_id, request.data, request.headers.get("If-Match"))

    @extend_schema(
        tags=TAGS,
        summary="Change a funnel",
        request=FunnelPatch,
        responses={200: FunnelShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def patch(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        if not isinstance(request.data, Mapping):
            raise Invalid([Fault("", "This must be a JSON object with the fields to change.", "wrong_type")])
        stored = {"name": funnel.name, "description": funnel.description, **funnel.definition}
        seen = request.headers.get("If-Match") or queries.tag(funnel)
        return self.update(request, funnel_id, {**stored, **request.data}, seen)

    def update(self, request: ApiRequest, funnel_id: UUID, body: object, expected: str | None) -> Response:
        draft = definitions.parse_draft(body, zone=queries.zone_of(request.workspace))
        funnel = services.update(
            workspace=request.workspace,
            by=request.actor,
            funnel_id=funnel_id,
            draft=draft,
            now=request.now,
            expected=expected,
        )
        return _funnel(funnel)

    @extend_schema(
        tags=TAGS,
        summary="Archive a funnel",
        description="It leaves the list and stays readable; `restore` brings it back.",
        responses={204: None, 412: Problem} | ONE,
        parameters=[TAG_PARAMETER],
    )
    def delete(self, request: ApiRequest, funnel_id: UUID) -> Response:
        services.archive(
            workspace=request.workspace,
            by=request.actor,
            funnel_id=funnel_id,
            now=request.now,
            expected=request.headers.get("If-Match"),
        )
        return Response(status=204)


class FunnelRestoreApi(APIView):
    right = "build"

    @extend_schema(tags=TAGS, summary="Restore an archived funnel", request=None, responses={200: FunnelShape} | ONE)
    def post(self, request: ApiRequest, funnel_id: UUID) -> Response:
        return _funnel(
            services.restore(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
        )


class FunnelDuplicateApi(APIView):
    right = "build"

    @extend_schema(tags=TAGS, summary="Duplicate a funnel", request=None, responses={201: FunnelShape} | ONE)
    def post(self, request: ApiRequest, funnel_id: UUID) -> Response:
        copy = services.duplicate(workspace=request.workspace, by=request.actor, funnel_id=funnel_id, now=request.now)
        return _funnel(copy, status=201)


class FunnelAnalysisApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Analyze a funnel",
        parameters=QUESTION_PARAMETERS,
        responses={200: ResultShape, 422: Problem} | ONE,
    )
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        with in_query():
            question = _question(request, request.query_params.dict())
            result = queries.analyze_saved(request.workspace, funnel, question=question, now=request.now)
        return Response(ResultShape(result).data)


class FunnelTrendApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Read a funnel's trend",
        description="Days, weeks from Monday, or months of the workspace's time zone; at most 400.",
        parameters=[OpenApiParameter("interval", str, enum=INTERVALS, default="day"), *RANGE_PARAMETERS],
        responses={200: TrendShape, 422: Problem} | ONE,
    )
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        own, fields = _parted(request, "interval")
        with in_query():
            result = views.trend(
                request.workspace,
                queries.definition_of(funnel, request.workspace),
                question=_question(request, fields),
                interval=questions.parse_interval(own),
                now=request.now,
                funnel=queries.name_of(funnel),
            )
        return Response(TrendShape(result).data)


class FunnelTimesApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Read how long converting takes",
        parameters=[STEP_PARAMETER, *RANGE_PARAMETERS],
        responses={200: TimesShape, 422: Problem} | ONE,
    )
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        definition = queries.definition_of(funnel, request.workspace)
        own, fields = _parted(request, "step")
        with in_query():
            result = views.time_to_convert(
                request.workspace,
                definition,
                question=_question(request, fields),
                step=questions.parse_step(own, definition, first=1),
                now=request.now,
                funnel=queries.name_of(funnel),
            )
        return Response(TimesShape(result).data)


class FunnelPeopleApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="List the people behind a number of a funnel",
        description="The latest entry first. `total` is the number that the funnel shows.",
        parameters=[*RANGE_PARAMETERS, *BREAKDOWN_PARAMETERS, *WHOM_PARAMETERS],
        responses={200: PeopleShape, 422: Problem} | ONE,
    )
    def get(self, request: ApiRequest, funnel_id: UUID) -> Response:
        funnel = queries.get(request.workspace, funnel_id)
        definition = queries.definition_of(funnel, request.workspace)
        own, fields = _parted(request, *questions.WHOM_FIELDS)
        paging, fields = _parted(request, "limit", "cursor", fields=fields)
        with in_query():
            question = _question(request, fields, limit="breakdown_limit")
            result = views.people(
                request.workspace,
                definition,
                question=question,
                whom=questions.parse_whom(own, definition, question.breakdown),
                now=request.now,
                funnel=queries.name_of(funnel),
                after=paging.get("cursor", ""),
                limit=limit_of(request),
            )
        links = {"next": _page(request, result.next), "previous": _page(request, result.previous)}
        return Response({**PeopleShape(result).data, **links})


class FunnelPreviewApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Analyze a funnel without saving it",
        request=PreviewBody,
        responses={200: ResultShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        draft, question = _preview(request)
        result = queries.analyze(
            request.workspace,
            draft.definition,
            question=question,
            now=request.now,
            funnel=FunnelName(None, draft.name, None),
        )
        return Response(ResultShape(result).data)


def _preview(request: ApiRequest) -> tuple[FunnelDraft, questions.Question]:
    """Faults of the funnel and of the question are told together."""
    body = request.data
    if not isinstance(body, Mapping):
        raise Invalid([Fault("", "This must be a JSON object with a funnel.", "wrong_type")])
    faults: list[Fault] = []
    draft = question = None
    try:
        draft = definitions.parse_draft(
            body.get("funnel"), "/funnel", zone=queries.zone_of(request.workspace), name_required=False
        )
    except Invalid as refused:
        faults += refused.faults
    try:
        question = _question(request, {name: value for name, value in body.items() if name != "funnel"})
    except Invalid as refused:
        faults += refused.faults
    if draft is None or question is None:
        raise Invalid(faults)
    return draft, question


def _question(request: ApiRequest, fields: Mapping[str, Any], *, limit: str = "limit") -> questions.Question:
    return questions.parse_question(fields, now=request.now, zone=queries.zone_of(request.workspace), limit=limit)


@contextmanager
def in_query() -> Iterator[None]:
    """What is wrong with a query string is a bad request."""
    try:
        yield
    except Invalid as refused:
        refused.status = 400
        raise


def _parted(
    request: ApiRequest, *names: str, fields: Mapping[str, str] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """The parameters of these names, and the others."""
    given = request.query_params.dict() if fields is None else fields
    own = {name: value for name, value in given.items() if name in names}
    return own, {name: value for name, value in given.items() if name not in names}


def _page(request: ApiRequest, cursor: str | None) -> str | None:
    """The first page has the empty cursor."""
    if cursor is None:
        return None
    address = request.build_absolute_uri()
    return replace_query_param(address, "cursor", cursor) if cursor else remove_query_param(address, "cursor")


def _funnel(funnel: Funnel, *, status: int = 200) -> Response:
    return Response(FunnelShape(funnel).data, status=status, headers={"ETag": queries.tag(funnel)})


urlpatterns = [
    route("api/v1/cdp/funnels", FunnelListApi.as_view(), "api_funnel_list"),
    route("api/v1/cdp/funnels/preview", FunnelPreviewApi.as_view(), "api_funnel_preview"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>", FunnelApi.as_view(), "api_funnel"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/restore", FunnelRestoreApi.as_view(), "api_funnel_restore"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/duplicate", FunnelDuplicateApi.as_view(), "api_funnel_duplicate"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/analyze", FunnelAnalysisApi.as_view(), "api_funnel_analysis"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/trend", FunnelTrendApi.as_view(), "api_funnel_trend"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/time-to-convert", FunnelTimesApi.as_view(), "api_funnel_times"),
    route("api/v1/cdp/funnels/<uuid:funnel_id>/people", FunnelPeopleApi.as_view(), "api_funnel_people"),
]
