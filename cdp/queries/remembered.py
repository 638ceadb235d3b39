"""What a process remembers of workspaces, brought up to date from the change feed."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cdp.queries import changes
from cdp.queries.changes import Changes
from cdp.queries.position import Position
from stratum.workspaces.models import Workspace

MOST_ROWS = 100_000  # of the feed; from here on everything is read anew

Known = TypeVar("Known")


class Remembered(Generic[Known]):
    """The last `most` things that were asked for, each with the place in the feed up to which it is known."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[Position, Known]] = OrderedDict()

    def now(
        self,
        key: Hashable,
        workspace: Workspace,
        read: Callable[[], Known],
        renew: Callable[[Known, Changes], Known],
    ) -> Known:
        """As committed by now: what was known, renewed by the changes since, or read where that would cost more."""
        kept = self._kept.pop(key, None)
        current = (kept and _brought_up(workspace, *kept, renew)) or _afresh(workspace, read)
        self._kept[key] = current
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return current[1]


def _afresh(workspace: Workspace, read: Callable[[], Known]) -> tuple[Position, Known]:
    """The place is read first: what is committed meanwhile is then looked at twice, and never missed."""
    here = changes.here(workspace)
    return here, read()


def _brought_up(
    workspace: Workspace, place: Position, known: Known, renew: Callable[[Known, Changes], Known]
) -> tuple[Position, Known] | None:
    """None where that would cost more than reading everything, rows went without a change for each, or the place is
    not of this database."""
    if changes.is_current(workspace, place):
        return place, known
    feed = changes.since(workspace, place)
    if feed.retained or feed.rows > MOST_ROWS or feed.position.database != place.database:
        return None
    return feed.position, renew(known, feed)
