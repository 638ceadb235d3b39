"""Who calls the API: a program with a key or a person with a session, and whether they have the view's right."""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from stratum.lib import clock
from stratum.lib.refusal import Refusal
from stratum.workspaces import access, idempotency, limits, queries, throttle
from stratum.workspaces.access import Actor
from stratum.workspaces.models import ApiKey, Workspace

SCHEMES = {"bearer", "api-key", "token"}


class ApiRequest(Request):
    """What a view gets once HasRight has let it pass."""

    workspace: Workspace
    actor: Actor
    now: datetime


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer stm_live_…` (also Api-Key and Token) or `X-API-Key: stm_live_…`."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Actor] | None:
        text = key_text(request)
        if text is None:
            return None
        now = clock.now()
        key = queries.authenticate_api_key(text, now=now)
        if key is None:
            raise exceptions.AuthenticationFailed(
                "This API key is unknown, expired or revoked. Issue one under Settings > API Keys.", "invalid_api_key"
            )
        queries.note_use(key, now=now)
        _place(request, key.workspace, access.actor_of_key(key), now)
        return AnonymousUser(), cast(ApiRequest, request).actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Stratum API"'


class MemberAuthentication(SessionAuthentication):
    """A signed-in person in the browser, protected by CSRF."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found is None:
            return None
        plain = request._request
        if not access.into_workspace(plain):
            raise Refusal("no_workspace", "You belong to no workspace yet. Create one first.")
        member_request = cast(access.MemberRequest, plain)
        _place(request, member_request.workspace, member_request.actor, member_request.now)
        return found[0], member_request.actor


class HasRight(BasePermission):
    """Reads `right` of the view, or `rights` by method. A view that says neither lets nobody in.

    What a program may do counts against its key's minute, then against its workspace's monthly requests; an answer
    that is given again counts too.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        right = right_of(view, request.method or "GET")
        if right == "public":
            return True
        if request.successful_authenticator is None or right is None:
            return False
        entered = cast(ApiRequest, request)
        access.demand(entered.actor, right)
        if entered.actor.api_key is not None:
            _spend(entered, entered.actor.api_key)
        idempotency.begin(request._request, entered.workspace, entered.actor, entered.now)
        return True


def _spend(request: ApiRequest, key: ApiKey) -> None:
    """The answer's headers are set by ApiAnswers, also those of a refusal."""
    try:
        request._request.rate = throttle.spend(key, now=request.now)  # type: ignore[attr-defined]
    except throttle.TooFast as refusal:
        request._request.rate = refusal.rate  # type: ignore[attr-defined]
        raise
    limits.spend_request(request.workspace, now=request.now)


def right_of(view: Any, method: str) -> Any:
    """A view's right for a method; HEAD and OPTIONS ask for what GET or any other method asks."""
    rights = getattr(view, "rights", None)
    if rights is None:
        return getattr(view, "right", None)
    return rights.get(method) or rights.get("GET") or next(iter(rights.values()))


def key_text(request: Request) -> str | None:
    """The key as sent, or None when the request names none."""
    if given := request.headers.get("X-API-Key"):
        return given.strip()
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() in SCHEMES else None


def _place(request: Request, workspace: Workspace, actor: Actor, now: datetime) -> None:
    placed = cast(ApiRequest, request)
    placed.workspace, placed.actor, placed.now = workspace, actor, now
