"""Everybody who may be in a segment. A process remembers whom it read and asks the change feed what is new since."""

from dataclasses import dataclass

import numpy as np

from cdp.engine.arrays import Ints, Mask
from cdp.engine.sets import is_in
from cdp.queries import arrays, changes
from cdp.queries.changes import union
from cdp.queries.position import Position
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

KEPT = 8  # workspaces that a process remembers, at 9 bytes a profile
MOST_ROWS = 100_000  # of the feed; from here on everybody is read anew


@dataclass(frozen=True, eq=False)
class Universe:
    """The live profiles by ascending number. `identified`: of whom an e-mail address, phone or user id is known."""

    profile: Ints
    identified: Mask

    def counted(self, include_anonymous: bool) -> Mask:
        """Who may be in a segment."""
        return np.ones(len(self.profile), np.bool_) if include_anonymous else self.identified


_kept: dict[int, tuple[Position, Universe]] = {}


def universe(workspace: Workspace, profiles: Ints | None = None) -> Universe:
    """All of the workspace as committed by now, or the live ones among these."""
    if profiles is not None:
        return _read(workspace, profiles)
    known = _kept.pop(workspace.pk, None)
    current = (known and _brought_up(workspace, *known)) or _afresh(workspace)
    while len(_kept) >= KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[workspace.pk] = current
    return current[1]


def _afresh(workspace: Workspace) -> tuple[Position, Universe]:
    """The place is read first: what is committed meanwhile is then looked at twice, and never missed."""
    here = changes.here(workspace)
    return here, _read(workspace, None)


def _brought_up(workspace: Workspace, place: Position, known: Universe) -> tuple[Position, Universe] | None:
    """None where that would cost more than reading everybody, or the place is not of this database."""
    if changes.is_current(workspace, place):
        return place, known
    feed = changes.since(workspace, place)
    if feed.rows > MOST_ROWS or feed.position.database != place.database:
        return None
    concerned = union([feed.everybody, feed.gone])
    return feed.position, _replaced(known, concerned, _read(workspace, concerned)) if len(concerned) else known


def _replaced(known: Universe, concerned: Ints, now: Universe) -> Universe:
    stays = ~is_in(known.profile, concerned)
    profile = np.concatenate([known.profile[stays], now.profile])
    order = np.argsort(profile, kind="stable")  # two ascending runs, which are merged
    identified = np.concatenate([known.identified[stays], now.identified])
    return Universe(profile[order], identified[order])


def _read(workspace: Workspace, profiles: Ints | None) -> Universe:
    only = None if profiles is None else arrays.literal(profiles)
    with raw_cursor() as cursor:
        cursor.execute(_LIVE, {"workspace": workspace.pk, "only": only}, binary=True)
        sent = cursor.fetchone() or (None, None)
    everybody, identified = (arrays.received(one) for one in sent)
    return Universe(everybody, is_in(everybody, identified))


_KNOWN = """p.user_id IS NOT NULL OR EXISTS (
    SELECT FROM cdp_identifier i WHERE i.profile_id = p.id AND i.kind IN ('user_id', 'email', 'phone'))"""
_LIVE = f"""
SELECT array_send(array_agg(id ORDER BY id)), array_send(array_agg(id ORDER BY id) FILTER (WHERE is_known))
FROM (
    SELECT p.id, {_KNOWN} AS is_known FROM cdp_profile p
    WHERE p.workspace_id = %(workspace)s AND p.merged_into IS NULL AND p.erased_at IS NULL
        AND (%(only)s::bigint[] IS NULL OR p.id = ANY (%(only)s::bigint[]))
) live
"""
