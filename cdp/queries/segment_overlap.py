"""Segments compared: who is in which of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from uuid import UUID

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.overlap import region_sizes
from cdp.models import Segment
from cdp.queries.segment_members import members_of_each
from cdp.queries.universe import universe
from cdp.segments.overlap import FEWEST, MOST, Overlap, compared
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


def _size_of_universe(workspace: Workspace, segments: Sequence[Segment]) -> int:
    """Anonymous profiles count where one of the segments may hold them."""
    is_anybody = any(segment.include_anonymous for segment in segments)
    return int(universe(workspace).counted(is_anybody).sum())
