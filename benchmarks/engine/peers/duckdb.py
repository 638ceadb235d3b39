"""DuckDB in this process, on all cores, its rows in the order of users and time."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.engine.data import Size
from benchmarks.engine.peers import NotComparable, Way
from benchmarks.engine.peers.running import sql as funnel_sql
from benchmarks.engine.peers.traits import sql as traits_sql
from benchmarks.engine.profile_questions import TraitsQuestion
from benchmarks.engine.questions import Asked, Columns, Question

MEMORY = "8GB"
ARG = "coalesce({function}(platform, ts) FILTER (WHERE {{event}} AND platform IS NOT NULL), '')"
TOUCHES = {"first": ARG.format(function="arg_min"), "last": ARG.format(function="arg_max")}
TABLE = "CREATE TABLE events AS SELECT * EXCLUDE seq FROM read_parquet('{file}') ORDER BY profile, ts"


class DuckDB:
    name = "DuckDB"
    most_events = 10**9

    def __init__(self, events: Path, folder: Path, size: Size) -> None:
        self.path = folder / f"duckdb-{size.label}.db"
        self.version = duckdb.__version__
        is_new = not self.path.exists()
        self.connection = duckdb.connect(self.path, config={"memory_limit": MEMORY})
        if is_new or not self.connection.execute("SELECT 1 FROM duckdb_tables()").fetchall():
            self.connection.execute(TABLE.format(file=events)).fetchall()
            self.connection.execute("CHECKPOINT").fetchall()

    def ways(self, question: Asked) -> tuple[Way, ...]:
        text = self.text(question)
        return (Way("", lambda: self.ask(text), lambda: self.columns(text)),) if text else ()

    def text(self, question: Asked) -> str | None:
        if isinstance(question, TraitsQuestion):
            return traits_sql(question, "events", TOUCHES)
        return funnel_sql(question, "events") if isinstance(question, Question) else None

    def ask(self, text: str) -> pa.Table:
        try:
            return self.connection.sql(text).to_arrow_table()
        except duckdb.Error as error:
            raise NotComparable(str(error)) from error

    def columns(self, text: str) -> Columns:
        answer = self.ask(f"SELECT * FROM ({text}) ORDER BY 1")
        return tuple(column.to_pylist() for column in answer.columns)

    def bytes_on_disk(self) -> Mapping[str, int]:
        return {"(profile, ts)": self.path.stat().st_size}
