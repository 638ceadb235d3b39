"""/api/v1/cdp/profiles: who somebody is, what they did, split and erase."""

from typing import Any, ClassVar, TypeVar

from django.db.models import Model
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.profile_shapes import (
    EventPageShape,
    EventShape,
    ProfilePageShape,
    ProfileShape,
    SplitBody,
    WholeProfileShape,
    profile_line,
    profile_lines,
)
from cdp.models import IdentifierKind, Profile
from cdp.queries import profiles as queries
from cdp.queries import subject
from cdp.queries.engine import answering
from cdp.services import profiles as services
from stratum.lib.paging import CursorPages, refuse_unknown_filters
from stratum.lib.refusal import Missing
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest

TAGS = ["Profiles"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
Row = TypeVar("Row", bound=Model)
KINDS = tuple(IdentifierKind.values)
IDENTIFIERS = [OpenApiParameter(kind, str, description="Exactly this one.") for kind in KINDS]
PAGING = [OpenApiParameter("limit", int, description="1 to 200, 50 without one."), OpenApiParameter("cursor", str)]


class ProfileListApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="profiles_list",
        tags=TAGS,
        summary="List profiles",
        description="All of a workspace, the newest first; with an identifier, the one profile that has it.",
        parameters=[*IDENTIFIERS, *PAGING],
        responses={200: ProfilePageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, *KINDS)
        wanted = {kind: request.query_params[kind] for kind in KINDS if kind in request.query_params}
        pages = CursorPages("-id")
        rows = pages.paginate_queryset(queries.matching(request.workspace, wanted), request, self)
        cards = queries.cards(request.workspace, rows, now=request.now)
        return pages.get_paginated_response(profile_lines(request.workspace, cards, now=request.now))


class ProfileLookupApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="profiles_lookup",
        tags=TAGS,
        summary="Look a profile up by one identifier",
        description="For personalisation: who this is right now, with current traits and segments.",
        parameters=IDENTIFIERS,
        responses={200: ProfileShape} | ONE,
    )
    def get(self, request: ApiRequest) -> Response:
        kind, value = _one_identifier(request)
        profile = queries.look_up(request.workspace, kind=kind, value=value)
        return Response(_line(request, profile))


class ProfileApi(APIView):
    rights: ClassVar = {"GET": "view", "DELETE": "manage"}

    @extend_schema(
        operation_id="profiles_get",
        tags=TAGS,
        summary="Read a profile",
        description="The number of a merged profile leads to its survivor.",
        responses={200: WholeProfileShape} | ONE,
    )
    def get(self, request: ApiRequest, profile_id: int) -> Response:
        return _whole(request, queries.get(request.workspace, profile_id))

    @extend_schema(
        operation_id="profiles_erase",
        tags=TAGS,
        summary="Erase a profile",
        description="Identifiers, attributes and the content of its events go for good; nothing counts them any more.",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, profile_id: int) -> Response:
        profile = queries.get(request.workspace, profile_id)
        services.erase(workspace=request.workspace, profile=profile, by=request.actor, now=request.now)
        return Response(status=204)


class ProfileEventsApi(APIView):
    right = "view"

    @extend_schema(
        operation_id="profiles_events",
        tags=TAGS,
        summary="Read what a profile did",
        description="Every message, the latest first; voided ones are marked.",
        parameters=PAGING,
        responses={200: EventPageShape} | ONE,
    )
    def get(self, request: ApiRequest, profile_id: int) -> Response:
        refuse_unknown_filters(request)
        with answering():
            found = queries.life_of(queries.get(request.workspace, profile_id))
        pages = CursorPages(("-ts", "-id"))
        rows = pages.paginate_queryset(found, request, self)
        return pages.get_paginated_response(EventShape(queries.with_voids(rows), many=True).data)


class ProfileExportApi(APIView):
    right = "export"

    @extend_schema(
        operation_id="profiles_export",
        tags=TAGS,
        summary="Export everything about a profile",
        description="All that is stored about a person, as one JSON document: the answer to a data subject's request.",
        responses={(200, "application/json"): OpenApiTypes.OBJECT} | ONE,
    )
    def get(self, request: ApiRequest, profile_id: int) -> StreamingHttpResponse:
        profile = queries.get(request.workspace, profile_id)
        document = subject.document(request.workspace, profile, now=request.now)
        return StreamingHttpResponse(document, content_type="application/json")


class ProfileSplitApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="profiles_split",
        tags=TAGS,
        summary="Split a merge",
        description="The merged profile comes back with its identifiers, attributes and events, and is the answer.",
        request=SplitBody,
        responses={200: WholeProfileShape, 422: Problem} | ONE,
    )
    def post(self, request: ApiRequest, profile_id: int) -> Response:
        profile = queries.get(request.workspace, profile_id)
        body = SplitBody(data=request.data)
        body.is_valid(raise_exception=True)
        merge_id = body.validated_data["merge"]
        if merge_id not in {merge.pk for merge in queries.merges(profile)}:
            raise Missing("This profile has no such merge that could be split.")
        return _whole(
            request, services.split(workspace=request.workspace, merge_id=merge_id, by=request.actor, now=request.now)
        )


def _one_identifier(request: ApiRequest) -> tuple[str, str]:
    unknown = {
        name: f"There is no identifier “{name[:80]}” here." for name in request.query_params if name not in KINDS
    }
    if unknown:
        raise ValidationError(unknown)
    given = [(kind, request.query_params[kind]) for kind in KINDS if request.query_params.get(kind)]
    if len(given) != 1:
        raise ValidationError({"identifier": f"Name exactly one of {', '.join(KINDS)}."})
    return given[0]


def _whole(request: ApiRequest, profile: Profile) -> Response:
    return Response(WholeProfileShape((_line(request, profile), queries.merges(profile))).data)


def _line(request: ApiRequest, profile: Profile) -> dict[str, Any]:
    card = queries.card(request.workspace, profile, now=request.now)
    return profile_line(request.workspace, card, now=request.now)


urlpatterns = [
    route("api/v1/cdp/profiles", ProfileListApi.as_view(), "api_profile_list"),
    route("api/v1/cdp/profiles/lookup", ProfileLookupApi.as_view(), "api_profile_lookup"),
    route("api/v1/cdp/profiles/<int:profile_id>", ProfileApi.as_view(), "api_profile"),
    route("api/v1/cdp/profiles/<int:profile_id>/events", ProfileEventsApi.as_view(), "api_profile_events"),
    route("api/v1/cdp/profiles/<int:profile_id>/export", ProfileExportApi.as_view(), "api_profile_export"),
    route("api/v1/cdp/profiles/<int:profile_id>/split", ProfileSplitApi.as_view(), "api_profile_split"),
]
