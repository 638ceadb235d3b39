"""Other databases, each with its load and its way to ask every question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmarks.engine.data import Size
from benchmarks.engine.questions import Asked, Columns

# Modules of this package, which need requirements-bench.txt, and their classes.
PEERS = {"clickhouse": "ClickHouse", "duckdb": "DuckDB", "postgres": "PostgreSQL", "polars": "Polars"}


class NotComparable(Exception):
    """This database did not answer within its memory or time; the text says why."""


class NotThere(Exception):
    """This database does not run here; the text says what to do."""


@dataclass(frozen=True)
class Way:
    """One way to ask: `run` computes the answer and nothing else, `columns` fetches it to be compared. `bring`, where
    that is something else than `run`, computes it and brings it into this process as it comes, in no order."""

    name: str
    run: Callable[[], Any]
    columns: Callable[[], Columns]
    bring: Callable[[], Any] | None = None


class Peer(Protocol):
    """A loaded database; `most_events` it can hold if its answers shall not take minutes."""

    name: str
    version: str
    most_events: int

    def ways(self, question: Asked) -> tuple[Way, ...]:
        """All that could be the fastest; none when this database is not asked."""

    def bytes_on_disk(self) -> Mapping[str, int]:
        """By layout."""


def peer_class(name: str) -> type[Any]:
    """Imported when asked for, so that one can go without the others."""
    found: type[Any] = getattr(import_module(f"{__name__}.{name}"), PEERS[name])
    return found


def open_peers(names: tuple[str, ...], events: Path, folder: Path, size: Size) -> list[Peer]:
    """Those that take so many events and are there, loaded."""
    kinds = [peer_class(name) for name in names]
    return [peer for kind in kinds if size.events <= kind.most_events if (peer := opened(kind, events, folder, size))]


def opened(kind: type[Any], events: Path, folder: Path, size: Size) -> Peer | None:
    try:
        peer: Peer = kind(events, folder, size)
    except NotThere as reason:
        print(f"Left out: {reason}", flush=True)
        return None
    return peer
