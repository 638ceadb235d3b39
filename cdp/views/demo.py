"""Out with the sample data, in one click."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from cdp.services import demo
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest


@require_POST
@access.page("manage")
def sample_remove(request: MemberRequest) -> HttpResponse:
    demo.remove(workspace=request.workspace, by=request.actor, now=request.now)
    messages.success(request, "The sample data is gone. What you sent yourself is still here.")
    return redirect("home")


urlpatterns = [route("dashboard/cdp/sample/remove", sample_remove, "sample_remove")]
