"""/api/v1/autopilot/dry-runs: tests and how well they predicted."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from autopilot.api.actions import PAGING, PROBLEMS, TAGS
from autopilot.api.shapes import DryRunPageShape, DryRunShape
from autopilot.queries import dry_runs as queries
from autopilot.queries.dry_runs import FILTERS, OUTCOMES
from autopilot.verdicts import Verdict
from stratum.lib.paging import paged, refuse_unknown_filters
from stratum.lib.routes import route
from stratum.lib.serializers import Problem
from stratum.workspaces.authentication import ApiRequest


class DryRunListApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_dry_runs_list",
        summary="Read the dry-run history",
        parameters=[
            OpenApiParameter("verdict", str, enum=[verdict.value for verdict in Verdict]),
            OpenApiParameter("outcome", str, enum=list(OUTCOMES)),
            *(OpenApiParameter(name, str) for name in FILTERS if name not in ("verdict", "outcome")),
            *PAGING,
        ],
        responses={200: DryRunPageShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest) -> Response:
        refuse_unknown_filters(request, *FILTERS)
        filters = {name: request.query_params.get(name, "") for name in FILTERS}
        for name, known in (("outcome", tuple(OUTCOMES)), ("verdict", tuple(Verdict))):
            if filters[name] and filters[name] not in known:
                raise ValidationError({name: f"Choose one of {', '.join(known)}."})
        found = queries.find(request.workspace, filters)
        return paged(self, request, found, ("-at", "-id"), lambda rows: DryRunShape(rows, many=True).data)


class DryRunApi(APIView):
    right = "view"

    @extend_schema(
        tags=TAGS,
        operation_id="autopilot_dry_runs_get",
        summary="Read a dry-run",
        responses={200: DryRunShape, 404: Problem} | PROBLEMS,
    )
    def get(self, request: ApiRequest, dry_run_id: UUID) -> Response:
        return Response(DryRunShape(queries.get(request.workspace, dry_run_id)).data)


ROOM = "api/v1/autopilot/dry-runs"
urlpatterns = [
    route(ROOM, DryRunListApi.as_view(), "api_dry_run_list"),
    route(f"{ROOM}/<uuid:dry_run_id>", DryRunApi.as_view(), "api_dry_run"),
]
