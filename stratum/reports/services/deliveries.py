"""Deliveries: a schedule's file is written by an export's job, then mailed, one message for each recipient.

A worker holds a delivery by moving its `next_attempt_at` on; should it die, the tick finds it there. Each message is
marked as being sent before the server is spoken to and as sent after it agreed, both committed. Whoever finds one still
marked as being sent cannot know whether it arrived: it is sent again under the same Message-ID, and says that it may be
a repeat.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from stratum.lib import jobs as background
from stratum.lib.http import Failure, Rejected, Unreachable
from stratum.lib.mail import TOO_LARGE, Post
from stratum.lib.refusal import Refusal
from stratum.reports import queries
from stratum.reports.models import Delivery, DeliveryMessage, Export, ExportSchedule
from stratum.reports.services import exports, letters
from stratum.workspaces import access
from stratum.workspaces.access import Actor
from stratum.workspaces.jobs import UNFINISHED
from stratum.workspaces.models import Job, Workspace

TASK = "reports.deliver"
HELD_FOR = timedelta(minutes=15)  # longer than one message takes to a server that answers just in time
LOOKED_AT = timedelta(minutes=10)  # while its file is written; whoever has written it says so at once
PAUSES = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180)]  # between attempts
MOST_ATTACHED = 5_000_000  # bytes; servers refuse messages from about 10 MB, and base64 adds a third
MOST_CLAIMED = 200

State, Message = Delivery.State, DeliveryMessage.State


@dataclass(slots=True)
class Hold:
    """A worker's hold on a delivery, renewed before each message."""

    delivery: Delivery
    until: datetime

    def renew(self, now: datetime) -> bool:
        """False when another worker has taken over."""
        mine = Delivery.objects.filter(pk=self.delivery.pk, next_attempt_at=self.until)
        self.until = now + HELD_FOR
        return bool(mine.update(next_attempt_at=self.until))

    def release(self, *, next_attempt_at: datetime | None, **fields: Any) -> None:
        mine = Delivery.objects.filter(pk=self.delivery.pk, next_attempt_at=self.until)
        mine.update(next_attempt_at=next_attempt_at, **fields)


# Begun by the tick, or by hand


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: schedules that are due begin a delivery; deliveries that wait go on."""
    due = ExportSchedule.objects.filter(enabled=True, next_run_at__lte=now).order_by("next_run_at")
    for schedule in due.select_for_update(skip_locked=True)[:MOST_CLAIMED]:
        _begin(schedule, schedule.next_run_at, now, missed=schedule.rhythm.missed(schedule.next_run_at, now))
        schedule.next_run_at = schedule.rhythm.next_after(now)
        schedule.save(update_fields=["next_run_at"])
    waiting = Delivery.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    return [{"delivery_id": str(pk)} for pk in waiting.values_list("pk", flat=True)[:MOST_CLAIMED]]


@transaction.atomic
def run_now(*, workspace: Workspace, by: Actor, schedule_id: UUID, now: datetime) -> Delivery:
    """Beside its rhythm. Raises Refusal while one is under way."""
    access.demand(by, "export")
    schedule = queries.schedule(workspace, schedule_id, for_update=True)
    if schedule.deliveries.filter(finished_at=None).exists():
        raise Refusal("under_way", "A delivery of this schedule is under way. Wait until it has ended.")
    delivery = _begin(schedule, now, now, asked_by=by.label[:150])
    background.after_commit(TASK, delivery_id=str(delivery.pk))
    return delivery


def written(export: Export, now: datetime) -> None:
    """Called when an export's job has ended: whoever waits for its file goes on at once."""
    waiting = Delivery.objects.filter(export=export, state=State.WRITING, next_attempt_at__isnull=False)
    if waiting.update(next_attempt_at=now):
        background.after_commit(TASK, delivery_id=str(export.delivery.pk))


def _begin(schedule: ExportSchedule, due_at: datetime, now: datetime, **fields: Any) -> Delivery:
    """The one of that instant, which an earlier tick may have begun."""
    given = {"workspace_id": schedule.workspace_id, "created_at": now, "next_attempt_at": now, **fields}
    delivery, _ = Delivery.objects.get_or_create(schedule=schedule, due_at=due_at, defaults=given)
    return delivery


# One step of a delivery, by a worker


def advance(delivery_id: UUID | str, *, now: datetime, post: Post | None = None) -> None:
    """Do what can be done now, and say when to come back. Nothing when another worker holds it."""
    hold = _hold(delivery_id, now)
    if hold is None:
        return
    if hold.delivery.state == State.SENDING and not queries.has_file(hold.delivery, now):
        hold.delivery.state = State.WRITING  # somebody was erased, and the file with them: read the table anew
    if hold.delivery.state == State.WRITING:
        _write(hold, now)
    if hold.delivery.state != State.WRITING:
        with post or Post() as opened:
            _send_all(hold, opened, now)


def _hold(delivery_id: UUID | str, now: datetime) -> Hold | None:
    due = Delivery.objects.filter(pk=delivery_id, next_attempt_at__lte=now)
    until = now + HELD_FOR
    if not due.update(next_attempt_at=until, attempts=F("attempts") + 1):
        return None
    found = Delivery.objects.select_related("schedule__created_by", "schedule__api_key", "workspace", "export__job")
    return Hold(found.get(pk=delivery_id), until)


def _write(hold: Hold, now: datetime) -> None:
    """Start the export, or look how far it is."""
    delivery = hold.delivery
    if delivery.export is None:
        _start_export(hold, now)
    elif delivery.export.job.state in UNFINISHED:
        hold.release(next_attempt_at=now + LOOKED_AT)
    elif delivery.export.job.state == Job.State.SUCCEEDED:
        _address(delivery)
    else:
        error = delivery.export.job.error or delivery.export.job.message
        _fail(hold, error or "The file was not written.", now)


def _start_export(hold: Hold, now: datetime) -> None:
    delivery, schedule = hold.delivery, hold.delivery.schedule
    try:
        with transaction.atomic():
            delivery.export = exports.start(
                workspace=delivery.workspace,
                by=exports.actor_for(delivery.workspace, schedule.created_by, schedule.api_key),
                exporter=schedule.exporter,
                parameters=schedule.parameters,
                file_format=schedule.format,
                now=now,
            )
            hold.release(next_attempt_at=now + LOOKED_AT, export=delivery.export, state=State.WRITING)
    except Refusal as refusal:
        _fail(hold, refusal.sentence, now)


def _address(delivery: Delivery) -> None:
    """A message for each recipient, and whether the file goes with it."""
    assert delivery.export is not None
    attached = (delivery.export.size or 0) <= MOST_ATTACHED
    with transaction.atomic():
        _add_messages(delivery, delivery.schedule.recipients, DeliveryMessage.Purpose.REPORT)
        Delivery.objects.filter(pk=delivery.pk).update(state=State.SENDING, attached=attached)
    delivery.state, delivery.attached = State.SENDING, attached


def _add_messages(delivery: Delivery, people: Iterable[str], purpose: str) -> None:
    rows = [DeliveryMessage(delivery=delivery, email=email, purpose=purpose) for email in people]
    DeliveryMessage.objects.bulk_create(rows, ignore_conflicts=True)


def _fail(hold: Hold, reason: str, now: datetime) -> None:
    """Nothing can be sent; whoever is responsible is told."""
    with transaction.atomic():
        _tell_of_failure(hold.delivery)
        hold.delivery.state, hold.delivery.reason = State.FAILED, reason[:400]
        Delivery.objects.filter(pk=hold.delivery.pk).update(state=State.FAILED, reason=reason[:400], finished_at=now)


def _tell_of_failure(delivery: Delivery) -> None:
    people = queries.responsible(delivery.workspace, delivery.schedule.created_by)
    _add_messages(delivery, people, DeliveryMessage.Purpose.NOTICE)


# Messages


def _send_all(hold: Hold, post: Post, now: datetime) -> None:
    """Every message that is open. Afterwards the delivery has ended, or says when it goes on."""
    failure: Failure | None = None
    for message in _open(hold.delivery):
        if not hold.renew(now):
            return
        if isinstance(failure, Unreachable) and not failure.may_have_arrived:
            _note(message, attempts=message.attempts + 1)  # no need to knock again for each
            _put_off(message, failure)
        else:
            failure = _send(hold.delivery, message, post, now)
    if not _open(hold.delivery) and hold.delivery.state == State.SENDING:
        _close(hold.delivery, now)
    waiting = _open(hold.delivery)
    hold.release(next_attempt_at=now + _pause(waiting) if waiting else None)


def _open(delivery: Delivery) -> list[DeliveryMessage]:
    open_states = (Message.WAITING, Message.SENDING)
    return list(DeliveryMessage.objects.filter(delivery=delivery, state__in=open_states).order_by("purpose", "pk"))


def _pause(waiting: list[DeliveryMessage]) -> timedelta:
    """By the one that was tried least, at once for one that was not tried yet."""
    tried = min(message.attempts for message in waiting)
    return PAUSES[min(tried, len(PAUSES)) - 1] if tried else timedelta()


def _send(delivery: Delivery, message: DeliveryMessage, post: Post, now: datetime) -> Failure | None:
    """What went wrong, if anything did."""
    if message.state == Message.SENDING:
        message.repeated = True  # its worker died in the middle
    _note(message, state=Message.SENDING, attempts=message.attempts + 1, repeated=message.repeated)
    try:
        post.send(letters.written(delivery, message))
    except Rejected as error:
        _rejected(delivery, message, error)
        return error
    except Failure as error:
        _put_off(message, error)
        return error
    _note(message, state=Message.SENT, reason="", sent_at=now)
    return None


def _rejected(delivery: Delivery, message: DeliveryMessage, error: Rejected) -> None:
    """A server that finds the file too large gets a link instead, all others too."""
    if error.code in TOO_LARGE and delivery.attached and message.purpose == DeliveryMessage.Purpose.REPORT:
        Delivery.objects.filter(pk=delivery.pk).update(attached=False)
        delivery.attached = False
        _note(message, state=Message.WAITING, reason=error.sentence)
    else:
        _note(message, state=Message.REJECTED, reason=error.sentence)


def _put_off(message: DeliveryMessage, error: Failure) -> None:
    if isinstance(error, Unreachable) and error.may_have_arrived:
        message.repeated = True
    again = message.attempts <= len(PAUSES)
    state = Message.WAITING if again else Message.FAILED
    _note(message, state=state, reason=error.sentence, repeated=message.repeated)


def _note(message: DeliveryMessage, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(message, name, value[:400] if name == "reason" else value)
    message.save(update_fields=list(fields))


def _close(delivery: Delivery, now: datetime) -> None:
    """Every recipient's message has ended. What did not arrive is told to whoever is responsible."""
    sent, lost = queries.outcome(delivery)
    state = State.SENT if not lost else State.PARTLY if sent else State.FAILED
    reason = "" if not lost else f"{len(lost)} of {len(lost) + len(sent)} recipients did not get it: {lost[0].reason}"
    with transaction.atomic():
        if lost:
            _tell_of_failure(delivery)
        Delivery.objects.filter(pk=delivery.pk).update(state=state, reason=reason[:400], finished_at=now)
    delivery.state, delivery.reason = state, reason[:400]
