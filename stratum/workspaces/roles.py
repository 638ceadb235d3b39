"""The one table of who may do what. Pages, API and admin all read it."""

from collections.abc import Iterable
from typing import Literal

Right = Literal["view", "export", "build", "approve", "execute", "connect", "manage", "own"]

# Each role has the rights of the one before it.
VIEWER = frozenset({"view"})
ANALYST = VIEWER | {"export", "build"}
MANAGER = ANALYST | {"approve", "execute"}
ADMIN = MANAGER | {"connect", "manage"}
OWNER = ADMIN | {"own"}

RIGHTS: dict[str, frozenset[str]] = {
    "viewer": VIEWER,
    "analyst": ANALYST,
    "manager": MANAGER,
    "admin": ADMIN,
    "owner": OWNER,
}
ROLES = tuple(RIGHTS)

DESCRIPTIONS = {
    "viewer": "Sees everything, changes nothing.",
    "analyst": "Also exports, and builds funnels, traits, segments and rules.",
    "manager": "Also approves and executes actions.",
    "admin": "Also connects systems and manages team, plan and keys.",
    "owner": "Everything, including transferring the workspace.",
}

# What an API key may be limited to. No key ever has the right to own.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset({"view", "export"}),
    "write": frozenset({"build"}),
    "approve": frozenset({"approve"}),
    "execute": frozenset({"execute"}),
    "settings": frozenset({"connect"}),
    "team": frozenset({"manage"}),
}


def rights_of_role(role: str) -> frozenset[str]:
    return RIGHTS.get(role, frozenset())


def rights_of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


def roles_with(right: str) -> list[str]:
    return [role for role, rights in RIGHTS.items() if right in rights]


def scope_with(right: str) -> str | None:
    return next((scope for scope, rights in SCOPES.items() if right in rights), None)
