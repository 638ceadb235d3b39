"""PostgreSQL as it runs on this machine (DATABASE_URL): rows in the order of users, with an index."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.engine.data import Size, slices
from benchmarks.engine.peers import NotComparable, NotThere, Way
from benchmarks.engine.peers.running import sql as funnel_sql
from benchmarks.engine.peers.traits import sql as traits_sql
from benchmarks.engine.profile_questions import TraitsQuestion
from benchmarks.engine.questions import Asked, Question

URL = "postgres://postgres@127.0.0.1:5432/postgres"
SCHEMA = "stratum_benchmark"
COLUMNS = ("profile", "ts", "event", "platform", "category", "value")
TABLE = """
    CREATE TABLE {table} (profile bigint, ts bigint, event text COLLATE "C", platform text COLLATE "C",
                          category text COLLATE "C", value bigint)
"""
SETTINGS = ("work_mem = '1GB'", "statement_timeout = '120s'", f"max_parallel_workers_per_gather = {os.cpu_count()}")
FIRST = "coalesce((array_agg(platform ORDER BY ts {order}) FILTER (WHERE {{event}} AND platform IS NOT NULL))[1], '')"
TOUCHES = {"first": FIRST.format(order=""), "last": FIRST.format(order="DESC")}


class PostgreSQL:
    name = "PostgreSQL"
    most_events = 1_000_000

    def __init__(self, events: Path, folder: Path, size: Size) -> None:
        self.table = f'{SCHEMA}."{size.label}"'
        try:
            self.connection = psycopg.connect(os.environ.get("DATABASE_URL", URL), autocommit=True)
        except psycopg.OperationalError as error:
            raise NotThere(f"PostgreSQL cannot be reached, set DATABASE_URL: {error}") from error
        self.version = self.connection.info.parameter_status("server_version") or "of unknown version"
        for setting in SETTINGS:
            self.connection.execute(f"SET {setting}")
        if not self.rows(f"SELECT to_regclass('{self.table}') IS NOT NULL")[0][0]:
            self.load(events)

    def load(self, events: Path) -> None:
        """All or nothing, in the order of users and time."""
        self.connection.execute("SET statement_timeout = 0")
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(TABLE.format(table=self.table))
            with cursor.copy(f"COPY {self.table} ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                for part in slices(events):
                    for row in zip(*(part[name].to_pylist() for name in COLUMNS), strict=True):
                        copy.write_row(row)
            cursor.execute(f"CREATE INDEX ON {self.table} (event, profile, ts) INCLUDE (platform, category, value)")
        self.connection.execute(f"VACUUM (ANALYZE) {self.table}")
        self.connection.execute("SET statement_timeout = '120s'")

    def ways(self, question: Asked) -> tuple[Way, ...]:
        text = self.text(question)
        if not text:
            return ()
        # Answers are computed and thrown away: sending half a million rows is not what is measured.
        explained = f"EXPLAIN (ANALYZE, TIMING OFF) {text}"
        return (Way("", lambda: self.rows(explained), lambda: tuple(zip(*self.rows(sorted_rows(text)), strict=True))),)

    def text(self, question: Asked) -> str | None:
        if isinstance(question, TraitsQuestion):
            return traits_sql(question, self.table, TOUCHES)
        return funnel_sql(question, self.table) if isinstance(question, Question) else None

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        try:
            return self.connection.execute(text).fetchall()
        except psycopg.errors.QueryCanceled as error:
            raise NotComparable(str(error)) from error

    def bytes_on_disk(self) -> Mapping[str, int]:
        [[size]] = self.rows(f"SELECT pg_total_relation_size('{self.table}')")
        return {"(event, profile, ts)": size}


def sorted_rows(text: str) -> str:
    return f"SELECT * FROM ({text}) AS t ORDER BY 1"
