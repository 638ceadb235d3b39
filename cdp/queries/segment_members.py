"""Who is in which segment now, as arrays, from the packed members that are committed together with the spells."""

from collections.abc import Sequence
from uuid import UUID

from cdp.engine.arrays import Ints
from cdp.models import Segment
from cdp.queries import arrays
from cdp.queries.merged import merged
from cdp.segments.roster import unpacked
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace


def members_of(workspace: Workspace, segment: Segment) -> Ints:
    """Numbers of the live profiles that are in now, ascending. Merged ones stand as their survivor, once."""
    return members_of_each(workspace, [segment])[segment.pk]


def members_of_each(workspace: Workspace, segments: Sequence[Segment]) -> dict[UUID, Ints]:
    """The same of several, in one snapshot."""
    keys = [segment.pk for segment in segments]
    with raw_cursor() as cursor:
        cursor.execute(_STORED, [keys, workspace.pk], binary=True)
        stored = {key: _members(*packed) for key, *packed in cursor.fetchall()}
    alias = merged(workspace)
    return dict.fromkeys(keys, arrays.NOBODY) | {key: alias.survivors_of(one) for key, one in stored.items()}


def size(workspace: Workspace, segment: Segment) -> int:
    return len(members_of(workspace, segment))


def sizes(workspace: Workspace, segments: Sequence[Segment]) -> dict[UUID, int]:
    """How many live profiles are in each; one query."""
    return {key: len(those) for key, those in members_of_each(workspace, segments).items()}


def members_among(workspace: Workspace, segment: Segment, keys: Ints) -> Ints:
    """Those of these live profiles that are in; at a cost that grows with them and not with the segment."""
    return members_among_each(workspace, [segment], keys)[segment.pk]


def members_among_each(workspace: Workspace, segments: Sequence[Segment], keys: Ints) -> dict[UUID, Ints]:
    """The same of several, in one query."""
    wanted = [segment.pk for segment in segments]
    with raw_cursor() as cursor:
        cursor.execute(_AMONG, [arrays.literal(keys), wanted, workspace.pk], binary=True)
        found = {key: arrays.received(sent) for key, sent in cursor.fetchall()}
    return dict.fromkeys(wanted, arrays.NOBODY) | found


_AMONG = """
WITH asked AS MATERIALIZED (SELECT unnest(%s::bigint[]) AS id),
known AS MATERIALIZED (
    SELECT id, id AS survivor FROM asked
    UNION SELECT p.id, p.merged_into FROM cdp_profile p JOIN asked ON asked.id = p.merged_into
)
SELECT g.id, array_send(array_agg(DISTINCT known.survivor))
FROM cdp_spell s JOIN cdp_segment g ON g.id = s.segment_id JOIN known ON known.id = s.profile_id
WHERE g.id = ANY (%s::uuid[]) AND g.workspace_id = %s AND s.exited_at IS NULL GROUP BY g.id
"""


# The packed members


def in_parts(segment: UUID, parts: Ints) -> Ints:
    """Whose spells are open, of these parts of the roster."""
    with raw_cursor() as cursor:
        cursor.execute(_IN_PARTS, [segment, parts.tolist()], binary=True)
        return _members(*(cursor.fetchone() or ()))


def _members(part: bytes | None, lengths: bytes | None, places: bytes | None) -> Ints:
    return unpacked(arrays.received(part), arrays.received(lengths), places or b"")


_PACKED = """
array_send(array_agg(r.part ORDER BY r.part)), array_send(array_agg(length(r.places)::bigint ORDER BY r.part)),
string_agg(r.places, '' ORDER BY r.part)
"""
_STORED = f"""
SELECT r.segment_id, {_PACKED} FROM cdp_roster r JOIN cdp_segment g ON g.id = r.segment_id
WHERE r.segment_id = ANY (%s::uuid[]) AND g.workspace_id = %s GROUP BY r.segment_id
"""
_IN_PARTS = f"SELECT {_PACKED} FROM cdp_roster r WHERE r.segment_id = %s AND r.part = ANY (%s::bigint[])"
