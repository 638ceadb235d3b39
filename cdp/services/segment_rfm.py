"""RFM as segments ask for it: worked out anew when an order came, and who of all customers has another score by it.

One order moves the scores of others too. A process keeps the scores that members were decided by, and compares.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp.engine.arrays import Ints
from cdp.engine.base import Cursor, Engine
from cdp.queries import rfm
from cdp.queries.arrays import NOBODY
from cdp.queries.changes import Changes
from cdp.queries.profiles import PURCHASE
from cdp.queries.rfm import Standing
from cdp.rfm.scores import CutOffs
from stratum.workspaces.models import Workspace

RECHECKED = timedelta(minutes=10)  # how often days since an order are counted anew where no order came
KEPT = 8  # workspaces


@dataclass(frozen=True, eq=False)
class Scored:
    """`moved`: whose scores are others than those that members were decided by, None where that is not known."""

    standing: Standing
    moved: Ints | None
    cut_offs: CutOffs
    currency: str
    as_of: datetime


_kept: dict[int, tuple[Cursor | None, Scored]] = {}


def scored(workspace: Workspace, engine: Engine, feed: Changes | None, place: Cursor | None, now: datetime) -> Scored:
    """`place`: the one up to which members were decided. Another process may have decided them."""
    cursor, known = _kept.get(workspace.pk, (None, None))
    cut_offs = rfm.cut_offs(workspace)
    if known is None or feed is None or cursor != place:
        return Scored(rfm.standing(workspace, engine, now), None, cut_offs, workspace.currency, now)
    if (known.cut_offs, known.currency) == (cut_offs, workspace.currency) and not _has_turned(feed, known, now):
        return Scored(known.standing, NOBODY, cut_offs, workspace.currency, known.as_of)
    standing = rfm.standing(workspace, engine, now)
    return Scored(standing, rfm.moved(known.standing, standing), cut_offs, workspace.currency, now)


def _has_turned(feed: Changes, known: Scored, now: datetime) -> bool:
    is_touched = PURCHASE in feed.acted or len(feed.linked) or len(feed.gone)
    return bool(is_touched) or known.as_of <= now - RECHECKED


def keep(workspace: Workspace, cursor: Cursor | None, scored: Scored) -> None:
    """Once the members decided by it are committed, up to that place."""
    while len(_kept) >= KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[workspace.pk] = (cursor, scored)
