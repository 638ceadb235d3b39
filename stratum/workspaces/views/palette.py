"""/dashboard/go: the command palette, as a fragment for its dialog and as a page without scripts."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from stratum.workspaces import access, palette
from stratum.workspaces.access import MemberRequest

LONGEST = 200


@require_safe
@access.page("view")
def go(request: MemberRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:LONGEST]
    context = {"words": words, "groups": palette.search(request.workspace, words)}
    return render(request, f"workspaces/palette/{'found' if request.htmx else 'page'}.html", context)
