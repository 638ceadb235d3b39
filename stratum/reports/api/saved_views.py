"""/api/v1/saved-views: pages as somebody had set them, under a name."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib.paging import LIMIT, paged, refuse_unknown_filters
from stratum.lib.serializers import Problem, StrictSerializer
from stratum.reports import queries
from stratum.reports.models import SavedView
from stratum.reports.services import saved_views as services
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.conditional import TaggedView

TAGS = ["Saved views"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class SavedViewBody(StrictSerializer):
    page = serializers.CharField(max_length=200, help_text="Its path, such as /dashboard/cdp/profiles.")
    query = serializers.CharField(default="", allow_blank=True, max_length=8_000, help_text="After the question mark.")
    name = serializers.CharField(max_length=120)
    shared = serializers.BooleanField(default=True, help_text="With the team. A program has no views of its own.")


class SavedViewPatch(StrictSerializer):
    shared = serializers.BooleanField()


class SavedViewShape(serializers.ModelSerializer[SavedView]):
    created_by = serializers.CharField(allow_null=True, help_text="None for a program's.")
    address = serializers.CharField(help_text="The page with its state.")

    class Meta:
        model = SavedView
        fields = ["id", "page", "query", "name", "shared", "address", "created_by", "created_at"]


class SavedViewPageShape(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = SavedViewShape(many=True)


class SavedViewListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        operation_id="saved_views_list",
        tags=TAGS,
        summary="List saved views",
        description="Those that the team shares, and a person's own.",
        parameters=[OpenApiParameter("page", str, description="Of this page alone, by its path."), *PAGING],
        responses={200: SavedViewPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, "page")
        found = queries.views(request.workspace, request.actor.user)
        if page := request.query_params.get("page"):
            found = found.filter(page=page)
        return paged(self, request, found, ("-created_at", "-id"), lambda rows: SavedViewShape(rows, many=True).data)

    @extend_schema(
        operation_id="saved_views_create",
        tags=TAGS,
        summary="Save a view",
        request=SavedViewBody,
        responses={201: SavedViewShape, 422: Problem} | PROBLEMS,
    )
    def post(self, request: ApiRequest) -> Response:
        parsed = SavedViewBody(data=request.data)
        parsed.is_valid(raise_exception=True)
        view = services.save(workspace=request.workspace, by=request.actor, now=request.now, **parsed.validated_data)
        return Response(SavedViewShape(view).data, status=201)


class SavedViewApi(TaggedView):
    rights: ClassVar = {"GET": "view", "PATCH": "build", "DELETE": "build"}

    @extend_schema(
        operation_id="saved_views_get", tags=TAGS, summary="Read a saved view", responses={200: SavedViewShape} | ONE
    )
    def get(self, request: ApiRequest, view_id: UUID) -> Response:
        refuse_unknown_filters(request)
        return Response(SavedViewShape(queries.view(request.workspace, request.actor.user, view_id)).data)

    @extend_schema(
        operation_id="saved_views_share",
        tags=TAGS,
        summary="Share a saved view with the team, or no longer",
        request=SavedViewPatch,
        responses={200: SavedViewShape, 422: Problem} | ONE,
    )
    def patch(self, request: ApiRequest, view_id: UUID) -> Response:
        parsed = SavedViewPatch(data=request.data)
        parsed.is_valid(raise_exception=True)
        view = services.share(
            workspace=request.workspace,
            by=request.actor,
            view_id=view_id,
            shared=parsed.validated_data["shared"],
            now=request.now,
        )
        return Response(SavedViewShape(view).data)

    @extend_schema(
        operation_id="saved_views_delete",
        tags=TAGS,
        summary="Delete a saved view",
        description="Somebody else's takes the right to manage the workspace; `restore` brings it back for 30 days.",
        responses={204: None} | ONE,
    )
    def delete(self, request: ApiRequest, view_id: UUID) -> Response:
        services.delete(workspace=request.workspace, by=request.actor, view_id=view_id, now=request.now)
        return Response(status=204)


class SavedViewRestoreApi(APIView):
    right = "build"

    @extend_schema(
        operation_id="saved_views_restore",
        tags=TAGS,
        summary="Bring a deleted view back",
        request=None,
        responses={200: SavedViewShape} | ONE,
    )
    def post(self, request: ApiRequest, view_id: UUID) -> Response:
        view = services.restore(workspace=request.workspace, by=request.actor, view_id=view_id, now=request.now)
        return Response(SavedViewShape(view).data)
