"""What happened since the segments were looked at last: the span between the stored place and now.

The place in the change feed is noted in the transaction of what was decided by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from cdp.engine.aggregates import AggregateSpec
from cdp.engine.arrays import Ints
from cdp.engine.base import Cursor
from cdp.engine.sets import is_in
from cdp.models import SegmentPlace
from cdp.queries import changes, served_traits
from cdp.queries.arrays import NOBODY
from cdp.queries.changes import Changes
from cdp.queries.position import Position
from cdp.queries.served_traits import Served
from cdp.queries.universe import universe
from cdp.services import segment_rfm
from cdp.services.segment_rfm import Scored
from stratum.workspaces.models import Workspace

NOTED = timedelta(minutes=1)  # how old the stored place may be where nothing concerns any segment


@dataclass(frozen=True, eq=False)
class Span:
    """What happened since the last look. Without a `feed` nobody can tell, and everybody is decided."""

    feed: Changes | None
    here: Position
    before: datetime | None
    now: datetime
    traits: Mapping[str, Ints]  # whose values were just changed, by trait
    everybody: Ints
    newcomers: Ints  # who may not have been decided for any segment yet
    place: Cursor | None  # the one that was read, as it is stored
    served: Mapping[str, Served]  # the live traits by name
    rfm: Scored | None = None  # where a segment asks for it
    moved: dict[UUID, Ints] = field(default_factory=dict)  # who just entered or left, by segment
    overtaken: dict[AggregateSpec, Ints] = field(default_factory=dict)  # whose events windows have passed, once found


def span_until(workspace: Workspace, now: datetime, traits: Mapping[str, Ints]) -> Span:
    """Who is there is read before the place, and the place before the engine is asked: each knows all of it."""
    everybody = universe(workspace).profile
    served = {one.name: one for one in served_traits.serving(workspace)}
    here = changes.here(workspace)
    place = SegmentPlace.objects.filter(workspace=workspace).first()
    if place is None or not changes.is_of_here(Position.of(place.cursor)):
        return Span(None, here, None, now, traits, everybody, everybody, None, served)
    feed = changes.since(workspace, Position.of(place.cursor))
    newcomers = _newcomers(workspace, place, feed)
    told = None if feed.retained else feed
    return Span(told, feed.position, place.as_of, now, traits, everybody, newcomers, place.cursor, served)


REMEMBERED = 8  # workspaces

# Who was there when a place was noted, by workspace, with that place. Only what this process wrote itself is known.
_known: dict[int, tuple[Cursor, Ints]] = {}


def _newcomers(workspace: Workspace, place: SegmentPlace, feed: Changes) -> Ints:
    """Everybody in the feed, where it is not known who was there before."""
    cursor, profiles = _known.get(workspace.pk, (None, NOBODY))
    everybody = feed.everybody
    return everybody if cursor != place.cursor else everybody[~is_in(everybody, profiles)]


def note_place(workspace: Workspace, span: Span, *, has_news: bool) -> None:
    """A place that differs in the clock only is not worth a write every two seconds."""
    is_due = span.before is None or span.feed is None or span.feed.rows or span.before <= span.now - NOTED
    cursor = span.place
    if is_due or has_news:
        cursor = span.here.cursor()
        SegmentPlace.objects.update_or_create(workspace=workspace, defaults={"cursor": cursor, "as_of": span.now})
        _remember(workspace, cursor, span.everybody)
    if span.rfm is not None:
        transaction.on_commit(partial(segment_rfm.keep, workspace, cursor, span.rfm))


def _remember(workspace: Workspace, cursor: Cursor, everybody: Ints) -> None:
    while len(_known) >= REMEMBERED:
        _known.pop(next(iter(_known)), None)
    _known[workspace.pk] = (cursor, everybody)
