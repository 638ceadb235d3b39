"""Persons that are gone in Pipedrive: deleted, hidden, merged. Their profiles stay."""

from collections.abc import Sequence

from integrations.models import PipedriveDuplicate
from integrations.services.pipedrive import links, mirror, outbox, pulling
from integrations.services.pipedrive.context import Work
from integrations.services.pipedrive.links import RemoteState

Reason = PipedriveDuplicate.Reason


def bury(work: Work, remote_ids: Sequence[int]) -> None:
    """Deleted in Pipedrive: the profile stays, nothing is written to the person any more, and it is not made again."""
    ended = list(links.of_remotes(work.connection, remote_ids).values())
    mirror.drop(work.connection, remote_ids)
    ended = [link for link in ended if link.remote_state in (RemoteState.LIVE, RemoteState.INVISIBLE)]
    if work.dry_run:
        return
    links.end(ended, RemoteState.DELETED)
    outbox.forget(work.connection, "person", [link.local_id for link in ended])
    for link in ended:
        work.tally["deleted"] += 1
        work.note("deleted", local_id=link.local_id, remote_id=link.remote_id, title="Deleted in Pipedrive")


def hide(work: Work, remote_ids: Sequence[int]) -> None:
    """Not to be seen any more, which may mean anything: nothing is written until it is seen again."""
    ended = [one for one in links.of_remotes(work.connection, remote_ids).values() if one.remote_state == "live"]
    if not work.dry_run:
        links.end(ended, RemoteState.INVISIBLE)
        outbox.forget(work.connection, "person", [link.local_id for link in ended])
    work.tally["hidden"] += len(ended)


def follow_merge(work: Work, loser: int, survivor: int) -> None:
    """Two persons became one in Pipedrive: the link leads to what is left, unless that has one of its own."""
    found = links.of_remotes(work.connection, [loser, survivor])
    mirror.drop(work.connection, [loser])
    link = found.get(loser)
    if link is None or work.dry_run:
        return
    if survivor in found:
        other = found[survivor].local_id
        links.end([link], RemoteState.MERGED)
        outbox.forget(work.connection, "person", [link.local_id])
        reason = Reason.PERSONS_MERGED
        links.note_duplicate(work, reason, local_id=link.local_id, other_id=other, remote_ids=[survivor])
        return
    link.remote_id, link.remote_state, link.remote_hash = survivor, RemoteState.LIVE, ""
    link.remote_update_time = None
    link.save(update_fields=["remote_id", "remote_state", "remote_hash", "remote_update_time"])
    pulling.attach(work, {link.local_id: survivor})
    outbox.put(work.connection, "person", [link.local_id], now=work.now(), forced=True)
