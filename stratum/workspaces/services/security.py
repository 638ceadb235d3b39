"""A person's own security: the second factor, and the sessions they opened."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from stratum.lib import clock, keys, seal, totp
from stratum.lib.refusal import Fault, Invalid, Missing, Refusal
from stratum.workspaces.models import SignIn, TwoFactor, User

ISSUER = "Stratum"
RECOVERY_CODES, RECOVERY_LENGTH = 10, 12
KEPT_FOR = timedelta(days=180)


# The second factor


def begin_two_factor(*, user: User) -> str:
    """A new secret, which counts once a code of it was given. Raises Refusal when one counts already."""
    if has_two_factor(user):
        raise Refusal("two_factor_on", "Two-factor is on already. Switch it off first.")
    secret = totp.new_secret()
    TwoFactor.objects.update_or_create(user=user, defaults={"sealed_secret": seal.seal(secret), "last_step": 0})
    return secret


def secret_of(user: User) -> str | None:
    """Of a factor that was begun."""
    begun = TwoFactor.objects.filter(user=user).first()
    return seal.unseal(begun.sealed_secret) if begun else None


def confirm_two_factor(*, user: User, code: str, now: datetime) -> list[str]:
    """The recovery codes, which can be shown now and never again. Raises Invalid."""
    codes = [keys.random_text(RECOVERY_LENGTH) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        factor = TwoFactor.objects.select_for_update().filter(user=user, confirmed_at=None).first()
        if factor is None:
            raise Missing("Begin with a new secret.")
        if not _takes_code(factor, code, now):
            raise _wrong()
        factor.confirmed_at, factor.recovery_hashes = now, [keys.digest(one) for one in codes]
        factor.save(update_fields=["confirmed_at", "recovery_hashes"])
    return codes


def end_two_factor_of(*, user: User) -> None:
    """After a code of it was checked."""
    TwoFactor.objects.filter(user=user).delete()


def has_two_factor(user: User) -> bool:
    return TwoFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def check_code(*, user: User, code: str, now: datetime) -> None:
    """A code of the app or a recovery code; each works once. Raises Invalid."""
    with transaction.atomic():
        factor = TwoFactor.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
        if factor is None or not (_takes_code(factor, code, now) or _takes_recovery_code(factor, code)):
            raise _wrong()


def _takes_code(factor: TwoFactor, given: str, now: datetime) -> bool:
    step = totp.matching_step(seal.unseal(factor.sealed_secret), given.replace(" ", ""), now)
    if step is None or step <= factor.last_step:
        return False
    factor.last_step = step
    factor.save(update_fields=["last_step"])
    return True


def _takes_recovery_code(factor: TwoFactor, given: str) -> bool:
    text = given.strip()
    kept = [one for one in factor.recovery_hashes if not keys.matches(text, one)]
    if len(kept) == len(factor.recovery_hashes):
        return False
    factor.recovery_hashes = kept
    factor.save(update_fields=["recovery_hashes"])
    return True


def _wrong() -> Invalid:
    return Invalid([Fault("/code", "This code is wrong, or was used already. Wait for the next one.", "wrong_code")])


# Sessions


def register() -> None:
    user_logged_in.connect(note_sign_in, dispatch_uid="note_sign_in")
    user_logged_out.connect(note_sign_out, dispatch_uid="note_sign_out")


def note_sign_in(sender: Any, request: HttpRequest, user: User, **_: object) -> None:
    if not request.session.session_key:
        request.session.create()
    row = SignIn.objects.create(
        user=user,
        session_key=request.session.session_key or "",
        at=clock.now(),
        ip=request.META.get("REMOTE_ADDR") or None,
        agent=request.headers.get("User-Agent", "")[:300].replace("\0", ""),
    )
    request.session["sign_in"] = row.pk


def follow_session(request: HttpRequest, user: User) -> None:
    """A session gets another key when its password changes; its sign-in stays the same one."""
    key = request.session.session_key or ""
    SignIn.objects.filter(pk=request.session.get("sign_in") or 0, user=user).update(session_key=key)


def note_sign_out(sender: Any, request: HttpRequest, user: User | None, **_: object) -> None:
    if user is not None:
        opened = SignIn.objects.filter(user=user, session_key=request.session.session_key or "", ended_at=None)
        opened.update(ended_at=clock.now())


def sign_ins(user: User, *, most: int = 20) -> list[SignIn]:
    """The newest first; those whose session is gone have ended, however that came."""
    found = list(SignIn.objects.filter(user=user).order_by("-at", "-id")[:most])
    alive = set(
        Session.objects.filter(
            session_key__in=[one.session_key for one in found], expire_date__gt=clock.now()
        ).values_list("session_key", flat=True)
    )
    for one in found:
        one.alive = one.ended_at is None and one.session_key in alive  # type: ignore[attr-defined]
    return found


def end_session(*, user: User, sign_in_id: int, now: datetime) -> None:
    """One of one's own: whoever uses it is logged out at once."""
    one = SignIn.objects.filter(user=user, pk=sign_in_id).first()
    if one is None:
        raise Missing("There is no such session of yours.")
    Session.objects.filter(session_key=one.session_key).delete()
    SignIn.objects.filter(pk=one.pk, ended_at=None).update(ended_at=now)


def end_other_sessions(*, user: User, session_key: str, now: datetime) -> int:
    """All but this one."""
    others = SignIn.objects.filter(user=user, ended_at=None).exclude(session_key=session_key)
    Session.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    return others.update(ended_at=now)


def forget_old(*, now: datetime) -> int:
    return SignIn.objects.filter(at__lt=now - KEPT_FOR).delete()[0]
