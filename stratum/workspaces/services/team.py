"""The team: invitations, roles, and the owner who must always remain."""

import logging
from datetime import datetime, timedelta
from functools import partial
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from stratum.lib import keys
from stratum.lib.refusal import Fault, Invalid, Missing, NotAllowed, Refusal
from stratum.workspaces import limits, queries, roles
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Invitation, Member, User, Workspace
from stratum.workspaces.services.accounts import create_user

INVITATION_LASTS = timedelta(days=7)
TOKEN_LENGTH = 40

log = logging.getLogger(__name__)


def invite(*, workspace: Workspace, by: Actor, email: str, role: str, now: datetime) -> tuple[Invitation, str]:
    """The invitation and its link, which is mailed and can be shown now and never again.

    Inviting an address again replaces its open invitation.
    """
    email = _checked_email(email)
    _check_role(role, by)
    token = keys.random_text(TOKEN_LENGTH)
    with transaction.atomic():
        if workspace.members.filter(user__email=email).exists():
            raise Invalid([Fault("/email", f"{email} is on the team already.", "taken")])
        workspace.invitations.filter(email=email, accepted_at=None).delete()
        limits.require_room(workspace, "members")
        invitation = Invitation.objects.create(
            workspace=workspace,
            email=email,
            role=role,
            token_hash=keys.digest(token),
            invited_by=by.user,
            created_at=now,
            expires_at=now + INVITATION_LASTS,
        )
        link = settings.BASE_URL.rstrip("/") + reverse("invitation", args=[token])
        transaction.on_commit(partial(_mail, invitation, link, by.label))
    return invitation, link


def revoke_invitation(*, workspace: Workspace, invitation_id: int, by: Actor, now: datetime) -> None:
    deleted, _ = workspace.invitations.filter(pk=invitation_id, accepted_at=None).delete()
    if not deleted:
        raise Missing


def accept_invitation(*, token: str, user: User, now: datetime) -> Member:
    """Join with an existing account, which has to be the invited one."""
    invitation = queries.invitation(token, now=now)
    if invitation.email != user.email.lower():
        raise NotAllowed(
            "other_account",
            f"This invitation is for {invitation.email}, and you are logged in as {user.email}. Log out first.",
        )
    with transaction.atomic():
        return _admit(invitation, user, now)


def join(*, token: str, name: str, password: str, now: datetime) -> Member:
    """Join with a new account for the invited address."""
    invitation = queries.invitation(token, now=now)
    with transaction.atomic():
        user = create_user(email=invitation.email, password=password, name=name)
        return _admit(invitation, user, now)


def add_member(*, workspace: Workspace, user: User, role: str, by: Actor, now: datetime) -> Member:
    """Without an invitation, as support does it; the plan's places count all the same."""
    _check_role(role, by)
    with transaction.atomic():
        limits.require_room(workspace, "members")
        return Member.objects.create(workspace=workspace, user=user, role=role, joined_at=now)


def change_role(*, workspace: Workspace, member_id: int, role: str, by: Actor, now: datetime) -> Member:
    with transaction.atomic():
        member = _locked_member(workspace, member_id)
        _check_role(role, by, member.role)
        if member.role == "owner" and role != "owner":
            _check_not_last_owner(member)
        member.role = role
        member.save(update_fields=["role"])
        return member


def remove_member(*, workspace: Workspace, member_id: int, by: Actor, now: datetime) -> None:
    """Somebody else as admin, or oneself: anybody may leave."""
    with transaction.atomic():
        member = _locked_member(workspace, member_id)
        leaving = by.user is not None and member.user_id == by.user.pk
        if not leaving and not queries.grantable(by.rights, member.role):
            raise NotAllowed("owner_protected", "Only an owner may remove an owner.")
        if member.role == "owner":
            _check_not_last_owner(member)
        member.delete()


def transfer_ownership(*, workspace: Workspace, member_id: int, by: Actor, now: datetime) -> Member:
    """The member becomes owner, the giver stays as admin."""
    if by.user is None or not by.may("own"):
        raise NotAllowed("role_missing", "Only an owner may hand the workspace over.")
    with transaction.atomic():
        heir = _locked_member(workspace, member_id)
        if heir.user_id == by.user.pk:
            raise Refusal("already_owner", "You own this workspace already.")
        workspace.members.filter(pk=heir.pk).update(role="owner")
        workspace.members.filter(user=by.user).update(role="admin")
        heir.role = "owner"
        return heir


def _admit(invitation: Invitation, user: User, now: datetime) -> Member:
    """Of two clicks on one link only the first finds the invitation open."""
    limits.require_room(invitation.workspace, "members", adding=0)  # it holds its place already
    opened = Invitation.objects.filter(pk=invitation.pk, accepted_at=None)
    if not opened.update(accepted_at=now):
        raise Missing("This invitation was used already. Log in.")
    place = {"role": invitation.role, "joined_at": now}
    member, _ = Member.objects.get_or_create(workspace=invitation.workspace, user=user, defaults=place)
    return member


def _locked_member(workspace: Workspace, member_id: int) -> Member:
    """Locks the workspace's row first: two owners who leave at one instant go one after the other."""
    Workspace.objects.select_for_update(no_key=True).only("pk").get(pk=workspace.pk)
    return queries.member(workspace, member_id)


def _check_not_last_owner(member: Member) -> None:
    others = Member.objects.filter(workspace=member.workspace_id, role="owner").exclude(pk=member.pk)
    if not others.exists():
        raise Refusal("last_owner", "A workspace needs an owner. Make somebody else owner first.")


def _check_role(role: str, by: Actor, current: str = "viewer") -> None:
    if role not in roles.ROLES:
        known = ", ".join(roles.ROLES)
        raise Invalid([Fault("/role", f"There is no role “{role}”. The roles are {known}.", "unknown_role")])
    if role not in queries.grantable(by.rights, current):
        raise NotAllowed("owner_protected", "Only an owner may make or change an owner.")


def _checked_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid([Fault("/email", "Write a whole e-mail address, like name@example.com.")]) from None
    return email


def _mail(invitation: Invitation, link: str, inviter: str) -> None:
    context = {"invitation": invitation, "link": link, "inviter": inviter}
    text = render_to_string("workspaces/mail/invitation.txt", context)
    subject = f"{inviter} invites you to {invitation.workspace.name}".replace("\n", " ").replace("\r", " ")
    try:
        send_mail(subject, text, settings.DEFAULT_FROM_EMAIL, [invitation.email])
    except (OSError, SMTPException):
        # The invitation stands: its link was shown and can be passed on by hand.
        log.exception("Could not mail the invitation to %s", invitation.workspace.slug)
