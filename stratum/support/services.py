"""Asking, answering, closing. A team is told of an answer by mail, support of a question."""

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse

from stratum.lib import mail
from stratum.lib.http import Failure
from stratum.lib.refusal import Fault, Invalid, Missing
from stratum.support.models import Conversation, Message
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace

LONGEST_SUBJECT, LONGEST_TEXT = 120, 5_000
MOST_OPEN = 50  # of a workspace

log = logging.getLogger(__name__)


def ask(*, workspace: Workspace, by: Actor, subject: str, text: str, now: datetime) -> Conversation:
    subject, text = _line(subject), text.strip()
    _check(subject, text)
    if workspace.conversations.filter(closed_at=None).count() >= MOST_OPEN:
        raise Invalid([Fault("/text", f"There are {MOST_OPEN} open conversations. Close some first.", "too_many")])
    with transaction.atomic():
        asked = Conversation.objects.create(
            workspace=workspace, subject=subject, created_by=by.user, created_at=now, last_at=now
        )
        _say(asked, by, text, now, from_support=False)
    return asked


def reply(*, workspace: Workspace, by: Actor, conversation_id: UUID, text: str, now: datetime) -> Conversation:
    """The team writes again, which opens what was closed."""
    text = text.strip()
    _check("-", text)
    with transaction.atomic():
        conversation = hold(workspace, conversation_id)
        _say(conversation, by, text, now, from_support=False)
    return conversation


def answer(*, conversation: Conversation, by: Actor, text: str, now: datetime) -> Message:
    """Support writes; who asked is told by mail."""
    text = text.strip()
    _check("-", text)
    with transaction.atomic():
        held = hold(conversation.workspace, conversation.pk)
        return _say(held, by, text, now, from_support=True)


def close(*, workspace: Workspace, by: Actor, conversation_id: UUID, now: datetime) -> Conversation:
    with transaction.atomic():
        conversation = hold(workspace, conversation_id)
        conversation.closed_at, conversation.waits_for_support = now, False
        conversation.save(update_fields=["closed_at", "waits_for_support"])
    return conversation


def hold(workspace: Workspace, conversation_id: UUID) -> Conversation:
    """Two who write at once write one after the other."""
    found = Conversation.objects.select_for_update().filter(workspace=workspace, pk=conversation_id).first()
    if found is None:
        raise Missing("There is no conversation with that address in this workspace.")
    return found


def _say(conversation: Conversation, by: Actor, text: str, now: datetime, *, from_support: bool) -> Message:
    said = Message.objects.create(
        conversation=conversation, author=by.user, api_key=by.api_key, from_support=from_support, text=text, at=now
    )
    conversation.last_at, conversation.waits_for_support, conversation.closed_at = now, not from_support, None
    conversation.save(update_fields=["last_at", "waits_for_support", "closed_at"])
    transaction.on_commit(lambda: _tell(conversation, said))
    return said


def _tell(conversation: Conversation, said: Message) -> None:
    """A mail that cannot be sent is no reason to lose what was said: it stands on the page."""
    page = reverse("conversation", args=[conversation.pk])
    if said.from_support:
        recipients, subject = _who_asked(conversation), f"Support answered: {conversation.subject}"
    else:
        page = reverse("admin:support_conversation_change", args=[conversation.pk])
        recipients, subject = [settings.SUPPORT_EMAIL], f"{conversation.workspace.name}: {conversation.subject}"
    link = settings.BASE_URL.rstrip("/") + page
    try:
        with mail.Post() as post:
            for recipient in recipients:
                post.send(EmailMessage(subject, f"{said.text}\n\n{link}\n", to=[recipient]))
    except Failure as failure:
        log.warning("Nobody could be told of conversation %s: %s", conversation.pk, failure.sentence)


def _who_asked(conversation: Conversation) -> Sequence[str]:
    """Those who wrote and are still on the team."""
    authors = conversation.messages.filter(from_support=False).values("author")
    team = User.objects.filter(memberships__workspace=conversation.workspace, pk__in=authors, is_active=True)
    return list(team.order_by("pk").values_list("email", flat=True))


def _line(text: str) -> str:
    return " ".join(text.split())


def _check(subject: str, text: str) -> None:
    faults = []
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        faults.append(Fault("/subject", f"Say in up to {LONGEST_SUBJECT} characters what it is about.", "required"))
    if not 0 < len(text) <= LONGEST_TEXT:
        faults.append(Fault("/text", f"Write between 1 and {LONGEST_TEXT:,} characters.", "required"))
    if faults:
        raise Invalid(faults)
