"""What months of RFM keep of orders before these expire, and what an erasure takes from it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from cdp.models import RfmMonth, RfmPart
from cdp.queries import rfm
from cdp.queries.engine import fresh_engine
from cdp.queries.rfm_months import DAY, expired_until, stored, turns
from cdp.rfm.orders import Orders, packed, together, without
from cdp.segments.roster import parts
from cdp.services.event_store import lock_identities
from stratum.workspaces.models import Workspace


def keep_expiring(workspace: Workspace, before: datetime, now: datetime) -> None:
    """Orders before the instant are about to expire: months in whose look-back they lie keep what they came to. In the
    transaction of whoever lets them go; until its end nobody is erased, whose orders might come back by it."""
    lock_identities(workspace)
    engine = fresh_engine(workspace)
    look_back, begun = rfm.look_back(workspace), [at for _, at in turns(workspace, now)]
    workspace.rfm_months.exclude(begins_at__in=begun, look_back=look_back, currency=workspace.currency).delete()
    for month in _followed(workspace, begun, look_back):
        since = max(month.until, month.begins_at - look_back * DAY)
        if since < before:
            expiring = rfm.ordered(workspace, engine, month.begins_at, since, before)
            month.until = before
            month.save()
            _write(month, together(stored(month, parts(expiring.profile)), expiring))


def _followed(workspace: Workspace, begun: Sequence[datetime], look_back: int) -> Iterator[RfmMonth]:
    """Those of which all that expired so far was kept; from which nothing did begin to keep it."""
    known, cut = {month.begins_at: month for month in workspace.rfm_months.all()}, expired_until(workspace)
    for at in begun:
        since = at - look_back * DAY
        if at in known:
            yield known[at]
        elif cut is None or cut <= since:
            yield RfmMonth(
                workspace=workspace, begins_at=at, look_back=look_back, currency=workspace.currency, until=since
            )


def _write(month: RfmMonth, told: Orders) -> None:
    rows = [RfmPart(month=month, part=part, customers=customers) for part, customers in packed(told)]
    RfmPart.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["month", "part"], update_fields=["customers"]
    )


def forget(workspace: Workspace, profiles: Sequence[int], now: datetime) -> None:
    """Nothing of erased profiles is kept."""
    gone = np.unique(np.array(profiles, np.int64))
    touched = parts(gone)
    for month in workspace.rfm_months.all():
        left = without(stored(month, touched), gone)
        month.parts.filter(part__in=touched.tolist()).delete()
        _write(month, left)
