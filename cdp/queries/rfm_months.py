"""What months of RFM keep of orders that have expired."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cdp.engine.arrays import Ints
from cdp.models import Retention, RfmMonth
from cdp.queries import arrays
from cdp.queries.merged import Merged, merged
from cdp.queries.traits import zone_of
from cdp.rfm.orders import Orders, by_owner, unpacked
from stratum.lib import periods
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace

MONTHS = 6  # turns of months that are told
DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Carried:
    """What orders before `until` had come to, of which no event may be counted."""

    until: datetime
    orders: Orders


def turns(workspace: Workspace, now: datetime) -> list[tuple[date, datetime]]:
    """The first days of this month and those before, oldest first, with the instants at which they begin."""
    zone = zone_of(workspace)
    days = [now.astimezone(zone).date().replace(day=1)]
    while len(days) < MONTHS:
        days.append((days[-1] - DAY).replace(day=1))
    return [(day, periods.start_of_day(day, zone)) for day in reversed(days)]


def expired_until(workspace: Workspace) -> datetime | None:
    """Before it events have been removed; None where none ever was."""
    row = Retention.objects.filter(workspace=workspace, removed__gt=0).first()
    return row.cut_before if row else None


def is_whole(workspace: Workspace, month: datetime, look_back: int, known: Mapping[datetime, Carried]) -> bool:
    """Whether every order that counted when the month began is known."""
    cut = expired_until(workspace)
    return cut is None or cut <= month - look_back * DAY or month in known


def carried(workspace: Workspace, look_back: int) -> dict[datetime, Carried]:
    """By the instant at which the month began; those that were kept for this look-back and this currency."""
    kept = workspace.rfm_months.filter(look_back=look_back, currency=workspace.currency)
    alias = merged(workspace)
    return {month.begins_at: Carried(month.until, _as_owned(stored(month), alias)) for month in kept}


def _as_owned(told: Orders, alias: Merged) -> Orders:
    return by_owner(alias.owners(told.profile), told.recency, told.orders, told.spend)


def stored(month: RfmMonth, parts: Ints | None = None) -> Orders:
    """As they are kept, by the profiles of then; of all parts or of these."""
    only = None if parts is None else parts.tolist()
    with raw_cursor() as cursor:
        cursor.execute(_STORED, [month.pk, only, only], binary=True)
        part, lengths, records = cursor.fetchone() or (None, None, None)
    return unpacked(arrays.received(part), arrays.received(lengths), records or b"")


_STORED = """
SELECT array_send(array_agg(r.part ORDER BY r.part)),
    array_send(array_agg(length(r.customers)::bigint ORDER BY r.part)), string_agg(r.customers, '' ORDER BY r.part)
FROM cdp_rfmpart r WHERE r.month_id = %s AND (%s::bigint[] IS NULL OR r.part = ANY (%s::bigint[]))
"""
