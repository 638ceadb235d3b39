"""Who was merged into whom. A process remembers it and asks the change feed what is new since."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.sets import is_in
from cdp.queries import arrays
from cdp.queries.changes import Changes, union
from cdp.queries.remembered import Remembered
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

KEPT = 8  # workspaces that a process remembers, at 16 bytes a merged profile


@dataclass(frozen=True, eq=False)
class Merged:
    """The merged profiles by ascending number, and beside each the one that survives."""

    profile: Ints
    survivor: Ints

    def owners(self, profiles: Ints) -> Ints:
        """Of ascending profiles, each by its place: who was never merged stands for himself."""
        found, gone = profiles.copy(), is_in(profiles, self.profile)
        found[gone] = self.survivor[np.searchsorted(self.profile, profiles[gone])]
        return found

    def survivors_of(self, profiles: Ints) -> Ints:
        """The same ascending, each once."""
        return np.unique(self.owners(profiles)) if is_in(profiles, self.profile).any() else profiles


_remembered: Remembered[Merged] = Remembered(KEPT)


def merged(workspace: Workspace) -> Merged:
    """As committed by now."""
    return _remembered.now(workspace.pk, workspace, partial(_read, workspace, None), partial(_renewed, workspace))


def _renewed(workspace: Workspace, known: Merged, feed: Changes) -> Merged:
    concerned = union([feed.linked, feed.gone])
    return _replaced(workspace, known, concerned) if len(concerned) else known


def _replaced(workspace: Workspace, known: Merged, concerned: Ints) -> Merged:
    """Whoever had been merged into one of them may have another survivor."""
    again = is_in(known.profile, concerned) | np.isin(known.survivor, concerned)
    now = _read(workspace, union([concerned, known.profile[again]]))
    profile = np.concatenate([known.profile[~again], now.profile])
    order = np.argsort(profile, kind="stable")
    return Merged(profile[order], np.concatenate([known.survivor[~again], now.survivor])[order])


def _read(workspace: Workspace, only: Ints | None) -> Merged:
    """All of the workspace, or these and who was merged into them."""
    with raw_cursor() as cursor:
        if only is None:
            cursor.execute(_ALL, [workspace.pk], binary=True)
        else:
            cursor.execute(_SOME, [arrays.literal(only), workspace.pk], binary=True)
        sent = cursor.fetchone() or (None, None)
    return Merged(*(arrays.received(one) for one in sent))


_PAIRS = "SELECT array_send(array_agg(p.id ORDER BY p.id)), array_send(array_agg(p.merged_into ORDER BY p.id)) FROM"
_ALL = f"{_PAIRS} cdp_profile p WHERE p.merged_into IS NOT NULL AND p.workspace_id = %s"
_SOME = f"""
WITH named AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS id)
{_PAIRS} (
    SELECT q.id, q.merged_into, q.workspace_id FROM named JOIN cdp_profile q ON q.id = named.id
    WHERE q.merged_into IS NOT NULL
    UNION SELECT q.id, q.merged_into, q.workspace_id FROM named JOIN cdp_profile q ON q.merged_into = named.id
) p WHERE p.workspace_id = %s
"""
