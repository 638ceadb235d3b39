"""Accounts: signing up, and what happens after too many wrong passwords."""

from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import LoginFailures, Member, User
from stratum.workspaces.services.workspaces import create_workspace

FAILURES_ALLOWED = 5
LOCK = timedelta(minutes=15)


def sign_up(
    *, email: str, password: str, name: str, workspace_name: str, now: datetime, time_zone: str = "UTC"
) -> Member:
    """A person with a workspace of their own."""
    with transaction.atomic():
        user = create_user(email=email, password=password, name=name)
        workspace = create_workspace(name=workspace_name, owner=user, time_zone=time_zone, now=now)
        return Member.objects.select_related("user", "workspace").get(user=user, workspace=workspace)


def create_user(*, email: str, password: str, name: str = "") -> User:
    email = email.strip().lower()
    faults = [*_email_faults(email), *_password_faults(password, User(email=email, name=name))]
    if faults:
        raise Invalid(faults)
    return _insert(email, password, name)


def create_user_without_password(*, email: str) -> User:
    """An account that opens once its password was set by the command line or by mail."""
    email = email.strip().lower()
    if faults := _email_faults(email):
        raise Invalid(faults)
    return _insert(email, None, "")


def _insert(email: str, password: str | None, name: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, name=name.strip()[:120])
    except IntegrityError:
        raise Invalid(
            [Fault("/email", "There is already an account with this e-mail address. Log in instead.", "taken")]
        ) from None


def count_login(*, email: str, ip: str, now: datetime) -> datetime | None:
    """Count an attempt before its password is looked at, so that parallel guesses count too.

    The instant until which this e-mail address is locked for this network address, or None when it may try.
    """
    email = email.strip().lower()[:254]
    with transaction.atomic():
        row, _ = LoginFailures.objects.select_for_update().get_or_create(email=email, ip=ip, defaults={"last_at": now})
        if row.locked_until and row.locked_until > now:
            return row.locked_until
        if row.locked_until or now - row.last_at > LOCK:
            row.failures, row.locked_until = 0, None
        row.failures, row.last_at = row.failures + 1, now
        if row.failures > FAILURES_ALLOWED:
            row.locked_until = now + LOCK
        row.save()
        return row.locked_until


def forgive(*, email: str, ip: str) -> None:
    """The password was right."""
    LoginFailures.objects.filter(email=email.strip().lower()[:254], ip=ip).delete()


def unlock(*, email: str) -> None:
    """Everywhere: whoever set a new password by mail has shown whose account it is."""
    LoginFailures.objects.filter(email=email.lower()).delete()


def forget_failures(*, now: datetime) -> int:
    """Drop rows that no lock needs any more."""
    old = LoginFailures.objects.filter(last_at__lt=now - LOCK).exclude(locked_until__gt=now)
    return old.delete()[0]


def _email_faults(email: str) -> list[Fault]:
    try:
        validate_email(email)
    except ValidationError:
        return [Fault("/email", "Write a whole e-mail address, like name@example.com.")]
    return []


def _password_faults(password: str, user: User) -> list[Fault]:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [Fault("/password", sentence) for sentence in error.messages]
    return []
