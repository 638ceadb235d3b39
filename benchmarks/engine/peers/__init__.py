"""Other databases, each with its load and its way to ask every question."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmarks.engine.data import Size
from benchmarks.engine.questions import Columns, Question

# Modules of this package, which need requirements-bench.txt, and their classes.
PEERS = {"clickhouse": "ClickHouse", "duckdb": "DuckDB"}


class NotComparable(Exception):
    """This database did not answer within its memory or time; the text says why."""


@dataclass(frozen=True)
class Way:
    """One way to ask: `run` computes the answer and nothing else, `columns` fetches it to be compared."""

    name: str
    run: Callable[[], Any]
    columns: Callable[[], Columns]


class Peer(Protocol):
    """A loaded database; `most_events` it can hold if its answers shall not take minutes."""

    name: str
    version: str
    most_events: int

    def ways(self, question: Question) -> tuple[Way, ...]:
        """All that could be the fastest; none when this database is not asked."""

    def bytes_on_disk(self) -> Mapping[str, int]:
        """By layout."""


def peer_class(name: str) -> type[Any]:
    """Imported when asked for, so that one can go without the others."""
    found: type[Any] = getattr(import_module(f"{__name__}.{name}"), PEERS[name])
    return found


def open_peers(names: tuple[str, ...], events: Path, folder: Path, size: Size) -> list[Peer]:
    """Those that take so many events, loaded."""
    kinds = [peer_class(name) for name in names]
    return [kind(events, folder, size) for kind in kinds if size.events <= kind.most_events]
