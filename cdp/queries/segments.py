"""Segments read: the saved ones, and who is in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from cdp.definitions.funnels import MAX_NAME
from cdp.definitions.segments import static_json
from cdp.engine.arrays import Ints
from cdp.models import Profile, Segment, SegmentDay
from cdp.queries import profiles
from cdp.queries.segment_members import members_of, sizes
from stratum.lib.refusal import Missing, Refusal
from stratum.workspaces import registry
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Dependent

DAYS = 30  # of the small line
NAME_OF_KIND = "segment"  # in the registry of dependents


@dataclass(frozen=True, slots=True)
class SegmentCard:
    """A line of the list."""

    segment: Segment
    size: int
    daily: tuple[int, ...]  # sizes of the last days that are known, oldest first


@dataclass(frozen=True, slots=True)
class Membership:
    """A segment that somebody is in, and since when."""

    segment: Segment
    since: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What pasted words stand for: profiles by number, in their order, and the words that stand for nobody."""

    profiles: tuple[int, ...]
    unknown: tuple[str, ...]


def find(workspace: Workspace, *, search: str = "", archived: bool = False) -> QuerySet[Segment]:
    """Segments whose name contains `search`, last changed first, each with its owner."""
    found = workspace.segments.select_related("created_by").filter(archived_at__isnull=not archived)
    if search:
        found = found.filter(name__icontains=search)
    return found.order_by("-updated_at", "id")


def kept(workspace: Workspace) -> QuerySet[Segment]:
    """Those whose members are looked after: all that are not archived."""
    return workspace.segments.filter(archived_at=None).order_by("created_at", "id")


def get(workspace: Workspace, segment_id: UUID) -> Segment:
    """Archived ones too. Raises Missing."""
    found = workspace.segments.select_related("created_by").filter(pk=segment_id).first()
    if found is None:
        raise Missing("There is no segment with that address in this workspace.")
    return found


def require_active(workspace: Workspace, segment_id: UUID) -> Segment:
    """For questions that are limited to a segment. Raises Missing, or a Refusal that says it is archived."""
    segment = get(workspace, segment_id)
    if segment.archived_at is not None:
        sentence = f"The segment “{segment.name}” is archived. Restore it, or choose another one."
        raise Refusal("segment_archived", sentence)
    return segment


def counted(workspace: Workspace) -> int:
    """What the plan limits: those that are not archived."""
    return workspace.segments.filter(archived_at=None).count()


def free_name(workspace: Workspace, name: str) -> str:
    """The name, or with the next free number: `Both (2)`."""
    taken = set(kept(workspace).values_list("name", flat=True))
    candidates = (name[:MAX_NAME], *(f"{name[: MAX_NAME - 6]} ({number})" for number in range(2, len(taken) + 3)))
    return next(one for one in candidates if one not in taken)


def tag(segment: Segment) -> str:
    """Changes whenever the segment's definition does: its ETag."""
    archived = "-archived" if segment.archived_at else ""
    return f'"{segment.version}-{segment.updated_at:%Y%m%d%H%M%S%f}{archived}"'


def condition(workspace: Workspace, segment: Segment) -> dict[str, object]:
    """The condition as the API writes it, with the list of a static segment."""
    return static_json(members_of(workspace, segment).tolist()) if segment.is_static else segment.condition


# Who is in


def cards(workspace: Workspace, segments: Sequence[Segment]) -> list[SegmentCard]:
    found = sizes(workspace, segments)
    daily: dict[UUID, list[int]] = {segment.pk: [] for segment in segments}
    rows = SegmentDay.objects.filter(segment__in=segments).order_by("segment", "day")
    for key, size in rows.values_list("segment", "size"):
        daily[key].append(size)
    return [SegmentCard(segment, found[segment.pk], tuple(daily[segment.pk][-DAYS:])) for segment in segments]


def member_rows(workspace: Workspace, segment: Segment) -> QuerySet[Profile]:
    """The same people as rows, for what is listed page by page."""
    spells = segment.spells.filter(exited_at=None).values("profile_id")
    merged = Profile.objects.filter(pk__in=spells, merged_into__isnull=False).values("merged_into")
    live = profiles.live(workspace)
    return live.filter(pk__in=spells) | live.filter(pk__in=merged)


def members_found(workspace: Workspace, segment: Segment, words: str) -> Ints:
    """The members whom `words` find, as the list of profiles finds them."""
    return np.array(profiles.search(workspace, words, member_rows(workspace, segment)), np.int64)


def memberships(profile: Profile) -> list[Membership]:
    """The segments that this profile is in, by name; archived ones are not shown."""
    return memberships_of([profile.pk]).get(profile.pk, [])


def memberships_of(keys: Sequence[int]) -> dict[int, list[Membership]]:
    """By the number of the live profile, each by name; two queries."""
    rows = _memberships(keys)
    segments = Segment.objects.in_bulk({segment for _, segment, _ in rows})
    found: dict[int, list[Membership]] = {}
    for profile, segment, since in rows:
        found.setdefault(profile, []).append(Membership(segments[segment], since))
    return {profile: sorted(those, key=lambda each: each.segment.name) for profile, those in found.items()}


def ids_of(keys: Sequence[int]) -> dict[int, list[UUID]]:
    """Of the segments each live profile is in; archived ones are left out. One query."""
    found: dict[int, list[UUID]] = {}
    for profile, segment, _ in _memberships(keys):
        found.setdefault(profile, []).append(segment)
    return found


def _memberships(keys: Sequence[int]) -> list[tuple[int, UUID, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERSHIPS, {"keys": list(keys)})
        rows: list[tuple[int, UUID, datetime]] = cursor.fetchall()
    return rows


_MEMBERSHIPS = """
SELECT coalesce(p.merged_into, p.id), s.segment_id, min(s.entered_at)
FROM cdp_profile p JOIN cdp_spell s ON s.profile_id = p.id JOIN cdp_segment g ON g.id = s.segment_id
WHERE (p.id = ANY(%(keys)s) OR p.merged_into = ANY(%(keys)s)) AND s.exited_at IS NULL AND g.archived_at IS NULL
GROUP BY 1, 2 ORDER BY 1, 3, 2
"""


def used_by(workspace: Workspace, segment: Segment) -> list[Dependent]:
    return registry.dependents(workspace, NAME_OF_KIND, str(segment.pk))
