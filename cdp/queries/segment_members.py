"""Who is in which segment, as arrays that a process remembers: pages, overlaps and filters ask for whole segments again
and again.

What is remembered goes by the segment's stamp and version, which every change of its members changes, and by the
change feed, which tells who was merged, split or erased since. It is for readers only: whoever is just writing members
reads them himself, because what he has not committed must not be remembered.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.sets import is_in
from cdp.models import Segment
from cdp.queries import arrays, changes
from cdp.queries.position import Position
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

MOST_BYTES = 96 * 2**20  # of all members that a process remembers, at 8 bytes each


@dataclass(frozen=True, eq=False)
class Kept:
    """Ascending live profiles, as of the segment's stamp and version and a place in the change feed."""

    stamp: tuple[int, int]
    place: Position
    members: Ints


_kept: OrderedDict[UUID, Kept] = OrderedDict()
_lock = threading.Lock()


def members_of(workspace: Workspace, segment: Segment) -> Ints:
    return members_of_each(workspace, [segment])[segment.pk]


def members_of_each(workspace: Workspace, segments: Sequence[Segment]) -> dict[UUID, Ints]:
    """As `segments.members` tells them one by one. The segments are as just read: a stamp that is older than the
    members only means that these are read once more."""
    known = _known(workspace, segments)
    missing = [one for one in segments if one.pk not in known]
    if not missing:
        return known
    place = changes.here(workspace)
    found = _read(workspace, [one.pk for one in missing])
    _keep({one.pk: Kept((one.stamp, one.version), place, found[one.pk]) for one in missing})
    return known | found


def _known(workspace: Workspace, segments: Sequence[Segment]) -> dict[UUID, Ints]:
    """What is remembered and still right."""
    with _lock:
        held = {one.pk: _kept[one.pk] for one in segments if one.pk in _kept}
        for key in held:
            _kept.move_to_end(key)
    fresh = {one.pk: held[one.pk] for one in segments if _is_of(one, held.get(one.pk))}
    return {
        key: one.members for place in {one.place for one in fresh.values()} for key, one in _at(workspace, place, fresh)
    }


def _is_of(segment: Segment, kept: Kept | None) -> bool:
    return kept is not None and kept.stamp == (segment.stamp, segment.version)


def _at(workspace: Workspace, place: Position, fresh: dict[UUID, Kept]) -> list[tuple[UUID, Kept]]:
    """Those as of the place, brought up to the present; none where somebody was merged, split or erased since."""
    feed = changes.since(workspace, place)
    if len(feed.linked) or len(feed.gone) or feed.position.database != place.database:
        return []
    mine = {key: Kept(one.stamp, feed.position, one.members) for key, one in fresh.items() if one.place == place}
    _keep(mine)
    return list(mine.items())


def _keep(found: dict[UUID, Kept]) -> None:
    with _lock:
        _kept.update(found)
        size = sum(one.members.nbytes for one in _kept.values())
        while size > MOST_BYTES and len(_kept) > len(found):
            size -= _kept.popitem(last=False)[1].members.nbytes


def forget() -> None:
    """As a process begins."""
    with _lock:
        _kept.clear()


# Reading


def _read(workspace: Workspace, keys: Sequence[UUID]) -> dict[UUID, Ints]:
    """Two queries for all."""
    found = dict.fromkeys(keys, arrays.NOBODY)
    with raw_cursor() as cursor:
        cursor.execute(_STAYING, [list(keys), workspace.pk], binary=True)
        found |= {key: np.sort(arrays.received(sent)) for key, sent in cursor.fetchall()}
        cursor.execute(_MERGED, [workspace.pk, list(keys)])
        merged = cursor.fetchall()
    for key, (gone, survivors) in _by_segment(merged).items():
        stays = ~is_in(found[key], gone)
        found[key] = np.unique(np.concatenate([found[key][stays], survivors]))
    return found


def _by_segment(merged: Sequence[tuple[UUID, int, int]]) -> dict[UUID, tuple[Ints, Ints]]:
    """Ascending merged members, and their survivors."""
    pairs: dict[UUID, list[tuple[int, int]]] = {}
    for key, gone, survivor in merged:
        pairs.setdefault(key, []).append((gone, survivor))
    told = {key: np.array(sorted(those), np.int64) for key, those in pairs.items()}
    return {key: (those[:, 0], those[:, 1]) for key, those in told.items()}


# One segment after the other, each from its index: together they would be sorted, on disk.
_STAYING = """
SELECT g.id, (
    SELECT array_send(array_agg(s.profile_id)) FROM cdp_spell s WHERE s.segment_id = g.id AND s.exited_at IS NULL
) FROM cdp_segment g WHERE g.id = ANY (%s::uuid[]) AND g.workspace_id = %s
"""
_MERGED = """
SELECT s.segment_id, p.id, p.merged_into FROM cdp_profile p JOIN cdp_spell s ON s.profile_id = p.id
WHERE p.merged_into IS NOT NULL AND p.workspace_id = %s AND s.segment_id = ANY (%s::uuid[]) AND s.exited_at IS NULL
"""
