"""ETag and If-Match for documents that have no version of their own: the tag is made of what GET tells."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

OVERTAKEN = (
    "Somebody else saved this since you opened it, so nothing is saved. What you typed still stands here: open the "
    "page anew in another tab, and repeat there what you want."
)


@contextmanager
def unless_overtaken(workspace: Workspace, seen: str, told: Callable[[], Mapping[str, Any]]) -> Iterator[None]:
    """Around what the form of a page saves. `told` is what stands now, `seen` the tag of what stood when it was opened
    (`tags.of_content`): raises Refusal where they differ. Takes the lock of TaggedView.
    """
    with transaction.atomic():
        hold(workspace)
        if seen and seen != tags.of_content(told()):
            raise Refusal("precondition_failed", OVERTAKEN, status=412)
        yield


def hold(workspace: Workspace) -> None:
    """Until the transaction ends nobody else changes what has a tag."""
    Workspace.objects.select_for_update(of=("self",), no_key=True).only("pk").get(pk=workspace.pk)


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
        hold(entered.workspace)
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
