"""In and out of a segment, thousands in one statement, and with each of them the packed members.

Under the lock of identities: nobody is merged or erased meanwhile.
"""

from datetime import datetime

from cdp.engine.arrays import Ints
from cdp.models import Segment
from cdp.queries import arrays
from cdp.services import segment_roster
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace


def enter(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many entered: whoever is in already, himself or by somebody merged into him, stays as he is. It costs what
    the keys cost, and not what the segment holds."""
    if not len(keys):
        return 0
    with raw_cursor() as cursor:
        parameters = (arrays.literal(keys), segment.workspace_id, segment.pk, segment.pk, now, reason)
        cursor.execute(_ENTER, parameters, binary=True)
        entered = arrays.received((cursor.fetchone() or (None,))[0])
    segment_roster.note(segment.pk, entered=entered)
    return len(entered)


_ENTER = """
WITH named AS MATERIALIZED (
    SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM unnest(%s::bigint[]) AS g(id)
    JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s AND p.erased_at IS NULL
), cluster AS MATERIALIZED (
    SELECT n.id, n.id AS survivor FROM named n
    UNION ALL SELECT p.id, n.id FROM named n JOIN cdp_profile p ON p.merged_into = n.id
), outside AS (
    SELECT id FROM named
    EXCEPT
    SELECT c.survivor FROM cluster c JOIN cdp_spell s ON s.profile_id = c.id
    WHERE s.segment_id = %s AND s.exited_at IS NULL
), entered AS (
    INSERT INTO cdp_spell (segment_id, profile_id, entered_at, entry_reason, reconstructed)
    SELECT %s::uuid, id, %s, %s, false FROM outside ORDER BY id
    RETURNING profile_id
)
SELECT array_send(array_agg(profile_id)) FROM entered
"""


def leave(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many left, each together with those merged into him."""
    if not len(keys):
        return 0
    with raw_cursor() as cursor:
        parameters = (arrays.literal(keys), segment.workspace_id, now, reason, segment.pk)
        cursor.execute(_LEAVE, parameters, binary=True)
        people, ended = cursor.fetchone() or (0, None)
    segment_roster.note(segment.pk, left=arrays.received(ended))
    return int(people)


_LEAVE = """
WITH named AS (
    SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM unnest(%s::bigint[]) AS g(id)
    JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s
), cluster AS (
    SELECT n.id, n.id AS survivor FROM named n
    UNION ALL SELECT p.id, n.id FROM named n JOIN cdp_profile p ON p.merged_into = n.id
), ended AS (
    UPDATE cdp_spell s SET exited_at = %s, exit_reason = %s FROM cluster c
    WHERE s.profile_id = c.id AND s.segment_id = %s AND s.exited_at IS NULL
    RETURNING c.survivor, s.profile_id
)
SELECT count(DISTINCT survivor), array_send(array_agg(profile_id)) FROM ended
"""


def forget(workspace: Workspace, keys: Ints) -> None:
    """These profiles leave no trace, not even in the past of a segment."""
    with raw_cursor() as cursor:
        cursor.execute(_FORGET, (workspace.pk, arrays.literal(keys)), binary=True)
        ended = cursor.fetchall()
    for segment, profiles in ended:
        segment_roster.note(segment, left=arrays.received(profiles))


_FORGET = """
WITH gone AS (
    DELETE FROM cdp_spell s USING cdp_segment g
    WHERE g.id = s.segment_id AND g.workspace_id = %s AND s.profile_id = ANY (%s::bigint[])
    RETURNING s.segment_id, s.profile_id, s.exited_at
)
SELECT segment_id, array_send(array_agg(profile_id)) FROM gone WHERE exited_at IS NULL GROUP BY segment_id
"""
