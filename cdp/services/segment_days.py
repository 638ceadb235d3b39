"""The daily size of segments: how each local day ended, and stands so far."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F

from cdp.models import Segment, SegmentDay
from cdp.queries.segment_members import size, sizes
from stratum.workspaces.models import Workspace


def note(
    workspace: Workspace,
    segment: Segment,
    now: datetime,
    *,
    entered: int = 0,
    exited: int = 0,
    grown: int | None = None,
) -> None:
    """After a change. What a definition or merge brings is no flow: its callers leave the numbers out. `grown`: by how
    many it is larger, where nobody was merged or erased; else they are counted."""
    day = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    today = SegmentDay.objects.filter(segment=segment, day=day)
    flow = {"entered": F("entered") + entered, "exited": F("exited") + exited}
    if grown is not None and today.update(size=F("size") + grown, **flow):
        return
    row, is_new = SegmentDay.objects.get_or_create(
        segment=segment,
        day=day,
        defaults={"size": size(workspace, segment), "entered": entered, "exited": exited},
    )
    if not is_new:
        SegmentDay.objects.filter(pk=row.pk).update(size=size(workspace, segment), **flow)


def begin_day(workspace: Workspace, now: datetime) -> int:
    """A row for each segment of which today has none yet; how many were missing."""
    day = now.astimezone(ZoneInfo(workspace.time_zone)).date()
    missing = list(workspace.segments.filter(archived_at=None).exclude(days__day=day))
    known = sizes(workspace, missing)
    rows = [SegmentDay(segment=segment, day=day, size=known[segment.pk]) for segment in missing]
    SegmentDay.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)
