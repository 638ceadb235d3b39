"""Sending messages, with retries. A worker holds a message by moving its `next_attempt_at` on, and a dead one loses it.

Neither Slack nor a mail server can be asked whether a message arrived. One whose worker died while sending, or whose
answer was lost, is sent again and says so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from stratum.lib import clock, mail
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from stratum.lib.mail import Post
from stratum.lib.refusal import Missing, Refusal
from stratum.notifications import queries, slack
from stratum.notifications.models import Announcement, Message, SlackConnection
from stratum.notifications.slack import Told
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace

HELD_FOR = timedelta(minutes=5)
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]  # between attempts
MOST_CLAIMED = 500
KEPT_FOR = timedelta(days=90)

State = Message.State


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: what waits for its next attempt, and what a dead worker held."""
    due = Message.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    return [{"message_id": pk} for pk in due.values_list("pk", flat=True)[:MOST_CLAIMED]]


def send(message_id: int, *, now: datetime) -> None:
    """One attempt, unless another worker holds it or the hours are quiet."""
    if not Message.objects.filter(pk=message_id, next_attempt_at__lte=now).update(next_attempt_at=now + HELD_FOR):
        return
    message = Message.objects.select_related("announcement", "workspace").get(pk=message_id)
    quiet = queries.quiet_until(queries.settings_of(message.workspace), message.announcement.severity, now)
    if quiet is not None and message.announcement.kind != TEST:
        _note(message, next_attempt_at=quiet, reason="Quiet hours.")
        return
    _attempt(message, now)


def _attempt(message: Message, now: datetime) -> None:
    repeated = message.repeated or message.state == State.SENDING  # its worker died in the middle
    _note(message, state=State.SENDING, attempts=message.attempts + 1, repeated=repeated)
    try:
        if message.channel == Message.Channel.SLACK:
            _to_slack(message, now)
        else:
            _by_mail(message)
    except Failure as failure:
        _failed(message, failure, now)
    else:
        _note(message, state=State.SENT, sent_at=now, next_attempt_at=None, reason="")


def _to_slack(message: Message, now: datetime) -> None:
    connection = queries.slack_of(message.workspace)
    if connection is None:
        raise Gone("Slack is not connected any more.")
    try:
        slack.post(_url(connection), _told(message), now=clock.now)
    except (Gone, NotAuthorised) as failure:
        _connections(connection).filter(broken_at=None).update(broken_at=now)
        _connections(connection).update(broken_reason=failure.sentence[:300])
        raise
    _connections(connection).exclude(broken_at=None).update(broken_at=None, broken_reason="")


def _connections(connection: SlackConnection) -> Any:
    """This very connection: a new one made meanwhile is not judged by the old one's answer."""
    return SlackConnection.objects.filter(pk=connection.pk, sealed_url=connection.sealed_url)


def _url(connection: SlackConnection) -> str:
    try:
        return connection.url
    except ValueError as error:
        raise Gone(f"{error} Connect Slack again.") from None


def _told(message: Message) -> Told:
    told = message.announcement
    facts = [(str(label), str(value)) for label, value in told.facts]
    url = urljoin(settings.BASE_URL, told.path) if told.path else ""
    return Told(message.workspace.name, told.severity, told.title, told.text, facts, url, message.repeated)


def _by_mail(message: Message) -> None:
    context = {
        "told": _told(message),
        "manage": urljoin(settings.BASE_URL, reverse("settings_notifications")),
    }
    letter = EmailMessage(
        subject=f"{message.announcement.title} ({message.workspace.name})".replace("\n", " ")[:200],
        body=render_to_string("notifications/mail/notice.txt", context),
        to=[message.email],
        headers={"Message-ID": mail.message_id("notice", message.pk), "Auto-Submitted": "auto-generated"},
    )
    with Post() as post:
        post.send(letter)


def _failed(message: Message, failure: Failure, now: datetime) -> None:
    final = isinstance(failure, Rejected | Gone | NotAuthorised) or message.attempts > len(PAUSES)
    unsure = isinstance(failure, Unreachable) and failure.may_have_arrived
    again = None if final else _again_at(message, failure, now)
    _note(
        message,
        state=State.FAILED if final else State.WAITING,
        repeated=message.repeated or unsure,
        reason=failure.sentence,
        next_attempt_at=again,
    )


def _again_at(message: Message, failure: Failure, now: datetime) -> datetime:
    usual = now + PAUSES[message.attempts - 1]
    return (failure.retry_at or usual) if isinstance(failure, Throttled) else usual


def _note(message: Message, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(message, name, value[:400] if name == "reason" else value)
    message.save(update_fields=list(fields))


# By hand

TEST = "test"


def send_test(*, workspace: Workspace, by: Actor, now: datetime) -> Message:
    """To Slack, at once, so that whoever asked sees what Slack answers."""
    access.demand(by, "connect")
    if queries.slack_of(workspace) is None:
        raise Missing("Slack is not connected.")
    told = Announcement.objects.create(
        workspace=workspace,
        kind=TEST,
        key=f"test:{now.isoformat()}",
        severity="info",
        title="This is a test",
        text=f"{by.label} tested the notifications of {workspace.name}. Everything works.",
        path=reverse("settings_notifications"),
        created_at=now,
    )
    message = Message.objects.create(
        workspace=workspace, announcement=told, channel="slack", created_at=now, next_attempt_at=now
    )
    send(message.pk, now=now)
    return Message.objects.get(pk=message.pk)


def retry(*, workspace: Workspace, by: Actor, message_id: int, now: datetime) -> Message:
    """Try one that was given up once more."""
    access.demand(by, "connect")
    failed = Message.objects.filter(workspace=workspace, pk=message_id)
    if not failed.exists():
        raise Missing("There is no such message in this workspace.")
    if not failed.filter(state=State.FAILED).update(state=State.WAITING, next_attempt_at=now, attempts=0):
        raise Refusal("not_failed", "Only a message that failed can be sent again.")
    send(message_id, now=now)
    return Message.objects.get(pk=message_id)


def forget_old(*, now: datetime) -> int:
    return Announcement.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
