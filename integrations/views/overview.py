"""/dashboard/integrations: everything beyond our walls, and how it is doing."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.registry import integrations
from stratum.lib.routes import route
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest


@require_safe
@access.page("view")
def integration_list(request: MemberRequest) -> HttpResponse:
    known = sorted(integrations.values(), key=lambda one: (one.order, one.name))
    cards = [(one, one.look(request.workspace, request.now)) for one in known]
    return render(request, "integrations/overview.html", {"cards": cards})


urlpatterns = [route("dashboard/integrations", integration_list, "integration_list")]
