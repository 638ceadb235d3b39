"""What became of the calls of our connections: integrations note each one, and it becomes the signal of API health."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db import transaction

from stratum.workspaces.models import Workspace
from trustlayer.models import RecentCalls, SignalReading
from trustlayer.services import readings
from trustlayer.services.readings import NewReading

COUNTED = 50
FEWEST = 10  # with fewer calls the missing ones are taken as answered: one failure of two is no outage
SOURCE = "our connections"
EVERY = timedelta(minutes=5)  # a reading, unless the value has changed
FORGOTTEN = timedelta(days=1)  # a connection without a call for so long says nothing any more


class Outcome(StrEnum):
    """`REJECTED`: the platform understood and refused (4xx validation), which says nothing about its health."""

    ANSWERED = "a"
    FAILED = "f"
    REJECTED = "r"
    LOGGED_OUT = "o"


@transaction.atomic
def note(
    *, workspace: Workspace, platform: str, connection: str, outcomes: Sequence[Outcome], now: datetime
) -> float | None:
    """Remember calls, the newest last; the platform's error rate after them, None while no call counts.

    `connection` names an account of the platform. The worst connection speaks for the platform.
    """
    counted = "".join(one for one in outcomes if one is not Outcome.REJECTED)
    if counted:
        _remember(workspace, platform, connection, counted, now)
    return _report(workspace, platform, now)


def forget(*, workspace: Workspace, platform: str, connection: str) -> None:
    """The account was disconnected."""
    RecentCalls.objects.filter(workspace=workspace, platform=platform, connection=connection).delete()


def error_rate(outcomes: str) -> float:
    """Of the last 50 calls that count, the newest last; a lost login counts as all of them."""
    last = outcomes[-COUNTED:]
    if last.endswith(Outcome.LOGGED_OUT):
        return 1.0
    return _failed(last) / max(len(last), FEWEST)


def _failed(outcomes: str) -> int:
    return len(outcomes) - outcomes.count(Outcome.ANSWERED)


def _remember(workspace: Workspace, platform: str, connection: str, outcomes: str, now: datetime) -> None:
    which: dict[str, Any] = {"workspace": workspace, "platform": platform, "connection": connection}
    calls, _ = RecentCalls.objects.select_for_update().get_or_create(**which, defaults={"last_at": now})
    calls.outcomes = (calls.outcomes + outcomes)[-COUNTED:]
    calls.last_at = max(calls.last_at, now)
    calls.save(update_fields=["outcomes", "last_at"])


def _report(workspace: Workspace, platform: str, now: datetime) -> float | None:
    known = RecentCalls.objects.filter(workspace=workspace, platform=platform, last_at__gt=now - FORGOTTEN)
    worst = max(known.exclude(outcomes=""), key=lambda one: error_rate(one.outcomes), default=None)
    if worst is None:
        return None
    rate = error_rate(worst.outcomes)
    before = SignalReading.objects.filter(workspace=workspace, platform=platform, signal="api_health", source=SOURCE)
    last = before.order_by("-observed_at").first()
    if last is None or last.value != rate or last.observed_at <= now - EVERY:
        told = NewReading("api_health", rate, now, SOURCE, platform, evidence=_evidence(worst, known))
        readings.report(workspace=workspace, readings=[told], now=now)
    return rate


def _evidence(worst: RecentCalls, known: Iterable[RecentCalls]) -> dict[str, Any]:
    sentence = f"{_failed(worst.outcomes)} of the last {len(worst.outcomes)} calls for {worst.connection} failed."
    if worst.outcomes.endswith(Outcome.LOGGED_OUT):
        sentence = f"The login for {worst.connection} was lost: connect it again."
    return {"sentence": sentence, "connections": [one.connection for one in known]}
