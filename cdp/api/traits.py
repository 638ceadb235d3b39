"""/api/v1/cdp/computed-traits: definitions with their versions, and what they say of profiles."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp.api.trait_shapes import (
    STATUSES,
    AnalysisShape,
    DependenciesShape,
    PreviewShape,
    TraitBody,
    TraitPageShape,
    TraitPatch,
    TraitShape,
    TraitWrittenShape,
    ValuePageShape,
    VersionPageShape,
    VersionShape,
    WhyShape,
    coverage_json,
)
from cdp.definitions.trait_words import sentence
from cdp.definitions.trait_yaml import read_yaml, write_yaml
from cdp.definitions.traits import TraitDefinition, parse_stored
from cdp.models import Trait, TraitVersion
from cdp.queries import profiles, trait_analysis, trait_preview, trait_why
from cdp.queries import traits as queries
from cdp.services import traits as services
from stratum.lib.paging import LIMIT, CursorPages, paged, refuse_unknown_filters
from stratum.lib.refusal import Fault, Invalid
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.lib.tags import names_tag
from stratum.workspaces.api.workspace import JobShape
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent

TAGS = ["Computed traits"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
WRITTEN = {422: Problem} | PROBLEMS
MOVED = {200: TraitShape} | ONE
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]
TAG_PARAMETER = OpenApiParameter("If-Match", str, "header", description="Refuse with 412 when the ETag is another.")
PROFILE_PARAMETER = OpenApiParameter("profile", int, description="Of this profile alone; a merged one's survivor.")


class TraitListApi(APIView):
    rights: ClassVar = {"GET": "view", "POST": "build"}

    @extend_schema(
        tags=TAGS,
        operation_id="v1_cdp_computed_traits_list",
        summary="List computed traits",
        description="By name, the ready-made ones among them.",
        parameters=[
            OpenApiParameter("search", str, description="Part of the name or label."),
            OpenApiParameter("status", str, enum=STATUSES),
            *PAGING,
        ],
        responses={200: TraitPageShape} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, "search", "status")
        status = request.query_params.get("status", "")
        if status and status not in STATUSES:
            raise ValidationError({"status": f"Choose one of: {', '.join(STATUSES)}."})
        found = queries.listed(request.workspace, search=request.query_params.get("search", ""), status=status)

        def told(rows: list[Any]) -> Any:
            return TraitShape(lines(request.workspace, rows), many=True).data

        return paged(self, request, found, ("name", "id"), told)

    @extend_schema(
        tags=TAGS,
        summary="Create a computed trait",
        description="Its first values are computed in the background: `status` tells when it is live.",
        request=TraitBody,
        responses={201: TraitWrittenShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body, draft = _with_draft(request.data)
        trait = services.create(workspace=request.workspace, by=request.actor, body=body, now=request.now, draft=draft)
        return _written(request, trait, status=201)


class TraitApi(APIView):
    rights: ClassVar = {"GET": "view", "PUT": "build", "PATCH": "build", "DELETE": "build"}

    @extend_schema(tags=TAGS, summary="Read a computed trait", responses={200: TraitShape} | ONE)
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        trait = queries.get(request.workspace, trait_id)
        if names_tag(request.headers.get("If-None-Match", ""), queries.tag(trait)):
            return Response(status=304, headers={"ETag": queries.tag(trait)})
        return _trait(request, trait)

    @extend_schema(
        tags=TAGS,
        summary="Replace a computed trait",
        description="Another definition becomes a version, which serves once everybody's value is computed.",
        request=TraitBody,
        responses={200: TraitWrittenShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def put(self, request: ApiRequest, trait_id: UUID) -> Response:
        queries.get(request.workspace, trait_id)
        return self.update(request, trait_id, _definition(request.data), request.headers.get("If-Match"))

    @extend_schema(
        tags=TAGS,
        summary="Change a computed trait",
        request=TraitPatch,
        responses={200: TraitWrittenShape, 412: Problem} | ONE | WRITTEN,
        parameters=[TAG_PARAMETER],
    )
    def patch(self, request: ApiRequest, trait_id: UUID) -> Response:
        trait = queries.get(request.workspace, trait_id)
        changes = _definition(request.data)
        if not isinstance(changes, Mapping):
            raise Invalid([Fault("", "This must be a JSON object with the fields to change.", "wrong_type")])
        seen = request.headers.get("If-Match") or queries.tag(trait)
        return self.update(request, trait_id, {**newest(trait), **changes}, seen)

    def update(self, request: ApiRequest, trait_id: UUID, body: object, expected: str | None) -> Response:
        trait = services.update(
            workspace=request.workspace,
            by=request.actor,
            trait_id=trait_id,
            body=body,
            now=request.now,
            expected=expected,
        )
        return _written(request, trait)

    @extend_schema(
        tags=TAGS,
        summary="Delete a computed trait",
        description="With its values. Refused with 409 and the list while something uses it.",
        responses={204: None, 412: Problem} | ONE,
        parameters=[TAG_PARAMETER],
    )
    def delete(self, request: ApiRequest, trait_id: UUID) -> Response:
        services.delete(
            workspace=request.workspace,
            by=request.actor,
            trait_id=trait_id,
            now=request.now,
            expected=request.headers.get("If-Match"),
        )
        return Response(status=204)


class TraitPreviewApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Preview a computed trait without saving it",
        description="The same computation for everybody, with the events that made the values of a few profiles. "
        "Where the workspace has a trait of that name, `would_change` compares with its values.",
        request=TraitBody,
        responses={200: PreviewShape} | WRITTEN,
    )
    def post(self, request: ApiRequest) -> Response:
        body, _ = _with_draft(request.data)
        definition = services.read(request.workspace, trait_preview.named(body), now=request.now)
        preview = trait_preview.preview(request.workspace, definition, now=request.now)
        return Response(PreviewShape(_preview(request.workspace, preview)).data)


class TraitBackfillApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        summary="Compute a trait again for everybody",
        description="A job; what serves goes on serving until it has ended. `DELETE` on the job cancels.",
        request=None,
        responses={202: JobShape} | ONE,
    )
    def post(self, request: ApiRequest, trait_id: UUID) -> Response:
        job = services.backfill(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now)
        where = request.build_absolute_uri(reverse("api_job", args=[job.pk]))
        return Response({**JobShape(job).data, "url": where}, status=202, headers={"Location": where})


class TraitPublishApi(APIView):
    right = "build"

    @extend_schema(tags=TAGS, summary="Publish a draft", request=None, responses={200: TraitShape} | ONE | WRITTEN)
    def post(self, request: ApiRequest, trait_id: UUID) -> Response:
        return _moved(request, services.publish, trait_id)


class TraitDisableApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        summary="Disable a computed trait",
        description="Nobody sees its values any more, and it takes no place in the plan.",
        request=None,
        responses=MOVED,
    )
    def post(self, request: ApiRequest, trait_id: UUID) -> Response:
        return _moved(request, services.disable, trait_id)


class TraitEnableApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        summary="Enable a computed trait",
        description="Its values are computed anew before anybody sees them.",
        request=None,
        responses=MOVED | WRITTEN,
    )
    def post(self, request: ApiRequest, trait_id: UUID) -> Response:
        return _moved(request, services.enable, trait_id)


class TraitVersionsApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="List the versions of a trait",
        description="The newest first.",
        parameters=PAGING,
        responses={200: VersionPageShape} | ONE,
    )
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        refuse_unknown_filters(request)
        trait = queries.get(request.workspace, trait_id)

        def told(rows: list[Any]) -> Any:
            return VersionShape([_version(request.workspace, trait, version) for version in rows], many=True).data

        return paged(self, request, queries.versions(trait), "-number", told)


class TraitRestoreApi(APIView):
    right = "build"

    @extend_schema(
        tags=TAGS,
        summary="Restore a version of a trait",
        description="As a new version, which serves once everybody's value is computed.",
        request=None,
        responses={200: TraitWrittenShape} | ONE | WRITTEN,
    )
    def post(self, request: ApiRequest, trait_id: UUID, number: int) -> Response:
        trait = services.restore(
            workspace=request.workspace, by=request.actor, trait_id=trait_id, number=number, now=request.now
        )
        return _written(request, trait)


class TraitDependenciesApi(APIView):
    right = "view"

    @extend_schema(tags=TAGS, summary="What a trait uses, and what uses it", responses={200: DependenciesShape} | ONE)
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        trait = queries.get(request.workspace, trait_id)
        return Response(DependenciesShape(queries.dependencies(request.workspace, trait)).data)


class TraitValuesApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Read the values of a trait",
        description="By profile. Who has no value is not listed, but answered with null when asked for by `profile`.",
        parameters=[PROFILE_PARAMETER, *PAGING],
        responses={200: ValuePageShape} | ONE,
    )
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        refuse_unknown_filters(request, "profile")
        trait = queries.get(request.workspace, trait_id)
        if "profile" in request.query_params:
            profile = profiles.get(request.workspace, _profile_number(request))
            one = trait_analysis.of_profile(request.workspace, trait, profile.pk, now=request.now)
            page = {"next": None, "previous": None, "results": [asdict(one)]}
        else:
            pages = CursorPages(("profile_id",))
            rows = pages.paginate_queryset(trait_analysis.stored(trait), request, self) or []
            shown = trait_analysis.shown(request.workspace, trait, rows, now=request.now)
            page = pages.get_paginated_response([asdict(one) for one in shown]).data
        return Response(ValuePageShape({**page, "as_of": trait.as_of}).data)


class TraitWhyApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Why a profile has its value",
        parameters=[OpenApiParameter("profile", int, required=True)],
        responses={200: WhyShape} | ONE,
    )
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        refuse_unknown_filters(request, "profile")
        trait = queries.get(request.workspace, trait_id)
        profile = profiles.get(request.workspace, _profile_number(request))
        return Response(WhyShape(asdict(trait_why.why(request.workspace, trait, profile.pk, now=request.now))).data)


class TraitDistributionApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        summary="Group profiles by a trait",
        description="From the stored values: bins of numbers and times, shares of everything else.",
        responses={200: AnalysisShape} | ONE,
    )
    def get(self, request: ApiRequest, trait_id: UUID) -> Response:
        trait = queries.get(request.workspace, trait_id)
        found = trait_analysis.analysis(request.workspace, trait, now=request.now)
        return Response(
            AnalysisShape(
                {
                    "as_of": trait.as_of,
                    "coverage": coverage_json(found.profiles, found.distribution.count),
                    "distribution": asdict(found.distribution),
                }
            ).data
        )


# What was sent


def _with_draft(data: object) -> tuple[object, bool]:
    """The definition, and whether it is to stay a draft."""
    draft = data.get("draft", False) if isinstance(data, Mapping) else False
    if type(draft) is not bool:
        raise Invalid([Fault("/draft", "Write true or false.", "wrong_type")])
    if not isinstance(data, Mapping):
        return data, draft
    return _definition({name: value for name, value in data.items() if name != "draft"}), draft


def _definition(data: object) -> object:
    """The body itself, or what its YAML says."""
    if not isinstance(data, Mapping) or "yaml" not in data:
        return data
    if others := [name for name in data if name != "yaml"]:
        sentence = "Send the definition either as YAML or by its fields, not both."
        raise Invalid([Fault(f"/{name}", sentence, "ambiguous") for name in others])
    if not isinstance(data["yaml"], str):
        raise Invalid([Fault("/yaml", "Write the YAML as text.", "wrong_type")])
    return read_yaml(data["yaml"])


def _profile_number(request: ApiRequest) -> int:
    given = request.query_params.get("profile", "")
    if not (given.isascii() and given.isdigit() and int(given[:20]) <= profiles.LARGEST_ID):
        raise ValidationError({"profile": "Write the number of a profile."})
    return int(given)


# What is answered


def lines(workspace: Workspace, traits: Iterable[Trait]) -> list[tuple[Trait, dict[str, Any]]]:
    shown = list(traits)
    definitions, users = queries.newest_definitions(shown), queries.used_by_each(workspace, shown)
    zone = queries.zone_of(workspace)
    return [(trait, _more(trait, definitions[trait.pk], users[trait.name], zone)) for trait in shown]


def newest(trait: Trait) -> dict[str, Any]:
    """What was saved last, with its words."""
    return _saved(trait, queries.newest_definitions([trait])[trait.pk])


def _saved(trait: Trait, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {**definition, "label": trait.label, "description": trait.description}


def _more(trait: Trait, definition: Mapping[str, Any], users: Iterable[Dependent], zone: ZoneInfo) -> dict[str, Any]:
    saved = _saved(trait, definition)
    return {**saved, **_words(parse_stored(saved, zone)), "used_by": [asdict(user) for user in users]}


def _words(definition: TraitDefinition) -> dict[str, str]:
    return {"sentence": sentence(definition), "yaml": write_yaml(definition)}


def _version(workspace: Workspace, trait: Trait, version: TraitVersion) -> tuple[TraitVersion, dict[str, Any]]:
    words = _words(parse_stored(version.definition, queries.zone_of(workspace)))
    return version, {**words, "serves": version.number == trait.version}


def _preview(workspace: Workspace, preview: trait_preview.Preview) -> dict[str, Any]:
    return {
        **asdict(preview),
        **_words(preview.definition),
        "coverage": coverage_json(preview.profiles, preview.with_value),
    }


def _moved(request: ApiRequest, move: Callable[..., Trait], trait_id: UUID) -> Response:
    return _trait(request, move(workspace=request.workspace, by=request.actor, trait_id=trait_id, now=request.now))


def _trait(request: ApiRequest, trait: Trait) -> Response:
    [line] = lines(request.workspace, [trait])
    return Response(TraitShape(line).data, headers={"ETag": queries.tag(trait)})


def _written(request: ApiRequest, trait: Trait, *, status: int = 200) -> Response:
    [(_, more)] = lines(request.workspace, [trait])
    shape = TraitWrittenShape((trait, {**more, "warnings": _warnings(request, trait)}))
    return Response(shape.data, status=status, headers={"ETag": queries.tag(trait)})


def _warnings(request: ApiRequest, trait: Trait) -> list[dict[str, Any]]:
    definition = parse_stored(newest(trait), queries.zone_of(request.workspace))
    return [asdict(fault) for fault in trait_preview.warnings(request.workspace, definition, now=request.now)]


ROOM = "api/v1/cdp/computed-traits"
ROOM_OF_ONE = f"{ROOM}/<uuid:trait_id>"
urlpatterns = [
    route(ROOM, TraitListApi.as_view(), "api_trait_list"),
    route(f"{ROOM}/preview", TraitPreviewApi.as_view(), "api_trait_preview"),
    route(ROOM_OF_ONE, TraitApi.as_view(), "api_trait"),
    route(f"{ROOM_OF_ONE}/backfill", TraitBackfillApi.as_view(), "api_trait_backfill"),
    route(f"{ROOM_OF_ONE}/publish", TraitPublishApi.as_view(), "api_trait_publish"),
    route(f"{ROOM_OF_ONE}/disable", TraitDisableApi.as_view(), "api_trait_disable"),
    route(f"{ROOM_OF_ONE}/enable", TraitEnableApi.as_view(), "api_trait_enable"),
    route(f"{ROOM_OF_ONE}/versions", TraitVersionsApi.as_view(), "api_trait_versions"),
    route(f"{ROOM_OF_ONE}/versions/<int:number>/restore", TraitRestoreApi.as_view(), "api_trait_restore"),
    route(f"{ROOM_OF_ONE}/dependencies", TraitDependenciesApi.as_view(), "api_trait_dependencies"),
    route(f"{ROOM_OF_ONE}/values", TraitValuesApi.as_view(), "api_trait_values"),
    route(f"{ROOM_OF_ONE}/why", TraitWhyApi.as_view(), "api_trait_why"),
    route(f"{ROOM_OF_ONE}/distribution", TraitDistributionApi.as_view(), "api_trait_distribution"),
]
