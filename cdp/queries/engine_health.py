"""How the engines are, for those who watch the installation."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from cdp.engine import server_version
from cdp.engine.errors import EngineError
from cdp.models import EnginePlace, RawArchive
from cdp.queries.engine import engine_of
from cdp.queries.engine_places import COLUMNAR, opened, resolved
from cdp.queries.position import ABOVE, HOLES, Position, statement
from stratum.lib import clock, locations
from stratum.lib.raw import raw_cursor
from stratum.workspaces.models import Workspace
from stratum.workspaces.registry import Measure, Sample

ENGINE = "engine"
PROBES = 8  # servers asked at the same moment
MOST_NAMED = 5  # workspaces in one message
UNWRITABLE = "The engine's folder cannot be written: it is protected or its disk is full. Numbers stand still."


def ailments() -> dict[str, str]:
    """What is wrong with each place where events are kept, by a name that gives nothing away; empty where it works.

    `engine` is where ENGINE_URL leads, the others are where workspaces were moved or keep older raw events.
    """
    found, sealed = addresses()
    places = {ENGINE: settings.ENGINE_URL}
    others = [address for address in found if address != settings.ENGINE_URL]
    places |= {f"{ENGINE}_{number}": address for number, address in enumerate(others, 2)}
    wrong = asked(places.values())
    told = {name: (wrong[door_of(url)], [] if name == ENGINE else found[url]) for name, url in places.items()}
    told |= {f"{ENGINE}_sealed": sealed} if sealed else {}
    return {name: f"{of_whom(who)}{detail}" if detail else "" for name, (detail, who) in told.items()}


def ailment_of_engine_url() -> dict[str, str]:
    """The same without asking the database."""
    return {ENGINE: ailment(settings.ENGINE_URL)}


def addresses() -> tuple[dict[str, list[int]], tuple[str, list[int]] | None]:
    """By address the workspaces that stand there, and why those that cannot be read are none."""
    rows = [*EnginePlace.objects.exclude(address="").values_list("workspace_id", "address").order_by("workspace_id")]
    rows += RawArchive.objects.values_list("workspace_id", "address").order_by("workspace_id")
    found: dict[str, list[int]] = {}
    unread: list[int] = []
    reason = ""
    for workspace, text in rows:
        try:
            who = found.setdefault(resolved(opened(text)), [])
            who += [] if workspace in who else [workspace]
        except EngineError as error:
            reason, unread = str(error), [*unread, workspace]
    return found, (reason, unread) if unread else None


def asked(urls: Iterable[str]) -> dict[str, str]:
    """By door what is wrong behind it. Each is knocked at once, all at the same time, and none waits long."""
    doors = {door_of(url): url for url in urls}
    with ThreadPoolExecutor(PROBES) as pool:
        return dict(zip(doors, pool.map(ailment, doors.values()), strict=True))


def door_of(url: str) -> str:
    """The databases of one server are behind one door, for whoever signs in there."""
    parts = urlsplit(url)
    return url if parts.scheme == COLUMNAR else f"{parts.scheme}://{parts.netloc}?{parts.query}"


def ailment(url: str) -> str:
    folder = locations.engine_folder(url)
    if folder is not None:
        return "" if locations.writable(folder) else UNWRITABLE
    try:
        server_version(url)
    except EngineError as error:
        return str(error)
    return ""


def of_whom(workspaces: Sequence[int]) -> str:
    """Their numbers, which tell an operator which ones they are and a stranger nothing."""
    if not workspaces:
        return ""
    named = ", ".join(map(str, workspaces[:MOST_NAMED])) + (" …" if len(workspaces) > MOST_NAMED else "")
    return f"Of {'workspace' if len(workspaces) == 1 else 'workspaces'} {named}: "


def versions(now: datetime) -> Iterator[Sample]:
    """Of all servers; those of one version are one line."""
    found, _ = addresses()
    doors = {door_of(url): url for url in (settings.ENGINE_URL, *found)}
    with ThreadPoolExecutor(PROBES) as pool:
        known = set(pool.map(version_of, doors.values()))
    yield from (Sample(1, {"version": version}) for version in sorted(filter(None, known)))


def version_of(url: str) -> str | None:
    try:
        return server_version(url)
    except EngineError:
        return None


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
