"""Events that become activities: chosen by name, so many a day, each exactly once by a marker in its note."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from cdp.models import Event, Profile
from cdp.queries.changes import Changes
from integrations.models import PipedriveLink, PipedriveOutbox
from integrations.services.pipedrive import links, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import RemoteState
from integrations.services.pipedrive.spending import Halt
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable

KIND = "activity"
BATCH = 100
SETTLES = timedelta(seconds=90)
LOOKS = 2
PATIENCE = timedelta(days=7)  # for the person of an event to be linked
State = PipedriveOutbox.State


def chosen(work: Work) -> dict[str, dict[str, Any]]:
    if not work.connection.syncs("activities"):
        return {}
    return {one["event"]: one for one in work.connection.activity_events}


def enqueue(work: Work, feed: Changes) -> None:
    """The events of these names since they were chosen, up to the day's cap; what is beyond it is counted and left."""
    for name, choice in chosen(work).items():
        profiles = feed.acted.get(name)
        if profiles is None or not len(profiles) or work.dry_run:
            continue
        wanted = _unknown(work, name, profiles.tolist(), datetime.fromisoformat(choice["since"]))
        room = max(0, work.connection.activity_cap - _today(work, name))
        work.tally["capped"] += max(0, len(wanted) - room)
        outbox.put(work.connection, KIND, wanted[:room], now=work.now())


def _unknown(work: Work, name: str, profile_ids: Sequence[int], since: datetime) -> list[int]:
    """Numbers of events that have neither an activity nor a row in the outbox, the oldest first."""
    merged = Profile.objects.filter(merged_into__in=profile_ids).values_list("pk", flat=True)
    cluster = [*profile_ids, *merged]
    rows = Event.objects.filter(
        workspace=work.workspace, profile_id__in=cluster, name=name, received_at__gte=since, kind__lte=2
    )
    ids = list(rows.order_by("ts", "id").values_list("id", flat=True))
    known = set(work.connection.links.filter(kind=KIND, local_id__in=ids).values_list("local_id", flat=True))
    known |= set(work.connection.outbox.filter(kind=KIND, local_id__in=ids).values_list("local_id", flat=True))
    return [one for one in ids if one not in known]


def _today(work: Work, name: str) -> int:
    """How many of the name were put in line or written since the day began, in the workspace's time zone."""
    zone = ZoneInfo(work.workspace.time_zone)
    start = work.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    written = work.connection.links.filter(kind=KIND, synced_at__gte=start).values("local_id")
    queued = work.connection.outbox.filter(kind=KIND, queued_at__gte=start).values("local_id")
    events = Event.objects.filter(workspace=work.workspace, name=name)
    return events.filter(pk__in=written).count() + events.filter(pk__in=queued).count()


# Out


def push(work: Work, rows: Sequence[PipedriveOutbox]) -> None:
    """Each row ends done, later, or dead. Raises what stops everything."""
    try:
        for row, event, link in _ready(work, rows):
            _push_one(work, row, event, link)
    except (Halt, Failure):
        keys = [row.pk for row in rows]
        PipedriveOutbox.objects.filter(pk__in=keys, state=State.QUEUED).update(lease_until=None)
        raise


def _ready(work: Work, rows: Sequence[PipedriveOutbox]) -> Iterator[tuple[PipedriveOutbox, Event, PipedriveLink]]:
    """Those whose person is known. Others wait for their link, and some days later for nothing."""
    events = Event.objects.filter(workspace=work.workspace).in_bulk([row.local_id for row in rows])
    lives = pulling.live_numbers(work.workspace, [event.profile_id for event in events.values()])
    known = links.of_profiles(work.connection, lives.values())
    for row in rows:
        event = events.get(row.local_id)
        profile = lives.get(event.profile_id) if event else None
        link = known.get(profile or 0)
        if event is None or profile is None or (link and link.remote_state != RemoteState.LIVE):
            outbox.done([row], now=work.now())
        elif link is not None:
            yield row, event, link
        elif work.now() - row.queued_at > PATIENCE:
            outbox.done([row], now=work.now())
            work.tally["skipped"] += 1
        else:
            outbox.give_back([row], now=work.now() + timedelta(minutes=15))


def _push_one(work: Work, row: PipedriveOutbox, event: Event, link: PipedriveLink) -> None:
    if row.state != State.QUEUED:
        activity = _found(work, row, event, link)
        if activity is not None:
            _written(work, row, event, activity)
            return
        if row.scans + 1 < LOOKS:
            PipedriveOutbox.objects.filter(pk=row.pk).update(scans=row.scans + 1)
            outbox.doubt(row, settles_at=work.now() + SETTLES / 3, error=row.last_error)
            return
    outbox.intend([row], now=work.now())
    request = body(work, event, link.remote_id)
    try:
        _written(work, row, event, work.client.create_activity(request).id, request)
    except Unreachable as error:
        if not error.may_have_arrived:
            _failed(work, row, error)
        else:
            outbox.doubt(row, settles_at=work.now() + SETTLES, error=error.sentence)
    except (Rejected, Gone) as error:
        _failed(work, row, error, request)
    except (Halt, NotAuthorised, Throttled):
        PipedriveOutbox.objects.filter(pk=row.pk).update(state=State.QUEUED, intent_at=None)
        raise


def _found(work: Work, row: PipedriveOutbox, event: Event, link: PipedriveLink) -> int | None:
    since = (row.intent_at or work.now()) - timedelta(minutes=6)
    marker = marker_of(event)
    for activity in work.client.activities(person_id=link.remote_id, since=since):
        if marker in activity.note:
            return activity.id
    return None


@transaction.atomic
def _written(
    work: Work, row: PipedriveOutbox, event: Event, activity_id: int, request: dict[str, Any] | None = None
) -> None:
    PipedriveLink.objects.bulk_create(
        [
            PipedriveLink(
                connection=work.connection,
                kind=KIND,
                local_id=event.pk,
                remote_id=activity_id,
                synced_at=work.now(),
            )
        ],
        ignore_conflicts=True,
    )
    work.tally["activities"] += 1
    work.note("activity", kind=KIND, local_id=event.pk, remote_id=activity_id, title=event.name, request=request)
    outbox.done([row], now=work.now())


def _failed(work: Work, row: PipedriveOutbox, error: Failure, request: dict[str, Any] | None = None) -> None:
    PipedriveOutbox.objects.filter(pk=row.pk).update(state=State.QUEUED)
    if outbox.fail(row, error=error.sentence, now=work.now(), is_final=isinstance(error, Rejected)):
        work.tally["failed"] += 1
        work.note("failed", kind=KIND, local_id=row.local_id, error=error.sentence, request=request, is_open=True)


# Its words


def marker_of(event: Event) -> str:
    return f"stratum:evt:{event.pk}"


def body(work: Work, event: Event, person_id: int) -> dict[str, Any]:
    """Done, at the time of the event in UTC, which Pipedrive shows in everybody's own zone."""
    at = event.ts.astimezone(UTC)
    choice = chosen(work).get(event.name, {})
    return {
        "subject": subject(event),
        "type": choice.get("type") or "task",
        "done": True,
        "due_date": at.strftime("%Y-%m-%d"),
        "due_time": at.strftime("%H:%M"),
        "participants": [{"person_id": person_id, "primary": True}],
        "note": "<br>".join([*_told(event), marker_of(event)]),
    }


def subject(event: Event) -> str:
    """“Purchase 120 USD”."""
    words = event.name.replace("_", " ").strip().capitalize() or "Event"
    amount = event.properties.get("revenue", event.properties.get("value"))
    if isinstance(amount, int | float | str) and not isinstance(amount, bool) and str(amount).strip():
        words += f" {amount} {event.properties.get('currency') or ''}".rstrip()
    return words[:255]


def _told(event: Event) -> Iterator[str]:
    """The first few plain properties."""
    plain = [(name, value) for name, value in event.properties.items() if isinstance(value, str | int | float)]
    for name, value in plain[:8]:
        yield f"{_escaped(name)}: {_escaped(str(value)[:200])}"


def _escaped(text: str) -> str:
    """Notes are HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
