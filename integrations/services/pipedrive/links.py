"""Links: made, refreshed, moved and ended. All in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.models import PipedriveConflict, PipedriveConnection, PipedriveDuplicate, PipedriveLink
from integrations.pipedrive.comparing import Conflict
from integrations.pipedrive.merge import Base
from integrations.services.pipedrive.context import Work

RemoteState = PipedriveLink.RemoteState
FIELDS = ["base", "local_hash", "remote_hash", "remote_update_time", "remote_state", "synced_at", "lock_version"]


@dataclass(frozen=True, slots=True)
class Agreed:
    """How the two sides stand after they were looked at."""

    local_id: int
    remote_id: int
    base: Mapping[str, Base]
    local_hash: str
    remote_hash: str
    update_time: datetime | None


def of_remotes(connection: PipedriveConnection, remote_ids: Iterable[int]) -> dict[int, PipedriveLink]:
    rows = connection.links.filter(kind="person", remote_id__in=list(remote_ids))
    return {row.remote_id: row for row in rows}


def of_profiles(connection: PipedriveConnection, profile_ids: Iterable[int]) -> dict[int, PipedriveLink]:
    rows = connection.links.filter(kind="person", local_id__in=list(profile_ids))
    return {row.local_id: row for row in rows}


def make(work: Work, agreed: Sequence[Agreed]) -> None:
    """New ones. One that is there already, of either side, stays as it is."""
    now = work.now()
    PipedriveLink.objects.bulk_create(
        (
            PipedriveLink(
                connection=work.connection,
                local_id=one.local_id,
                remote_id=one.remote_id,
                base=dict(one.base),
                local_hash=one.local_hash,
                remote_hash=one.remote_hash,
                remote_update_time=one.update_time,
                synced_at=now,
            )
            for one in agreed
        ),
        ignore_conflicts=True,
    )


def refresh(links: Sequence[PipedriveLink]) -> None:
    for link in links:
        link.lock_version += 1
    PipedriveLink.objects.bulk_update(links, FIELDS, batch_size=500)


def end(links: Iterable[PipedriveLink], state: str) -> None:
    PipedriveLink.objects.filter(pk__in=[link.pk for link in links]).update(remote_state=state)


def note_conflicts(work: Work, link: PipedriveLink, conflicts: Sequence[Conflict]) -> None:
    """What lost is kept, to be seen."""
    work.tally["conflict"] += len(conflicts)
    for one in conflicts:
        difference = {"field": one.pair.name, "before": one.theirs, "after": one.ours, "to": one.winner}
        work.note(
            "conflict", local_id=link.local_id, remote_id=link.remote_id, title=one.pair.name, differences=[difference]
        )
    if work.dry_run:
        return
    PipedriveConflict.objects.bulk_create(
        PipedriveConflict(
            connection=work.connection,
            link=link,
            local=one.pair.local,
            remote_name=one.pair.name,
            ours=one.ours,
            theirs=one.theirs,
            winner=one.winner,
            rule=one.pair.rule,
            at=work.now(),
        )
        for one in conflicts
    )


def note_duplicate(
    work: Work, reason: str, *, local_id: int | None, remote_ids: Iterable[int], other_id: int | None = None
) -> None:
    """Into the queue of people, once; what is known about it grows."""
    ids = sorted(set(remote_ids))
    work.tally["duplicate"] += 1
    work.note("duplicate", local_id=local_id, remote_id=ids[0] if ids else None, title=reason, is_open=False)
    if work.dry_run:
        return
    rows = PipedriveDuplicate.objects.filter(connection=work.connection, reason=reason, local_id=local_id)
    settled = rows.exclude(state=PipedriveDuplicate.State.OPEN).values_list("remote_ids", flat=True)
    if any(set(ids) <= set(one) for one in settled):
        return  # somebody has decided that already
    row = rows.filter(state=PipedriveDuplicate.State.OPEN).first()
    if row is None:
        PipedriveDuplicate.objects.create(
            connection=work.connection,
            reason=reason,
            local_id=local_id,
            other_id=other_id,
            remote_ids=ids,
            created_at=work.now(),
        )
    elif set(ids) - set(row.remote_ids):
        row.remote_ids = sorted({*row.remote_ids, *ids})
        row.save(update_fields=["remote_ids"])
