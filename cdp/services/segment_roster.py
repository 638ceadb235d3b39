"""The packed members of segments, written in the transaction of the spells that they follow from, so that whoever reads
them reads what was committed.

Under the lock of identities: nobody else writes them meanwhile.
"""

from uuid import UUID

import numpy as np

from cdp.engine.arrays import Ints
from cdp.queries import arrays
from cdp.queries.changes import union
from cdp.queries.segment_members import in_parts
from cdp.segments.roster import packed, parts
from stratum.lib.raw import raw_cursor


def note(segment: UUID, *, entered: Ints = arrays.NOBODY, left: Ints = arrays.NOBODY) -> None:
    """Spells of these profiles were begun and ended. It costs what the parts that they are in hold."""
    touched = parts(union([entered, left]))
    if not len(touched):
        return
    members = np.setdiff1d(union([in_parts(segment, touched), entered]), left)
    pieces = dict.fromkeys(touched.tolist(), b"") | dict(packed(members))
    with raw_cursor() as cursor:
        cursor.execute(_WRITE, (segment, list(pieces), list(pieces.values())))
        cursor.execute(_TIDY, (segment, list(pieces)))


_WRITE = """
INSERT INTO cdp_roster (segment_id, part, places)
SELECT %s::uuid, piece.part, piece.places FROM unnest(%s::bigint[], %s::bytea[]) AS piece(part, places)
ON CONFLICT (segment_id, part) DO UPDATE SET places = excluded.places
"""
_TIDY = "DELETE FROM cdp_roster WHERE segment_id = %s AND part = ANY (%s::bigint[]) AND places = ''"
