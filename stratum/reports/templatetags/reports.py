"""`{% saved_views as saved %}`: the saved views of the page that is shown."""

from dataclasses import dataclass
from typing import Any

from django import template

from stratum.reports import queries
from stratum.reports.models import SavedView
from stratum.reports.services.saved_views import state_of
from stratum.workspaces.access import MemberRequest

register = template.Library()


@dataclass(frozen=True, slots=True)
class Line:
    """`changeable` by who looks; `current` when the page is just as it was saved."""

    view: SavedView
    mine: bool
    changeable: bool
    current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    lines: tuple[Line, ...]
    address: str
    may_share: bool

    @property
    def current(self) -> SavedView | None:
        return next((line.view for line in self.lines if line.current), None)


@register.simple_tag(takes_context=True)
def saved_views(context: Any) -> Menu:
    request: MemberRequest = context["request"]
    state = state_of(request.GET.urlencode())
    found = queries.views_of_page(request.workspace, request.user, request.path)
    lines = tuple(_line(view, request, state) for view in found)
    address = f"{request.path}?{state}" if state else request.path
    return Menu(lines, address, request.actor.may("build"))


def _line(view: SavedView, request: MemberRequest, state: str) -> Line:
    mine = view.created_by == request.user
    return Line(view, mine, mine or request.actor.may("manage"), view.query == state)
