"""Saved views written: save, share, delete, restore."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.urls import Resolver404, resolve

from stratum.lib import problems
from stratum.lib.refusal import Fault, Invalid, Missing, NotAllowed, Refusal
from stratum.reports.models import SavedView
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

LONGEST_NAME, LONGEST_QUERY, LONGEST_PAGE = 120, 4_000, 200
PASSING = ("page", "seen", "before", "cursor", "live")  # where somebody was reading, not what was asked
ROOM = "/dashboard/"


def save(
    *, workspace: Workspace, by: Actor, page: str, query: str, name: str, shared: bool, now: datetime
) -> SavedView:
    """Keep a page's state under a name. Raises Invalid."""
    if shared:
        access.demand(by, "build")
    name, kept = name.strip(), state_of(query)
    faults = _faults(page, name, kept)
    if by.user is None and not shared:
        faults.append(Fault("/shared", "A program has no views of its own: share it with the team.", "not_supported"))
    if faults:
        raise Invalid(faults)
    view = SavedView(workspace=workspace, page=page, name=name, query=kept, shared=shared)
    view.created_by, view.created_at = by.user, now
    return _save(view)


def share(*, workspace: Workspace, by: Actor, view_id: UUID, shared: bool, now: datetime) -> SavedView:
    access.demand(by, "build")
    view = _own(workspace, by, view_id)
    if not shared and view.created_by is None:
        raise Refusal("nobodys", "A program made this view, so nobody would see it any more. Delete it instead.")
    view.shared = shared
    view.save(update_fields=["shared"])
    return view


def delete(*, workspace: Workspace, by: Actor, view_id: UUID, now: datetime) -> SavedView:
    """Out of the menus; `restore` undoes it."""
    view = _own(workspace, by, view_id)
    if view.deleted_at is None:
        view.deleted_at = now
        view.save(update_fields=["deleted_at"])
    return view


def restore(*, workspace: Workspace, by: Actor, view_id: UUID, now: datetime) -> SavedView:
    view = _own(workspace, by, view_id)
    view.deleted_at = None
    try:
        return _save(view)
    except Invalid as taken:
        sentence = f"There is another view called “{view.name}” now, so this one stays deleted."
        raise Refusal("name_taken", sentence) from taken


def state_of(query: str) -> str:
    """The query string without what only says where somebody was reading."""
    asked = QueryDict(query, mutable=True)
    for name in PASSING:
        asked.pop(name, None)
    return asked.urlencode()


def _own(workspace: Workspace, by: Actor, view_id: UUID) -> SavedView:
    """Raises Missing for what `by` cannot see, NotAllowed for what somebody else shares."""
    view = SavedView.objects.select_related("created_by").filter(workspace=workspace, pk=view_id).first()
    mine = view is not None and view.created_by is not None and view.created_by == by.user
    if view is None or not (mine or view.shared):
        raise Missing("There is no saved view with that address.")
    if not mine and not by.may("manage"):
        raise NotAllowed("not_yours", f"Only {view.created_by or 'its owner'} or an admin can change this view.")
    return view


def _faults(page: str, name: str, query: str) -> list[Fault]:
    faults = [Fault("/name", "Give the view a name.", "required")] if not name else []
    if len(name) > LONGEST_NAME:
        faults.append(Fault("/name", f"The name has at most {LONGEST_NAME} characters.", "too_long"))
    if len(query) > LONGEST_QUERY:
        faults.append(Fault("/query", "This view is set in more detail than can be saved.", "too_long"))
    if not _is_page(page):
        faults.append(Fault("/page", "Only pages of the dashboard can be saved.", "unknown_page"))
    return [*faults, *problems.unstorable({"name": name, "query": query})]


def _is_page(page: str) -> bool:
    try:
        return len(page) <= LONGEST_PAGE and page.startswith(ROOM) and bool(resolve(page))
    except Resolver404:
        return False


def _save(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        sentence = f"You have a view called “{view.name}” on this page. Choose another name."
        raise Invalid([Fault("/name", sentence, "taken")]) from error
    return view
