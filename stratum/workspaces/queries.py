"""Reads: who a key belongs to, who is on the team, what a job is doing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q

from stratum.lib import keys
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Missing
from stratum.workspaces import roles
from stratum.workspaces.models import ApiKey, Invitation, Job, Member, User, Workspace, WriteKey

# A key's use is noted this often, so that reading stays reading.
NOTE_EVERY = timedelta(minutes=1)


def authenticate_api_key(text: str, *, now: datetime) -> ApiKey | None:
    """The live key of that text, with its workspace. One SELECT by a unique index; the secret is compared by HMAC."""
    prefix = keys.read_api_key(text)
    if prefix is None:
        return None
    alive = Q(expires_at=None) | Q(expires_at__gt=now)
    key = ApiKey.objects.select_related("workspace").filter(alive, prefix=prefix, revoked_at=None).first()
    matches = keys.matches(text, key.secret_hash if key else "")
    return key if matches else None


def authenticate_write_key(text: str) -> WriteKey | None:
    """The live write key of `stw_<id><secret>` or `stw_<id>:<secret>`, with its workspace. One SELECT."""
    read = keys.read_write_key(text)
    if read is None:
        return None
    prefix, whole = read
    key = _live_write_key(prefix)
    matches = keys.matches(whole, key.secret_hash if key else "")
    return key if matches else None


def _live_write_key(prefix: str) -> WriteKey | None:
    """Asked by every request of the tracking API, where the query layer takes as long as twenty events."""
    with raw_cursor() as cursor:
        row = cursor.execute(_LIVE_WRITE_KEY, [prefix], prepare=True).fetchone()
    if row is None:
        return None
    key = WriteKey.from_db(connection.alias, _KEY_NAMES, row[: len(_KEY_NAMES)])
    key.workspace = Workspace.from_db(connection.alias, _WORKSPACE_NAMES, row[len(_KEY_NAMES) :])
    return key


_KEY_NAMES = [field.attname for field in WriteKey._meta.concrete_fields]
_WORKSPACE_NAMES = [field.attname for field in Workspace._meta.concrete_fields]
_COLUMNS = ", ".join([*(f"k.{name}" for name in _KEY_NAMES), *(f"w.{name}" for name in _WORKSPACE_NAMES)])
_LIVE_WRITE_KEY = f"""
SELECT {_COLUMNS} FROM {WriteKey._meta.db_table} k JOIN {Workspace._meta.db_table} w ON w.id = k.workspace_id
WHERE k.prefix = %s AND k.revoked_at IS NULL
"""


def note_use(key: ApiKey, *, now: datetime) -> None:
    if key.last_used_at is None or now - key.last_used_at >= NOTE_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


@dataclass(frozen=True, slots=True)
class Teammate:
    """A row of the team page. `roles` are those the viewer may give; empty when the row is not theirs to change."""

    id: int
    name: str
    email: str
    role: str
    joined_at: datetime
    is_self: bool
    roles: tuple[str, ...]


def team(workspace: Workspace, viewer: Member | None = None) -> list[Teammate]:
    """Owners first, then by time of joining."""
    members = workspace.members.select_related("user").order_by("joined_at", "id")
    strength = {role: rank for rank, role in enumerate(reversed(roles.ROLES))}
    return [_teammate(member, viewer) for member in sorted(members, key=lambda member: strength[member.role])]


def _teammate(member: Member, viewer: Member | None) -> Teammate:
    return Teammate(
        id=member.pk,
        name=member.user.name,
        email=member.user.email,
        role=member.role,
        joined_at=member.joined_at,
        is_self=viewer is not None and member.pk == viewer.pk,
        roles=grantable(roles.rights_of_role(viewer.role), member.role) if viewer else (),
    )


def grantable(rights: frozenset[str], current: str = "viewer") -> tuple[str, ...]:
    """Roles that somebody with `rights` may give to a member who has `current`: only owners touch owners."""
    if "own" in rights:
        return roles.ROLES
    if "manage" in rights and current != "owner":
        return roles.ROLES[:-1]
    return ()


def open_invitations(workspace: Workspace, *, now: datetime) -> list[Invitation]:
    waiting = workspace.invitations.filter(accepted_at=None, expires_at__gt=now)
    return list(waiting.select_related("invited_by").order_by("created_at", "id"))


def invitation(token: str, *, now: datetime) -> Invitation:
    """The open invitation of a mailed token, or Missing with a sentence."""
    found = (
        Invitation.objects.select_related("workspace", "invited_by")
        .filter(token_hash__in=keys.digests(token), accepted_at=None, expires_at__gt=now)
        .first()
    )
    if found is None:
        raise Missing("This invitation has expired or was withdrawn. Ask for a new one.")
    return found


def member(workspace: Workspace, member_id: int) -> Member:
    found = workspace.members.select_related("user", "workspace").filter(pk=member_id).first()
    if found is None:
        raise Missing
    return found


def api_keys(workspace: Workspace) -> list[ApiKey]:
    """Live ones first, the newest on top."""
    found = workspace.api_keys.select_related("created_by").order_by("-created_at", "-id")
    return sorted(found, key=lambda key: key.revoked_at is not None)


def write_keys(workspace: Workspace) -> list[WriteKey]:
    """Live ones first, the newest on top."""
    found = workspace.write_keys.select_related("created_by").order_by("-created_at", "-id")
    return sorted(found, key=lambda key: key.revoked_at is not None)


def workspace(slug: str) -> Workspace:
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        raise Missing(f"There is no workspace “{slug}”.")
    return found


def user(email: str) -> User | None:
    return User.objects.filter(email=email.strip().lower()).first()


def job(workspace: Workspace, job_id: UUID | str) -> Job:
    found = workspace.jobs.select_related("created_by").filter(pk=job_id).first()
    if found is None:
        raise Missing
    return found


def jobs(workspace: Workspace, kind: str, *, limit: int = 20) -> list[Job]:
    """The latest of a kind."""
    return list(workspace.jobs.filter(kind=kind).order_by("-created_at", "-pk")[:limit])
