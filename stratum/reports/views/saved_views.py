"""/dashboard/saved-views: what the menu of saved views on every page does."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from stratum.lib.refusal import Invalid
from stratum.reports.services import saved_views as services
from stratum.workspaces import access
from stratum.workspaces.access import MemberRequest


@require_POST
@access.page("view")
def new(request: MemberRequest) -> HttpResponse:
    """The form's address follows the page where fragments change it (js/saved_views.js)."""
    page, _, query = request.POST.get("address", "").partition("?")
    name = request.POST.get("name", "")
    shared = "shared" in request.POST
    try:
        view = services.save(
            workspace=request.workspace,
            by=request.actor,
            page=page,
            query=query,
            name=name,
            shared=shared,
            now=request.now,
        )
    except Invalid as refused:
        context = {"view_error": refused.sentence, "page": page, "query": query, "name": name, "shared": shared}
        return render(request, "reports/saved_view_error.html", context, status=422)
    messages.success(request, f"“{view.name}” is saved.")
    return redirect(view.address)


@require_POST
@access.page("build")
def share(request: MemberRequest, view_id: UUID) -> HttpResponse:
    shared = request.POST.get("shared") == "1"
    view = services.share(
        workspace=request.workspace, by=request.actor, view_id=view_id, shared=shared, now=request.now
    )
    messages.success(request, f"“{view.name}” is {'shared with the team' if view.shared else 'yours alone again'}.")
    return redirect(view.address)


@require_POST
@access.page("view")
def delete(request: MemberRequest, view_id: UUID) -> HttpResponse:
    view = services.delete(workspace=request.workspace, by=request.actor, view_id=view_id, now=request.now)
    undo = reverse("saved_view_restore", args=[view.pk])
    messages.success(request, f"The view “{view.name}” is deleted.", extra_tags=undo)
    return redirect(view.address)


@require_POST
@access.page("view")
def restore(request: MemberRequest, view_id: UUID) -> HttpResponse:
    view = services.restore(workspace=request.workspace, by=request.actor, view_id=view_id, now=request.now)
    messages.success(request, f"The view “{view.name}” is back.")
    return redirect(view.address)
