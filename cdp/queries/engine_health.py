"""How the engines are, for those who watch the installation."""

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from cdp.engine import server_version
from cdp.engine.errors import EngineError
from cdp.queries.engine import engine_of
from cdp.queries.position import ABOVE, HOLES, Position, statement
from stratum.lib import clock
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Measure, Sample


def silence() -> str:
    """Why the server that keeps the events does not answer, as a sentence; empty when it does or there is none."""
    try:
        server_version(settings.ENGINE_URL)
    except EngineError as error:
        return str(error)
    return ""


def versions(now: datetime) -> Iterator[Sample]:
    try:
        version = server_version(settings.ENGINE_URL)
    except EngineError:
        return
    if version is not None:
        yield Sample(1, {"version": version})


def lag(now: datetime) -> Iterator[Sample]:
    """Of the workspace that is furthest behind; nothing while an engine cannot say how far it is."""
    try:
        yield Sample(max((behind(workspace, now) for workspace in Workspace.objects.order_by("pk")), default=0.0))
    except EngineError:
        return


def behind(workspace: Workspace, now: datetime) -> float:
    """Seconds since the first row arrived that the workspace's engine has not read."""
    position = Position.of(engine_of(workspace).cursor())
    with raw_cursor() as cursor:
        cursor.execute(statement(_FIRST_UNREAD, position, workspace.pk))
        (first,) = cursor.fetchone() or (None,)
    return 0.0 if first is None else max(0.0, (clock.to_micros(now) - first) / 1_000_000)


_FIRST_UNREAD = f"""
SELECT (extract(epoch FROM least(
    (SELECT t.received_at FROM cdp_event t WHERE {ABOVE} ORDER BY t.xid, t.id LIMIT 1),
    (SELECT t.received_at FROM cdp_event t WHERE {HOLES} ORDER BY t.xid, t.id LIMIT 1)
)) * 1000000)::bigint
"""

SERVER = Measure("stratum_engine_server", "1 for the version of the server that keeps the events.", versions)
LAG = Measure("stratum_engine_lag_seconds", "Age of the oldest event that an engine has not read.", lag)
