"""What the endpoints of the Pipedrive room share."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.views import APIView

from integrations.queries import pipedrive as queries
from stratum.lib.paging import LIMIT
from stratum.lib.problems import SAFE_METHODS
from stratum.lib.serializers import Problem
from stratum.workspaces import limits
from stratum.workspaces.models import Workspace

ROOM = "api/v1/integrations/pipedrive"
TAGS = ["Pipedrive"]
PROBLEMS = {401: Problem, 403: Problem}
ONE = {404: Problem} | PROBLEMS
WRITTEN = {422: Problem} | PROBLEMS
PAGING = [OpenApiParameter("limit", LIMIT, description="At most 200."), OpenApiParameter("cursor", str)]


class PipedriveView(APIView):
    """Refuses workspaces whose plan has no CRM, with the name of the plan that has."""

    feature_asked = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.feature_asked:
            workspace: Workspace = request.workspace  # type: ignore[attr-defined]
            if request.method in SAFE_METHODS:
                queries.require_readable(workspace)
            else:
                limits.require_feature(workspace, queries.FEATURE)
