"""The whole access policy of pages: who enters which workspace with which right."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from stratum.lib import clock
from stratum.lib.refusal import NotAllowed, Refusal
from stratum.workspaces import roles
from stratum.workspaces.models import ApiKey, Member, User, Workspace
from stratum.workspaces.roles import Right

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a person, a program with a key, or Stratum itself."""

    label: str
    user: User | None = None
    api_key: ApiKey | None = None
    rights: frozenset[str] = field(default=roles.OWNER, repr=False)

    def may(self, right: Right) -> bool:
        return right in self.rights


SYSTEM = Actor("Stratum")


def actor_of_member(member: Member) -> Actor:
    return Actor(str(member.user), user=member.user, rights=roles.rights_of_role(member.role))


def actor_of_key(key: ApiKey) -> Actor:
    return Actor(f"API key {key.name}", api_key=key, rights=roles.rights_of_scopes(key.scopes))


class SignedInRequest(HttpRequest):
    user: User
    htmx: HtmxDetails
    now: datetime
    request_id: str


class MemberRequest(SignedInRequest):
    """A request inside a workspace. `memberships` are all of the user's, for the switch in the header."""

    workspace: Workspace
    member: Member
    memberships: list[Member]
    actor: Actor


def memberships_of(user: User) -> list[Member]:
    """Oldest first, each with its workspace."""
    members = list(Member.objects.filter(user=user).select_related("workspace").order_by("joined_at", "id"))
    for member in members:
        member.user = user
    return members


def choose(memberships: list[Member], slug: str | None) -> Member | None:
    """The membership of the workspace chosen last, else the oldest."""
    chosen = (member for member in memberships if member.workspace.slug == slug)
    return next(chosen, memberships[0] if memberships else None)


def demand(actor: Actor, right: Right) -> None:
    """Raises NotAllowed with who may: a program is told the missing scope, a person the roles."""
    if actor.may(right):
        return
    scope = roles.scope_with(right)
    if actor.api_key is None:
        allowed = " or ".join(roles.roles_with(right))
        asked = "the owner" if right == "own" else "an admin"
        raise NotAllowed("role_missing", f"This needs the role {allowed}. Ask {asked} of the workspace.")
    needed = f"the scope “{scope}”, which this API key lacks" if scope else "a signed-in owner; no API key may"
    raise NotAllowed("scope_missing", f"This needs {needed}.")


def public(view: View) -> View:
    """Marks a view that needs no login."""
    view.right = "public"  # type: ignore[attr-defined]
    return view


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for any person with an account, in no particular workspace."""

    @wraps(view)
    def enter(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if isinstance(request.user, AnonymousUser):
            return to_login(request)
        entered = cast(SignedInRequest, request)
        entered.now = clock.now()
        return view(entered, *args, **kwargs)

    enter.right = "signed_in"  # type: ignore[attr-defined]
    return enter


def page(
    right: Right,
) -> Callable[
    [Callable[Concatenate[MemberRequest, P], HttpResponseBase]],
    Callable[Concatenate[HttpRequest, P], HttpResponseBase],
]:
    """A page of the current workspace, in its time zone, for members with `right`, which the view carries."""

    def decorate(
        view: Callable[Concatenate[MemberRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def enter(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if isinstance(request.user, AnonymousUser):
                return to_login(request)
            if not into_workspace(request):
                return redirect("workspace_new")
            entered = cast(MemberRequest, request)
            if is_from_elsewhere(entered):
                return HttpResponseClientRefresh()
            demand(entered.actor, right)
            with timezone.override(ZoneInfo(entered.workspace.time_zone)):
                response = view(entered, *args, **kwargs)
            # Going back after logging out must not show the page from the browser's cache.
            patch_cache_control(response, private=True, no_cache=True)
            return response

        enter.right = right  # type: ignore[attr-defined]
        return enter

    return decorate


def is_from_elsewhere(request: MemberRequest) -> bool:
    """Whether a page asks for its fragment that was opened before another tab chose a workspace.

    Raises Refusal when it wants to write: what was typed for one workspace must not land in another.
    """
    told = request.headers.get("X-Workspace") or request.POST.get("sent_from") or request.workspace.slug
    if told == request.workspace.slug:
        return False
    if request.method in {"GET", "HEAD"}:
        return True
    sentence = (
        f"Another tab has switched to “{request.workspace.name}”, so nothing was changed. Switch back and repeat."
    )
    raise Refusal("workspace_switched", sentence)


def into_workspace(request: HttpRequest) -> bool:
    """Put workspace, member, actor and the clock's reading on the request. False when the user has no workspace."""
    entered = cast(MemberRequest, request)
    entered.now = clock.now()
    entered.memberships = memberships_of(entered.user)
    member = choose(entered.memberships, request.session.get("workspace"))
    if member is None:
        return False
    entered.workspace, entered.member, entered.actor = member.workspace, member, actor_of_member(member)
    return True


def to_login(request: HttpRequest) -> HttpResponse:
    """Login leads back to where the person was; a fragment sends the whole page there."""
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    if htmx:
        answer = redirect_to_login(htmx.current_url_abs_path or "/dashboard/")
        return HttpResponseClientRedirect(answer.url)
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/dashboard/")
