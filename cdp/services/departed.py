"""What a deleted workspace leaves outside PostgreSQL: files of its engine, or rows in ClickHouse, raw events as well.

The places are noted in the transaction that deletes it, and emptied a while later, when no process is at work there any
more: as often as it takes, for a server may be away.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cdp.engine import open_engine, open_raw
from cdp.engine.errors import EngineError
from cdp.models import EngineLeft, EnginePlace, RawArchive
from cdp.queries.engine_places import address_of, opened, resolved
from stratum.lib import clock, seal
from stratum.workspaces.models import Workspace

TASK = "cdp.empty_departed"
LEFT_FOR = timedelta(minutes=15)  # who was at work for the workspace is done by then
EVERY = timedelta(minutes=10)  # so often it is tried
MOST_AT_ONCE = 20

log = logging.getLogger(__name__)


def note(sender: type[Workspace], instance: Workspace, **_: object) -> None:
    """Before the workspace is deleted; what names its places goes with it."""
    at = clock.now() + LEFT_FOR
    places = [seal.seal(address) for address in sorted(_addresses(instance))]
    EngineLeft.objects.bulk_create(EngineLeft(number=instance.pk, address=one, next_run_at=at) for one in places)


def _addresses(workspace: Workspace) -> set[str]:
    place = EnginePlace.objects.filter(workspace=workspace).first() or EnginePlace()
    archives = RawArchive.objects.filter(workspace=workspace).values_list("address", flat=True)
    sealed = (place.moving_to, place.left, *archives)
    return {address_of(workspace), *(resolved(opened(one)) for one in sealed if one)}


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick."""
    due = EngineLeft.objects.filter(next_run_at__lte=now).order_by("pk").select_for_update(skip_locked=True)
    found = [one.pk for one in due[:MOST_AT_ONCE]]
    EngineLeft.objects.filter(pk__in=found).update(next_run_at=now + EVERY)
    return [{"left_id": one} for one in found]


def empty(left: EngineLeft) -> None:
    """Remove what is there, and then that something is there. Raises EngineError."""
    address = opened(left.address)
    open_engine(address, left.number).remove()
    if address.startswith("clickhouse"):
        open_raw(address, left.number).forget_rounds_but([])
    left.delete()


def try_to_empty(left: EngineLeft) -> bool:
    try:
        empty(left)
    except EngineError as error:
        log.warning("What the deleted workspace %d left cannot be removed yet: %s", left.number, error)
        return False
    return True
