"""DuckDB in this process, on all cores, its rows in the order of users and time."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from benchmarks.engine.data import Size
from benchmarks.engine.peers import NotComparable, Way
from benchmarks.engine.peers.running import sql
from benchmarks.engine.questions import Columns, Question

MEMORY = "8GB"
TABLE = "CREATE TABLE events AS SELECT * EXCLUDE seq FROM read_parquet('{file}') ORDER BY profile, ts"


class DuckDB:
    name = "DuckDB"
    most_events = 10**9

    def __init__(self, events: Path, folder: Path, size: Size) -> None:
        self.path = folder / f"duckdb-{size.label}.db"
        self.version = duckdb.__version__
        is_new = not self.path.exists()
        self.connection = duckdb.connect(self.path, config={"memory_limit": MEMORY})
        if is_new or not self.connection.execute("SELECT 1 FROM duckdb_tables()").fetchone():
            self.connection.execute(TABLE.format(file=events))
            self.connection.execute("CHECKPOINT")

    def ways(self, question: Question) -> tuple[Way, ...]:
        text = sql(question, "events")
        return (Way("", lambda: self.ask(text), lambda: self.ask(text)),) if text else ()

    def ask(self, text: str) -> Columns:
        try:
            rows = self.connection.execute(text).fetchall()
        except duckdb.Error as error:
            raise NotComparable(str(error)) from error
        return tuple(zip(*rows, strict=True))

    def bytes_on_disk(self) -> Mapping[str, int]:
        return {"(profile, ts)": self.path.stat().st_size}
