"""ETag and If-Match for documents that have no version of their own: the tag is made of what GET tells."""

from typing import Any, ClassVar

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from stratum.lib import tags
from stratum.lib.problems import SAFE_METHODS
from stratum.lib.refusal import Refusal
from stratum.workspaces.authentication import ApiRequest
from stratum.workspaces.models import Workspace

CHANGED = "Somebody changed this since you read it. Load it again and repeat your change."


class TaggedView(APIView):
    """For views that change only our own database.

    GET has an ETag, and is 304 for who names it in If-None-Match. A change that names another tag in If-Match is 412.
    The workspace's row is locked from the comparison until the change is committed: of two programs that read the same,
    the second is refused.
    """

    passing: ClassVar[frozenset[str]] = frozenset()  # members that change by themselves

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method in SAFE_METHODS or "If-Match" not in request.headers:
            return super().dispatch(request, *args, **kwargs)
        with transaction.atomic():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        expected = request.headers.get("If-Match")
        if expected is None or request.method in SAFE_METHODS:
            return
        entered: ApiRequest = request  # type: ignore[assignment]
        Workspace.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=entered.workspace.pk)
        present = self.get(request, *args, **kwargs)  # type: ignore[attr-defined]
        if not tags.names_tag(expected, self.tag(present)):
            raise Refusal("precondition_failed", CHANGED, status=412)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if not isinstance(answer, Response) or answer.status_code != 200:
            return answer
        tag = self.tag(answer)
        if request.method in SAFE_METHODS and tags.names_tag(request.headers.get("If-None-Match", ""), tag):
            answer.data, answer.status_code = None, 304
        answer["ETag"] = tag
        return answer

    def tag(self, response: Response) -> str:
        return tags.of_content(response.data, self.passing)
