"""/api/v1/integrations/pipedrive/mapping: which field meets which."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from integrations.api.pipedrive_base import PROBLEMS, ROOM, TAGS, WRITTEN, PipedriveView
from integrations.api.pipedrive_shapes import (
    PipedriveCreatedFieldsShape,
    PipedriveCreateFieldsBody,
    PipedriveMappingBody,
    PipedriveMappingShape,
)
from integrations.models import PipedriveConnection
from integrations.pipedrive.drafts import read_mapping
from integrations.queries import pipedrive as queries
from integrations.queries import pipedrive_sources
from integrations.services.pipedrive import mapping
from stratum.lib.paging import refuse_unknown_filters
from stratum.lib.routes import route
from stratum.workspaces.authentication import ApiRequest


class MappingApi(PipedriveView):
    rights: ClassVar = {"GET": "view", "PUT": "connect"}

    @extend_schema(
        tags=TAGS,
        operation_id="pipedrive_mapping",
        summary="Read the mapping",
        description="With what both sides have to offer. Pipedrive's fields are those of the last look.",
        responses={200: PipedriveMappingShape} | PROBLEMS,
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


urlpatterns = [
    route(f"{ROOM}/mapping", MappingApi.as_view(), "api_pipedrive_mapping"),
    route(f"{ROOM}/mapping/create-fields", CreateFieldsApi.as_view(), "api_pipedrive_create_fields"),
]
