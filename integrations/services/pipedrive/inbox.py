"""Webhooks at work: each is a hint that something is to be read. What is said of one record falls together."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from integrations.models import PipedriveInbox
from integrations.services.pipedrive import deals, gone, walking
from integrations.services.pipedrive.context import Work
from stratum.lib.http import Gone

AT_ONCE = 500
KEPT_DAYS = 7


def process(work: Work) -> int:
    """Everything that waits; how many webhooks that were."""
    total = 0
    while rows := list(work.connection.inbox.filter(processed_at=None).order_by("id")[:AT_ONCE]):
        for (entity, remote_id), about in _by_record(rows).items():
            if remote_id is not None:
                _read(work, entity, remote_id, about)
        PipedriveInbox.objects.filter(pk__in=[row.pk for row in rows]).update(processed_at=work.now())
        total += len(rows)
        work.step("Webhooks", total)
    return total


def _by_record(rows: Sequence[PipedriveInbox]) -> dict[tuple[str, int | None], list[PipedriveInbox]]:
    found: dict[tuple[str, int | None], list[PipedriveInbox]] = {}
    for row in rows:
        found.setdefault((row.entity, row.remote_id), []).append(row)
    return found


def _read(work: Work, entity: str, remote_id: int, about: Sequence[PipedriveInbox]) -> None:
    if entity == "person":
        _person(work, remote_id, about)
    elif entity == "deal" and work.connection.syncs("deals"):
        _deal(work, remote_id, about)


def _person(work: Work, remote_id: int, about: Sequence[PipedriveInbox]) -> None:
    survivor = next((one for row in about if (one := _merged_to(row.body)) is not None), None)
    if survivor is not None:
        with transaction.atomic():
            gone.follow_merge(work, remote_id, survivor)
        walking.look_at(work, survivor)
        return
    walking.look_at(work, remote_id, is_said_deleted=any(row.action == "delete" for row in about))


def _merged_to(body: dict[str, Any]) -> int | None:
    text = str(body["meta"].get("merged_to_id") or "")
    return int(text) if text.isdecimal() else None


def _deal(work: Work, remote_id: int, about: Sequence[PipedriveInbox]) -> None:
    try:
        found = work.client.deal(remote_id)
    except Gone:
        if any(row.action == "delete" for row in about):
            deals.mark_deleted(work, remote_id)
        return
    deals.absorb(work, [found])
