"""Announcing: a notice becomes one message on each way that its kind is subscribed to."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from stratum.lib import jobs
from stratum.notifications import queries
from stratum.notifications.models import (
    Announcement,
    CollectedUpTo,
    Message,
    NotificationSettings,
    Subscription,
)
from stratum.notifications.registry import Kind, Notice, kinds
from stratum.workspaces.models import Workspace

SEND, COLLECT = "notifications.send", "notifications.collect"


@transaction.atomic
def announce(*, workspace: Workspace, notices: Sequence[Notice], now: datetime) -> int:
    """How many messages go out. A key that was told already tells nothing; what nobody wants leaves no trace."""
    if not notices:
        return 0
    settings = queries.settings_of(workspace)
    subscriptions = queries.subscriptions(workspace)
    slack = queries.slack_of(workspace) is not None
    count = 0
    for notice in notices:
        subscription = subscriptions.get(notice.kind)
        if subscription and _is_wanted(notice, subscription, settings):
            count += _tell(workspace, notice, ways(subscription, slack=slack), now)
    return count


def ways(subscription: Subscription, *, slack: bool) -> list[tuple[str, str]]:
    """Channel and address."""
    people = (member.user for member in subscription.members.all())
    by_mail = [(Message.Channel.EMAIL, user.email) for user in people if user.is_active]
    return [*([(Message.Channel.SLACK, "")] if slack and subscription.slack else []), *by_mail]


def _is_wanted(notice: Notice, subscription: Subscription, settings: NotificationSettings) -> bool:
    chosen = not notice.option or notice.option in subscription.options
    return chosen and queries.is_severe_enough(settings, notice.severity)


def _tell(workspace: Workspace, notice: Notice, to: Sequence[tuple[str, str]], now: datetime) -> int:
    if not to:
        return 0
    given = {
        "kind": notice.kind,
        "severity": notice.severity,
        "title": notice.title[:200],
        "text": notice.text,
        "facts": [list(fact) for fact in notice.facts],
        "path": notice.path[:500],
        "created_at": now,
    }
    told, is_new = Announcement.objects.get_or_create(workspace=workspace, key=notice.key[:200], defaults=given)
    return send_by(told, to, now) if is_new else 0


def send_by(told: Announcement, to: Iterable[tuple[str, str]], now: datetime) -> int:
    rows = [
        Message(
            workspace_id=told.workspace_id,
            announcement=told,
            channel=channel,
            email=email,
            created_at=now,
            next_attempt_at=now,
        )
        for channel, email in to
    ]
    for message in Message.objects.bulk_create(rows):
        jobs.after_commit(SEND, message_id=message.pk)
    return len(rows)


# Collected by the tick


def claim_collections(now: datetime) -> Iterable[Mapping[str, Any]]:
    return [{"workspace_id": pk} for pk in queries.workspaces_to_collect_for()]


def collect(workspace: Workspace, *, now: datetime) -> int:
    """Ask each kind that somebody wants for what happened since it was asked last."""
    wanted = [kind for kind in kinds.values() if kind.collect and queries.is_wanted(workspace, kind.name)]
    return sum(_collect(workspace, kind, now) for kind in wanted)


@transaction.atomic
def _collect(workspace: Workspace, kind: Kind, now: datetime) -> int:
    """Place and messages are written together, so a crash repeats and loses nothing."""
    assert kind.collect is not None
    CollectedUpTo.objects.get_or_create(workspace=workspace, kind=kind.name)
    row = CollectedUpTo.objects.select_for_update().get(workspace=workspace, kind=kind.name)
    found = kind.collect(workspace, row.place, now)
    if found.place != row.place:
        row.place = found.place
        row.save(update_fields=["place"])
    return announce(workspace=workspace, notices=found.notices, now=now)
