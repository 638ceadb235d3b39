"""Keys: issued, shown once, revoked. A program may not give away more than it has."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from stratum.lib import keys
from stratum.lib.refusal import Fault, Invalid, Missing, NotAllowed, Refusal
from stratum.workspaces import roles
from stratum.workspaces.access import Actor
from stratum.workspaces.models import ApiKey, Workspace, WriteKey

USUAL_OVERLAP, LONGEST_OVERLAP = timedelta(hours=24), timedelta(days=30)


def issue_api_key(
    *,
    workspace: Workspace,
    by: Actor,
    name: str,
    now: datetime,
    scopes: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """The key and its text, which nothing can show again. Without `scopes` it has all that `by` may give."""
    chosen = _giveable(by) if scopes is None else list(dict.fromkeys(scopes))
    _check(name, [*_scope_faults(chosen), *_expiry_faults(expires_at, now)])
    if not roles.rights_of_scopes(chosen) <= by.rights:
        raise NotAllowed("scope_too_wide", "A key cannot be given more than its issuer may do.")
    prefix, text = keys.new_api_key()
    key = ApiKey.objects.create(
        workspace=workspace,
        name=name.strip(),
        prefix=prefix,
        secret_hash=keys.digest(text),
        scopes=chosen,
        created_by=by.user,
        created_at=now,
        expires_at=expires_at,
    )
    return key, text


def issue_write_key(
    *, workspace: Workspace, by: Actor, name: str, now: datetime, client_side: bool = False
) -> tuple[WriteKey, str]:
    """The source's key and its text. `client_side`: used in browsers and apps, whose clocks may be wrong."""
    _check(name, [])
    prefix, text = keys.new_write_key()
    key = WriteKey.objects.create(
        workspace=workspace,
        name=name.strip(),
        prefix=prefix,
        secret_hash=keys.digest(text),
        client_side=client_side,
        created_by=by.user,
        created_at=now,
    )
    return key, text


def rotate_api_key(
    *, workspace: Workspace, key_id: int, by: Actor, now: datetime, overlap: timedelta = USUAL_OVERLAP
) -> tuple[ApiKey, str]:
    """A new key that may do the same, and its text. The old one works on for `overlap`, so that programs can change."""
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise Invalid([Fault("/overlap_hours", f"Choose between 0 and {LONGEST_OVERLAP.days * 24} hours.")])
    with transaction.atomic():
        old = ApiKey.objects.select_for_update().filter(workspace=workspace, pk=key_id).first()
        if old is None:
            raise Missing
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Refusal("key_ended", "This key works no more. Issue a new one.")
        if old.rotated_at is not None:  # its end is that of the overlap, which a further successor would inherit
            raise Refusal("key_rotated", "This key was rotated already. Rotate its successor, or issue a new one.")
        name, scopes, until = old.name, old.scopes, old.expires_at
        key, text = issue_api_key(workspace=workspace, by=by, name=name, scopes=scopes, expires_at=until, now=now)
        if overlap:
            old.expires_at = min(filter(None, (until, now + overlap)))
        else:
            old.revoked_at = now
        old.rotated_at = now
        old.save(update_fields=["expires_at", "revoked_at", "rotated_at"])
    return key, text


def revoke_api_key(*, workspace: Workspace, key_id: int, by: Actor, now: datetime) -> None:
    """At once and for good; revoking again changes nothing."""
    _revoke(ApiKey.objects.filter(workspace=workspace, pk=key_id), now)


def revoke_write_key(*, workspace: Workspace, key_id: int, by: Actor, now: datetime) -> None:
    """At once and for good; what the source has sent stays."""
    _revoke(WriteKey.objects.filter(workspace=workspace, pk=key_id), now)


def _revoke(key: QuerySet[ApiKey] | QuerySet[WriteKey], now: datetime) -> None:
    if not key.exists():
        raise Missing
    key.filter(revoked_at=None).update(revoked_at=now)


def _giveable(by: Actor) -> list[str]:
    return [scope for scope, rights in roles.SCOPES.items() if rights <= by.rights]


def _check(name: str, faults: list[Fault]) -> None:
    if not 0 < len(name.strip()) <= 80:
        faults.insert(0, Fault("/name", "A key needs a name of at most 80 characters, so that you know it again."))
    if faults:
        raise Invalid(faults)


def _scope_faults(scopes: Sequence[str]) -> list[Fault]:
    known = ", ".join(roles.SCOPES)
    if not scopes:
        return [Fault("/scopes", f"Choose at least one scope: {known}.", "required")]
    return [
        Fault(f"/scopes/{index}", f"There is no scope “{scope}”. The scopes are {known}.", "unknown_scope")
        for index, scope in enumerate(scopes)
        if scope not in roles.SCOPES
    ]


def _expiry_faults(expires_at: datetime | None, now: datetime) -> list[Fault]:
    if expires_at is None or expires_at > now:
        return []
    return [Fault("/expires_at", "This instant is past. Choose a later one, or none.")]
