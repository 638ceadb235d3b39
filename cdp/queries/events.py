"""The live event debugger: what came in lately, accepted or rejected."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from django.db.models import Model, Q, QuerySet

from cdp.models import Change, Event, EventAlias, RejectedItem
from cdp.queries import raw_archive
from cdp.queries.engine import answering
from cdp.tracking.rules import DEFAULT_ALIASES
from stratum.lib.refusal import Missing
from stratum.workspaces.models import Workspace

SHOWN = 100
LOOKED_THROUGH = 20_000  # of the latest messages when a name is asked for: no index knows names
Row = TypeVar("Row", bound=Model)
Outcome = Literal["all", "accepted", "rejected"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it arrived; exactly one of `event` and `rejected` is set."""

    received_at: datetime
    name: str
    event: Event | None = None
    rejected: RejectedItem | None = None
    is_voided: bool = False

    @property
    def source(self) -> str:
        """The name of the write key; empty for what came in otherwise."""
        came = self.event or self.rejected
        return came.source.name if came and came.source else ""

    @property
    def key(self) -> str:
        """Names the arrival in a page."""
        return f"e{self.event.pk}" if self.event else f"r{self.rejected.pk if self.rejected else ''}"


def arrivals(
    workspace: Workspace, *, outcome: Outcome = "all", name: str = "", part: str = "", limit: int = SHOWN
) -> list[Arrival]:
    """The last ones, newest first. `name` is the whole name (as sent or as counted), `part` any part of it."""
    found: list[Arrival] = []
    if outcome != "rejected":
        found += _accepted(workspace, name, part, limit)
    if outcome != "accepted":
        found += _rejected(workspace, name, part, limit)
    return sorted(found, key=lambda arrival: arrival.received_at, reverse=True)[:limit]


def _accepted(workspace: Workspace, name: str, part: str, limit: int) -> list[Arrival]:
    events = Event.objects.filter(workspace=workspace).order_by("-xid", "-id")
    if name or part:
        either = Q(name=name) | Q(original_name=name) if name else Q()
        contains = Q(name__icontains=part) | Q(original_name__icontains=part) if part else Q()
        events = _latest(events, "xid").filter(either, contains)
    rows = list(events.select_related("source")[:limit])
    voided = voided_among(row.pk for row in rows)
    return [Arrival(row.received_at, row.name, event=row, is_voided=row.pk in voided) for row in rows]


def _rejected(workspace: Workspace, name: str, part: str, limit: int) -> list[Arrival]:
    items = RejectedItem.objects.filter(workspace=workspace).order_by("-id")
    if name or part:
        wanted = (Q(name=name) if name else Q()) & (Q(name__icontains=part) if part else Q())
        items = _latest(items, "id").filter(wanted)
    rows = items.select_related("source")[:limit]
    return [Arrival(item.received_at, item.name, rejected=item) for item in rows]


def _latest(found: QuerySet[Row], column: str) -> QuerySet[Row]:
    """About the first LOOKED_THROUGH of what falls by `column`: a bound, so that the index ends the walk."""
    oldest = list(found.values_list(column, flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1])
    return found.filter(**{f"{column}__gte": oldest[0]}) if oldest else found


def voided_among(event_ids: Iterable[int]) -> set[int | None]:
    voids = Change.objects.filter(kind=Change.Kind.VOID, event_id__in=list(event_ids))
    return set(voids.values_list("event_id", flat=True))


def get(workspace: Workspace, event_id: int) -> Event:
    event = Event.objects.filter(workspace=workspace, pk=event_id).select_related("source").first()
    if event is None:
        with answering():
            event = raw_archive.get(workspace, event_id)
    if event is None:
        raise Missing("There is no event with that number in this workspace.")
    return event


def void_of(event: Event) -> Change | None:
    return Change.objects.filter(kind=Change.Kind.VOID, event_id=event.pk).first()


def get_rejected(workspace: Workspace, item_id: int) -> RejectedItem:
    item = RejectedItem.objects.filter(workspace=workspace, pk=item_id).select_related("source").first()
    if item is None:
        raise Missing("There is no rejected item with that number in this workspace.")
    return item


def stored_message_ids(workspace: Workspace, message_ids: Iterable[str]) -> set[str]:
    """Those of them under which an event is stored."""
    asked = list(message_ids)
    events = Event.objects.filter(workspace=workspace, message_id__in=asked)
    return {*events.values_list("message_id", flat=True), *raw_archive.moved_ids(workspace, asked)}


def has_any(workspace: Workspace) -> bool:
    """Whether anything ever arrived, even if only to be rejected."""
    return (
        Event.objects.filter(workspace=workspace).exists()
        or RejectedItem.objects.filter(workspace=workspace).exists()
        or raw_archive.has_any(workspace)
    )


# The alias table


@dataclass(frozen=True, slots=True)
class Alias:
    """`original` is called `name`. A default is `overridden` where the workspace has a line of its own for it."""

    original: str
    name: str
    overridden: bool = False


@dataclass(frozen=True, slots=True)
class AliasTable:
    own: tuple[Alias, ...]
    defaults: tuple[Alias, ...]


def own_aliases(workspace: Workspace) -> QuerySet[EventAlias]:
    return EventAlias.objects.filter(workspace=workspace).order_by("original")


def alias_table(workspace: Workspace) -> AliasTable:
    own = tuple(Alias(line.original, line.name) for line in own_aliases(workspace))
    replaced = {alias.original for alias in own}
    defaults = (Alias(original, name, original in replaced) for original, name in DEFAULT_ALIASES.items())
    return AliasTable(own, tuple(defaults))
