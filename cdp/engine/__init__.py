"""The analytics engine. Pure: no Django, no clock, no HTTP."""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cdp.engine.base import Engine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.warm import warm
from cdp.engine.errors import NotSupported
from cdp.engine.raw import RawKeeper

__all__ = ["open_engine", "open_raw", "server_version", "warm"]


@lru_cache(maxsize=1024)
def open_engine(url: str, workspace_id: int) -> Engine:
    """The workspace's engine: `columnar:///absolute/path` keeps it in a folder there, `clickhouse://user:password@host/name`
    in a database of a ClickHouse server. One object per process."""
    parts = urlsplit(url)
    if parts.scheme not in ENGINES or not parts.path.strip("/"):
        raise NotSupported(
            f"{url} is no engine: use columnar:///absolute/path or clickhouse://user:password@host/name."
        )
    return ENGINES[parts.scheme](parts, url, workspace_id)


def server_version(url: str) -> str | None:
    """Of the server that keeps the events, asked now; None where there is none. Raises EngineError within seconds."""
    if urlsplit(url).scheme != "clickhouse":
        return None
    version: str = import_module("cdp.engine.clickhouse.server").version(url)
    return version


def in_a_folder(parts: SplitResult, url: str, workspace_id: int) -> Engine:
    if parts.netloc:
        raise NotSupported(f"{url} is no engine: use columnar:///absolute/path, with three strokes.")
    return ColumnarEngine(Path(parts.path) / str(workspace_id))


def on_a_server(parts: SplitResult, url: str, workspace_id: int) -> Engine:
    """Its driver takes half a second to import, which only those wait for who use it."""
    engine: Engine = import_module("cdp.engine.clickhouse.engine").ClickHouseEngine(url, workspace_id)
    return engine


def open_raw(url: str, workspace_id: int) -> RawKeeper:
    """Where a ClickHouse keeps raw events of the workspace."""
    keeper: RawKeeper = import_module("cdp.engine.clickhouse.raw").RawStore(url, workspace_id)
    return keeper


ENGINES: dict[str, Callable[[SplitResult, str, int], Engine]] = {"columnar": in_a_folder, "clickhouse": on_a_server}
