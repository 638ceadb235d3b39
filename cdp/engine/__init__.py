"""The analytics engine. Pure: no Django, no clock, no HTTP."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from cdp.engine.base import Engine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.warm import warm
from cdp.engine.errors import NotSupported

__all__ = ["open_engine", "warm"]


@lru_cache(maxsize=1024)
def open_engine(url: str, workspace_id: int) -> Engine:
    """The workspace's engine: `columnar:///absolute/path` keeps it in a folder there. One object per process."""
    parts = urlsplit(url)
    if parts.scheme != "columnar" or not parts.path.startswith("/"):
        raise NotSupported(f"{url} is no engine: use columnar:///absolute/path.")
    return ColumnarEngine(Path(parts.path) / str(workspace_id))
