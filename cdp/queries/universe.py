"""Everybody who may be in a segment. A process remembers whom it read and asks the change feed what is new since."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from cdp.engine.arrays import Ints, Mask
from cdp.engine.sets import is_in
from cdp.queries import arrays
from cdp.queries.changes import Changes, union
from cdp.queries.remembered import Remembered
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

KEPT = 8  # workspaces that a process remembers, at 9 bytes a profile


@dataclass(frozen=True, eq=False)
class Universe:
    """The live profiles by ascending number. `identified`: of whom an e-mail address, phone or user id is known."""

    profile: Ints
    identified: Mask

    def counted(self, include_anonymous: bool) -> Mask:
        """Who may be in a segment."""
        return np.ones(len(self.profile), np.bool_) if include_anonymous else self.identified


_remembered: Remembered[Universe] = Remembered(KEPT)


def universe(workspace: Workspace, profiles: Ints | None = None) -> Universe:
    """All of the workspace as committed by now, or the live ones among these."""
    if profiles is not None:
        return _read(workspace, profiles)
    return _remembered.now(workspace.pk, workspace, partial(_read, workspace, None), partial(_renewed, workspace))


def _renewed(workspace: Workspace, known: Universe, feed: Changes) -> Universe:
    concerned = union([feed.everybody, feed.gone])
    return _replaced(known, concerned, _read(workspace, concerned)) if len(concerned) else known


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
