"""The first page: cards that the rooms registered, and what is left to set up."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from stratum.home import cards
from stratum.workspaces import access


@access.page("view")
def home(request: access.MemberRequest) -> HttpResponse:
    context = {
        "cards": cards.shown(request.actor, request.workspace, now=request.now),
        "checklist": cards.checklist(request.actor, request.workspace),
    }
    return render(request, "home/home.html", context)


@access.public
def front_door(request: HttpRequest) -> HttpResponse:
    return redirect("home")
