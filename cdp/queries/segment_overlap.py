"""Segments compared: who is in which of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from uuid import UUID

import numpy as np

from cdp.engine.base import Ints, is_in
from cdp.engine.overlap import region_sizes
from cdp.models import Segment
from cdp.queries import arrays
from cdp.queries.universe import universe
from cdp.segments.overlap import FEWEST, MOST, Overlap, compared
from stratum.lib.raw import raw_cursor
from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.models import Workspace

POINTER = "/segments"


@dataclass(frozen=True, slots=True)
class SegmentOverlap:
    """The segments in the order asked for, and the figures, which name them by their place in it."""

    segments: tuple[Segment, ...]
    figures: Overlap


def overlap(workspace: Workspace, keys: Sequence[UUID]) -> SegmentOverlap:
    """Raises Invalid at the place of a segment that cannot be compared."""
    segments = comparable(workspace, keys)
    sets = members_of_each(workspace, segments)
    counts = region_sizes([sets[segment.pk] for segment in segments])
    return SegmentOverlap(tuple(segments), compared(counts, _size_of_universe(workspace, segments)))


Side = Sequence[Segment]


def sides(workspace: Workspace, inside: Sequence[UUID], outside: Sequence[UUID]) -> tuple[Side, Side]:
    """The segments of a region: those it lies in, and the others it was compared with. Raises Invalid."""
    found = {one.pk: one for one in comparable(workspace, [*inside, *outside])}
    if not inside:
        raise Invalid([Fault("/inside", "Name at least one segment that the people are in.", "required")])
    return [found[key] for key in inside], [found[key] for key in outside]


def region(workspace: Workspace, inside: Side, outside: Side) -> Ints:
    """Who is in all of the first and in none of the others, ascending."""
    sets = members_of_each(workspace, [*inside, *outside])
    chosen = reduce(np.intersect1d, (sets[one.pk] for one in inside))
    return reduce(np.setdiff1d, (sets[one.pk] for one in outside), chosen)


def comparable(workspace: Workspace, keys: Sequence[UUID]) -> list[Segment]:
    """From two to ten different segments whose members are known."""
    if not FEWEST <= len(keys) <= MOST:
        raise Invalid([Fault(POINTER, f"Choose {FEWEST} to {MOST} segments to compare.", "wrong_count")])
    known = {one.pk: one for one in workspace.segments.filter(pk__in=keys)}
    faults = [
        Fault(f"{POINTER}/{place}", sentence, code)
        for place, key in enumerate(keys)
        for sentence, code in [_trouble(known.get(key), key in keys[:place])]
        if sentence
    ]
    if faults:
        raise Invalid(faults)
    return [known[key] for key in keys]


def _trouble(segment: Segment | None, is_repeated: bool) -> tuple[str, str]:
    if segment is None:
        return "There is no such segment in this workspace.", "unknown"
    if is_repeated:
        return f"“{segment.name}” is chosen twice.", "duplicate"
    if segment.archived_at is not None:
        return f"“{segment.name}” is archived. Restore it, or choose another one.", "archived"
    if not segment.is_static and segment.as_of is None:
        told = segment.failure or "Try again in a moment."
        return f"Who is in “{segment.name}” is not known yet. {told}", "computing"
    return "", ""


def members_of_each(workspace: Workspace, segments: Sequence[Segment]) -> dict[UUID, Ints]:
    """As `segments.members` tells them one by one, in two queries for all."""
    keys = [segment.pk for segment in segments]
    found = dict.fromkeys(keys, arrays.NOBODY)
    with raw_cursor() as cursor:
        cursor.execute(_STAYING, [keys, workspace.pk], binary=True)
        found |= {key: arrays.received(sent) for key, sent in cursor.fetchall()}
        cursor.execute(_MERGED, [workspace.pk, keys])
        merged = cursor.fetchall()
    for key, (gone, survivors) in _by_segment(merged).items():
        stays = ~is_in(np.sort(found[key]), gone)
        found[key] = np.concatenate([np.sort(found[key])[stays], survivors])
    return {key: np.unique(those) for key, those in found.items()}


def _by_segment(merged: Sequence[tuple[UUID, int, int]]) -> dict[UUID, tuple[Ints, Ints]]:
    """Ascending merged members, and their survivors."""
    pairs: dict[UUID, list[tuple[int, int]]] = {}
    for key, gone, survivor in merged:
        pairs.setdefault(key, []).append((gone, survivor))
    told = {key: np.array(sorted(those), np.int64) for key, those in pairs.items()}
    return {key: (those[:, 0], those[:, 1]) for key, those in told.items()}


_STAYING = """
SELECT s.segment_id, array_send(array_agg(s.profile_id)) FROM cdp_spell s JOIN cdp_segment g ON g.id = s.segment_id
WHERE s.segment_id = ANY (%s::uuid[]) AND g.workspace_id = %s AND s.exited_at IS NULL GROUP BY s.segment_id
"""
_MERGED = """
SELECT s.segment_id, p.id, p.merged_into FROM cdp_profile p JOIN cdp_spell s ON s.profile_id = p.id
WHERE p.merged_into IS NOT NULL AND p.workspace_id = %s AND s.segment_id = ANY (%s::uuid[]) AND s.exited_at IS NULL
"""


def _size_of_universe(workspace: Workspace, segments: Sequence[Segment]) -> int:
    """Anonymous profiles count where one of the segments may hold them."""
    is_anybody = any(segment.include_anonymous for segment in segments)
    return int(universe(workspace).counted(is_anybody).sum())
