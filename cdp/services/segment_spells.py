"""In and out of a segment, thousands in one statement.

Under the lock of identities: nobody is merged or erased meanwhile.
"""

from datetime import datetime

from cdp.engine.arrays import Ints
from cdp.models import Segment
from cdp.queries import arrays
from stratum.lib.raw import raw_cursor


def enter(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many entered: whoever is in already, himself or by somebody merged into him, stays as he is. It costs what
    the keys cost, and not what the segment holds."""
    if not len(keys):
        return 0
    with raw_cursor() as cursor:
        parameters = (arrays.literal(keys), segment.workspace_id, segment.pk, now, reason, segment.pk)
        cursor.execute(_ENTER, parameters)
        return cursor.rowcount


_ENTER = """
WITH named AS MATERIALIZED (
    SELECT DISTINCT coalesce(p.merged_into, p.id) AS id FROM unnest(%s::bigint[]) AS g(id)
    JOIN cdp_profile p ON p.id = g.id AND p.workspace_id = %s AND p.erased_at IS NULL
), cluster AS MATERIALIZED (
    SELECT n.id, n.id AS survivor FROM named n
    UNION ALL SELECT p.id, n.id FROM named n JOIN cdp_profile p ON p.merged_into = n.id
)
INSERT INTO cdp_spell (segment_id, profile_id, entered_at, entry_reason, reconstructed)
SELECT %s::uuid, w.id, %s, %s, false FROM (
    SELECT id FROM named
    EXCEPT
    SELECT c.survivor FROM cluster c JOIN cdp_spell s ON s.profile_id = c.id
    WHERE s.segment_id = %s AND s.exited_at IS NULL
) w ORDER BY w.id
"""


def leave(segment: Segment, keys: Ints, reason: str, now: datetime) -> int:
    """How many left, each together with those merged into him."""
    if not len(keys):
        return 0
    with raw_cursor() as cursor:
        cursor.execute(_LEAVE, (arrays.literal(keys), segment.workspace_id, now, reason, segment.pk))
        return int((cursor.fetchone() or (0,))[0])


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
    RETURNING c.survivor
)
SELECT count(DISTINCT survivor) FROM ended
"""
