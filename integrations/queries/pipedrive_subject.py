"""What the sync keeps about a person: for the file that they may ask for, and for its erasure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from cdp.models import Event
from cdp.queries import raw_archive
from integrations.models import PipedriveConnection, PipedriveLink, PipedriveRow, PipedriveRun
from stratum.workspaces.models import Workspace


def gather(workspace: Workspace, profile_ids: Sequence[int], now: datetime) -> dict[str, Any] | None:
    """As JSON values; None where Pipedrive was never connected."""
    connection = PipedriveConnection.objects.filter(workspace=workspace).first()
    if connection is None:
        return None
    links = list(connection.links.filter(kind="person", local_id__in=profile_ids).order_by("id"))
    remote_ids = [link.remote_id for link in links]
    return {
        "company": connection.company_name or connection.company_domain,
        "links": [_link(link) for link in links],
        "persons": list(
            connection.persons.filter(remote_id__in=remote_ids)
            .order_by("remote_id")
            .values("remote_id", "name", "emails", "phones", "values", "labels", "update_time", "seen_at")
        ),
        "activities": list(
            connection.links.filter(kind="activity", local_id__in=_events(connection, profile_ids))
            .order_by("id")
            .values("remote_id", "synced_at")
        ),
        "deals": list(
            connection.deals.filter(person_id__in=remote_ids)
            .order_by("remote_id")
            .values("remote_id", "title", "status", "currency", "won_at", "told")
        ),
        "conflicts": list(
            connection.conflicts.filter(link__in=links)
            .order_by("id")
            .values("local", "remote_name", "ours", "theirs", "winner", "rule", "at")
        ),
        "waiting": list(
            connection.outbox.filter(kind="person", local_id__in=profile_ids)
            .order_by("id")
            .values("state", "queued_at", "last_error")
        ),
        "duplicates": list(
            connection.duplicates.filter(Q(local_id__in=profile_ids) | Q(other_id__in=profile_ids))
            .order_by("id")
            .values("reason", "remote_ids", "state", "resolution", "created_at")
        ),
        "tests": list(tests_of(connection, profile_ids).values("created_at", "exchanges")),
        "sync_rows": list(_told(rows_about(connection, profile_ids, remote_ids))),
    }


def rows_about(
    connection: PipedriveConnection, profile_ids: Sequence[int], remote_ids: Sequence[int]
) -> QuerySet[PipedriveRow]:
    """Of runs: those of the profiles, of their persons, deals and activities."""
    whose = (
        Q(kind__in=("person", "deal"), local_id__in=profile_ids)
        | Q(kind="person", remote_id__in=remote_ids)
        | Q(kind="activity", local_id__in=_events(connection, profile_ids))
    )
    return PipedriveRow.objects.filter(whose, run__connection=connection).order_by("id")


def tests_of(connection: PipedriveConnection, profile_ids: Sequence[int]) -> QuerySet[PipedriveRun]:
    return connection.runs.filter(profile_id__in=profile_ids).order_by("created_at", "pk")


def _events(connection: PipedriveConnection, profile_ids: Sequence[int]) -> "QuerySet[Event, int] | list[int]":
    here = Event.objects.filter(profile_id__in=profile_ids).values_list("id", flat=True)
    moved = raw_archive.ids_of(connection.workspace_id, profile_ids)
    return [*here, *moved] if moved else here


def _link(link: PipedriveLink) -> dict[str, Any]:
    return {
        "person": link.remote_id,
        "state": link.remote_state,
        "agreed": link.base,
        "person_changed_at": link.remote_update_time,
        "synced_at": link.synced_at,
    }


def _told(rows: QuerySet[PipedriveRow]) -> Iterator[dict[str, Any]]:
    names = ("kind", "action", "state", "remote_id", "title", "differences", "request", "error", "at")
    yield from rows.values(*names)
