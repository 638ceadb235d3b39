"""Streams of Pipedrive's lists, read in windows: fixed bounds, a page at a time, the place saved with its effects.

A window begins before the last one ended: our clock may differ from theirs, and their times are whole seconds. What is
edited during the walk leaves the window and comes with the next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from integrations.models import PipedriveConnection, PipedriveCursor
from integrations.pipedrive.shapes import Page
from integrations.services.pipedrive import deals, gone, inbound, mirror
from integrations.services.pipedrive.context import Work
from stratum.lib.http import Gone, Rejected

OVERLAP = timedelta(minutes=8)  # two for their seconds and lags, six for clocks that differ
PERSONS, EVERYBODY = "persons", "persons_full"
MOST_LOOKED_FOR = 500  # of persons that the list does not show any more

Fetch = Callable[[datetime | None, datetime | None, str | None], Page]
Take = Callable[[Sequence[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Walked:
    """The window that was read; `pages` by this call."""

    since: datetime | None
    until: datetime
    pages: int


def persons(work: Work, *, everybody: bool) -> Walked:
    """Those that changed since the last time, or all of them: rows without a time are in no window."""
    stream = _cursor(work, PERSONS)
    if everybody or stream.hwm is None or _cursor(work, EVERYBODY).window_to is not None:
        return _everybody(work, stream.hwm)
    return walk(work, PERSONS, _persons_between(work), _take_persons(work))


def _persons_between(work: Work) -> Fetch:
    return lambda since, until, cursor: work.client.persons(since=since, until=until, cursor=cursor)


def _take_persons(work: Work) -> Take:
    return lambda items: inbound.absorb(work, inbound.read_all(items))


def _everybody(work: Work, hwm: datetime | None) -> Walked:
    """The whole list beside the links: repairs what webhooks and windows missed."""
    work.reconciling_from = hwm - OVERLAP if hwm else None
    walked = walk(
        work,
        EVERYBODY,
        lambda since, until, cursor: work.client.persons(cursor=cursor),
        _take_persons(work),
        whole=True,
    )
    work.reconciling_from = None
    if work.dry_run:
        return walked
    unseen = mirror.drop_unseen(work.connection, before=walked.until)
    _look_for(work, unseen)
    PipedriveCursor.objects.filter(connection=work.connection, stream=PERSONS).update(hwm=walked.until, window_to=None)
    PipedriveConnection.objects.filter(pk=work.connection.pk).update(reconciled_at=work.now())
    return walked


def _look_for(work: Work, remote_ids: Sequence[int]) -> None:
    """Absence from the list may mean deleted or hidden: each linked one is asked for by itself."""
    links = work.connection.links.filter(kind="person", remote_state="live", remote_id__in=remote_ids)
    for remote in list(links.values_list("remote_id", flat=True)[:MOST_LOOKED_FOR]):
        look_at(work, remote)


def look_at(work: Work, remote_id: int, *, is_said_deleted: bool = False) -> None:
    """One person as it is now; a deletion that was announced and is not contradicted is believed."""
    try:
        person = work.client.person(remote_id)
    except Gone as error:
        is_deleted = is_said_deleted and type(error) is Gone
        (gone.bury if is_deleted else gone.hide)(work, [remote_id])
        return
    inbound.absorb(work, [person])


# Deals


def all_deals(work: Work) -> None:
    """Open, won and lost ones; those deleted; those archived, which vanish from the list: each a stream of its own."""
    client = work.client
    walk(
        work,
        "deals",
        lambda since, until, cursor: client.deals(since=since, until=until, cursor=cursor),
        lambda items: deals.absorb(work, items),
    )
    walk(
        work,
        "deals_deleted",
        lambda since, until, cursor: client.deals(since=since, until=until, cursor=cursor, deleted=True),
        lambda items: deals.absorb(work, [{**one, "is_deleted": True} for one in items]),
    )
    walk(
        work,
        "deals_archived",
        lambda since, until, cursor: client.archived_deals(since=since, until=until, cursor=cursor),
        lambda items: deals.absorb(work, items, archived=True),
    )


# The walk


def walk(work: Work, stream: str, fetch: Fetch, take: Take, *, whole: bool = False) -> Walked:
    """Read a window to its end. Interrupted, the next call goes on behind the last page whose effects are stored."""
    row = _begun(work, stream, whole)
    assert row.window_to is not None
    since, until, pages = row.window_from, row.window_to, 0
    while True:
        page = _fetched(row, fetch, since, None if whole else until)
        pages += 1
        with transaction.atomic():
            take(page.items)
            _note(work, row, page, until)
        work.step(stream.replace("_", " "), pages)
        if page.next_cursor is None:
            return Walked(since, until, pages)


def _cursor(work: Work, stream: str) -> PipedriveCursor:
    return PipedriveCursor.objects.get_or_create(connection=work.connection, stream=stream)[0]


def _begun(work: Work, stream: str, whole: bool) -> PipedriveCursor:
    """The window under way, else the next one. A dry run keeps its place to itself."""
    row = _cursor(work, stream)
    if row.window_to is None or work.dry_run:
        row.window_from = None if whole or row.hwm is None else row.hwm - OVERLAP
        row.window_to, row.cursor, row.pages = work.now().replace(microsecond=0), "", 0
        if not work.dry_run:
            row.save()
    return row


def _fetched(row: PipedriveCursor, fetch: Fetch, since: datetime | None, until: datetime | None) -> Page:
    """A place that Pipedrive does not know any more begins the window anew: its effects can be had twice."""
    try:
        return fetch(since, until, row.cursor or None)
    except Rejected:
        if not row.cursor:
            raise
        row.cursor = ""
        return fetch(since, until, None)


def _note(work: Work, row: PipedriveCursor, page: Page, until: datetime) -> None:
    row.cursor = page.next_cursor or ""
    row.pages += 1
    if page.next_cursor is None:
        row.hwm, row.window_from, row.window_to = until, None, None
    if not work.dry_run:
        row.save()
