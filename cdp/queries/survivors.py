"""The live profiles behind numbers of profiles."""

from cdp.engine.arrays import Ints
from cdp.queries import arrays
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace


def survivors(workspace: Workspace, keys: Ints) -> Ints:
    """The live profiles behind these numbers, ascending: merged ones as their survivor, strangers left out."""
    with raw_cursor() as cursor:
        cursor.execute(_SURVIVORS, [arrays.literal(keys), workspace.pk], binary=True)
        (sent,) = cursor.fetchone() or (None,)
    return arrays.received(sent)


_SURVIVORS = """
SELECT array_send(array_agg(DISTINCT coalesce(p.merged_into, p.id)))
FROM unnest(%s::bigint[]) AS g(id) JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s AND p.erased_at IS NULL
"""
