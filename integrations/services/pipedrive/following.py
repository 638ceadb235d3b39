"""Our own changes into the outbox: exactly those whose person would be told something else.

Profiles, traits and segments are followed as traits and segments follow events: by the change feed and by stamps. The
places and the rows of the outbox are one transaction, so every committed change reaches the outbox exactly once,
whatever is killed when, and ingestion pays nothing for it (docs/decisions/0009-following-for-the-crm.md).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from cdp.engine.arrays import Ints
from cdp.models import Identifier, TraitChange
from cdp.queries import changes, served_traits
from cdp.queries.arrays import NOBODY
from cdp.queries.changes import Changes, union
from cdp.queries.position import Position
from cdp.queries.segment_members import members_among, members_of
from integrations.models import PipedriveConnection, PipedriveDuplicate, PipedriveLink, PipedriveOutbox
from integrations.queries import pipedrive_local
from integrations.services.pipedrive import activities, links, outbox, pulling
from integrations.services.pipedrive.context import Plan, Work
from integrations.services.pipedrive.links import RemoteState

AT_ONCE = 1_000  # profiles that are read together
EVERYBODY_AFTER = timedelta(hours=20)  # days since something grow by themselves, stages turn with the calendar


def follow(work: Work, *, everybody: bool = False) -> int:
    """Put whom our changes concern into the outbox; how many. Everybody: at the first time, after a change of the
    mapping, and once a day."""
    if not work.plan.goes_out or not work.connection.syncs("persons"):
        return 0
    with transaction.atomic():
        connection = PipedriveConnection.objects.select_for_update(of=("self",)).get(pk=work.connection.pk)
        place = Position.of(connection.followed.get("place"))
        here, stamps = changes.here(work.workspace), _stamps(work)
        is_known = bool(connection.followed) and changes.is_of_here(place)
        is_old = _is_older(connection.followed.get("looked_at"), work.now() - EVERYBODY_AFTER)
        if everybody or not is_known or is_old:
            count = sum(_enqueue(work, part) for part in _everybody(work))
            looked_at = work.now().isoformat()
        else:
            feed = changes.since(work.workspace, place)
            _follow_merges(work, feed)
            activities.enqueue(work, feed)
            told = union([feed.everybody, *_of_traits(work, connection.followed["stamps"], stamps)])
            concerned = _parts(union([told, *_of_segments(work, connection.followed["stamps"], stamps)]))
            count = sum(_enqueue(work, part) for part in concerned)
            here, looked_at = feed.position, connection.followed["looked_at"]
        connection.followed = {"place": here.cursor(), "stamps": stamps, "looked_at": looked_at}
        if not work.dry_run:
            connection.save(update_fields=["followed"])
    return count


def _is_older(text: str | None, instant: datetime) -> bool:
    return text is None or datetime.fromisoformat(text) < instant


# Whom it concerns


def _everybody(work: Work) -> Iterator[list[int]]:
    """Whoever has an e-mail address (of the chosen segment), and whoever is linked."""
    known = Identifier.objects.filter(workspace=work.workspace, kind="email").values_list("profile_id", flat=True)
    chosen = union([np.fromiter(known, np.int64)])
    if work.connection.segment_id is not None:
        chosen = np.intersect1d(chosen, _members(work))
    linked = work.connection.links.filter(kind="person").values_list("local_id", flat=True)
    yield from _parts(union([chosen, np.fromiter(linked, np.int64)]))


def _parts(profile_ids: Ints) -> Iterator[list[int]]:
    for start in range(0, len(profile_ids), AT_ONCE):
        yield profile_ids[start : start + AT_ONCE].tolist()


def _members(work: Work) -> Ints:
    key = work.connection.segment_id
    segment = work.workspace.segments.filter(pk=key).first() if key else None
    return members_of(work.workspace, segment) if segment else NOBODY


def _stamps(work: Work) -> dict[str, Any]:
    """Of the mapped traits and the segments that are labels or the scope."""
    names = [name.removeprefix("traits.") for name in work.plan.names if name.startswith("traits.")]
    traits = served_traits.serving(work.workspace, names) if names else []
    stamps: dict[str, Any] = {f"traits.{one.name}": [one.version_id, one.stamp] for one in traits}
    rows = work.workspace.segments.filter(pk__in=_watched(work))
    return stamps | {str(pk): [version, stamp] for pk, version, stamp in rows.values_list("pk", "version", "stamp")}


def _watched(work: Work) -> list[str]:
    scope = [str(work.connection.segment_id)] if work.connection.segment_id else []
    return [*work.plan.labels.by_segment, *scope]


def _of_traits(work: Work, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Ints]:
    """Whose values of mapped traits are others now: the latest changes are kept, of older ones everybody is meant."""
    for name, (version, stamp) in ((key, value) for key, value in now.items() if key.startswith("traits.")):
        known = before.get(name)
        if known == [version, stamp]:
            continue
        rows = TraitChange.objects.filter(version_id=version, stamp__gt=known[1] if known else 0, stamp__lte=stamp)
        found = list(rows.values_list("profiles", flat=True))
        if known is None or known[0] != version or len(found) != stamp - known[1]:
            yield union([np.array(part, np.int64) for part in _everybody(work)])
            return
        yield from (np.frombuffer(bytes(one), np.int64) for one in found)


def _of_segments(work: Work, before: dict[str, Any], now: dict[str, Any]) -> Iterator[Ints]:
    """Whoever is in a segment that changed, and whoever is linked: of these, only those in or out just now differ."""
    changed = [key for key, value in now.items() if not key.startswith("traits.") and before.get(key) != value]
    for segment in work.workspace.segments.filter(pk__in=changed):
        yield members_of(work.workspace, segment)
        linked = work.connection.links.filter(kind="person").values_list("local_id", flat=True)
        yield np.fromiter(linked, np.int64)


# Into the outbox


def _enqueue(work: Work, profile_ids: Sequence[int]) -> int:
    """Those of them whose person would be told something else."""
    locals_ = pipedrive_local.read(work.workspace, profile_ids, names=work.plan.names, now=work.now())
    known = links.of_profiles(work.connection, locals_)
    inside = _in_scope(work, [one for one in locals_ if one not in known])
    wanted = [
        profile
        for profile, local in locals_.items()
        if (_differs(work.plan, known[profile], local) if profile in known else local.email and profile in inside)
    ]
    work.tally["looked_at"] += len(locals_)
    return outbox.put(work.connection, "person", wanted, now=work.now()) if not work.dry_run else _plan(work, wanted)


def _differs(plan: Plan, link: PipedriveLink, local: pipedrive_local.Local) -> bool:
    return link.remote_state == RemoteState.LIVE and link.local_hash != plan.local_hash(local)


def _in_scope(work: Work, profile_ids: Iterable[int]) -> set[int]:
    ids = sorted(profile_ids)
    if work.connection.segment_id is None or not ids:
        return set(ids)
    segment = work.workspace.segments.filter(pk=work.connection.segment_id, archived_at=None).first()
    if segment is None:
        return set()
    return set(members_among(work.workspace, segment, np.array(ids, np.int64)).tolist())


def _plan(work: Work, profile_ids: Sequence[int]) -> int:
    """A dry run keeps its list to itself."""
    work.dry_rows += [
        PipedriveOutbox(connection=work.connection, local_id=one, queued_at=work.now(), not_before=work.now())
        for one in profile_ids
    ]
    return len(profile_ids)


# Profiles that became one


def _follow_merges(work: Work, feed: Changes) -> None:
    """The link of a profile that was merged goes to the survivor, unless that has one of its own."""
    gone = feed.gone.tolist()
    if not gone or work.dry_run:
        return
    for link in links.of_profiles(work.connection, gone).values():
        _move(work, link)


def _move(work: Work, link: PipedriveLink) -> None:
    survivor = pulling.live_numbers(work.workspace, [link.local_id]).get(link.local_id)
    outbox.forget(work.connection, "person", [link.local_id])
    if survivor is None or survivor == link.local_id:
        return
    other = links.of_profiles(work.connection, [survivor]).get(survivor)
    if other is None:
        link.local_id, link.local_hash = survivor, ""
        link.save(update_fields=["local_id", "local_hash"])
        outbox.put(work.connection, "person", [survivor], now=work.now(), forced=True)
    elif link.remote_state == RemoteState.LIVE:
        links.end([link], RemoteState.MERGED)
        reason = PipedriveDuplicate.Reason.PROFILES_MERGED
        remotes = [other.remote_id, link.remote_id]
        links.note_duplicate(work, reason, local_id=survivor, other_id=link.local_id, remote_ids=remotes)
