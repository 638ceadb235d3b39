"""ClickHouse inside this process (chdb), on all cores, with the two orders of rows that such questions ask for."""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from chdb.session import Session

from benchmarks.engine.data import PLACES, PRIME, Size
from benchmarks.engine.peers import NotComparable, Way
from benchmarks.engine.peers.clickhouse_profiles import sql as profiles_sql
from benchmarks.engine.peers.clickhouse_sql import sql as funnel_sql
from benchmarks.engine.profile_questions import ProfileQuestion
from benchmarks.engine.questions import Asked, Columns, Question

LAYOUTS = {"by_profile": "(profile, ts)", "by_event": "(event, profile, ts)"}
MEMORY = 8 * 2**30
SECONDS = 120
# Reading in the order of the table spares the hash table where rows lie by profile. It is not always faster, but where
# users' timelines are gathered for arrayFold it was four to ten times as fast as the others (1 M events), since the
# arrays of a few users fit into the cache: the others are left out there, and only there.
SETTINGS = {
    "by profile": ("by_profile", ""),
    "by profile, in order": ("by_profile", ", optimize_aggregation_in_order = 1"),
    "by event": ("by_event", ""),
}
TABLE = """
    CREATE TABLE {name} (
        profile UInt64, ts UInt64, event LowCardinality(String), platform LowCardinality(String),
        device LowCardinality(String), category LowCardinality(String), url LowCardinality(String), value Int64
    ) ENGINE = MergeTree ORDER BY {order}
"""
DERIVED = "CREATE TABLE IF NOT EXISTS {name} ENGINE = MergeTree ORDER BY {order} AS {rows}"
LOAD = """
    INSERT INTO {name} SELECT profile, ts, event, ifNull(platform, ''), device, category, url, value
    FROM file('{file}', Parquet) SETTINGS max_insert_threads = 1, max_memory_usage = {memory}
"""


class ClickHouse:
    """Instants are whole microseconds as UInt64, the only type with fractions that windowFunnel takes."""

    name = "ClickHouse"
    most_events = 10**9

    def __init__(self, events: Path, folder: Path, size: Size) -> None:
        self.session = session(str(folder / "clickhouse"))
        self.version = self.session.query("SELECT version()", "TabSeparated").data().strip()
        self.suffix = "_" + size.label.replace("-", "_")
        for layout, order in LAYOUTS.items():
            if not self.holds(layout + self.suffix, size.events):
                self.load(layout + self.suffix, order, events)
        for name, order, rows in self.derived():
            self.session.query(DERIVED.format(name=name, order=order, rows=rows))

    def derived(self) -> Iterator[tuple[str, str, str]]:
        """Who there is, and who is in which segment in both orders."""
        profiles = f"profiles{self.suffix}"
        yield profiles, "profile", f"SELECT DISTINCT profile FROM by_profile{self.suffix}"
        inside = " UNION ALL ".join(
            f"SELECT toUInt16({1 << place}) AS bit, profile FROM {profiles} "
            f"WHERE profile * {factor} % {PRIME} < {below}"
            for place, (factor, below) in enumerate(PLACES)
        )
        yield f"segments_by_profile{self.suffix}", "(profile, bit)", inside
        yield f"segments_by_event{self.suffix}", "(bit, profile)", inside

    def holds(self, name: str, rows: int) -> bool:
        known = f"SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '{name}'"
        return self.number(known) == 1 and self.number(f"SELECT count() FROM {name}") == rows

    def number(self, query: str) -> int:
        return int(self.session.query(query, "TabSeparated").data())

    def load(self, name: str, order: str, events: Path) -> None:
        self.session.query(f"DROP TABLE IF EXISTS {name}")
        self.session.query(TABLE.format(name=name, order=order))
        self.session.query(LOAD.format(name=name, file=events.resolve(), memory=MEMORY))
        self.session.query(f"OPTIMIZE TABLE {name} FINAL")

    def ways(self, question: Asked) -> tuple[Way, ...]:
        return tuple(
            self.way(name, text, f"SETTINGS max_memory_usage = {MEMORY}, max_execution_time = {SECONDS}{setting}")
            for name, (table, setting) in SETTINGS.items()
            if (text := self.text(question, table)) and (setting or "arrayFold" not in text)
        )

    def text(self, question: Asked, layout: str) -> str | None:
        if isinstance(question, Question):
            return funnel_sql(question, layout + self.suffix)
        return profiles_sql(question, layout, self.suffix) if isinstance(question, ProfileQuestion) else None

    def way(self, name: str, text: str, settings: str) -> Way:
        asked, in_order = f"{text} {settings}", f"SELECT * FROM ({text}) ORDER BY 1 {settings}"
        return Way(
            name,
            lambda: self.ask(asked, "Null"),
            lambda: columns(self.ask(in_order, "Arrow")),
            lambda: pa.ipc.open_file(self.ask(asked, "Arrow")).read_all(),
        )

    def ask(self, text: str, form: str) -> bytes:
        try:
            return bytes(self.session.query(text, form).bytes())
        except RuntimeError as error:
            raise NotComparable(str(error)) from error

    def bytes_on_disk(self) -> Mapping[str, int]:
        active = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{}'"
        return {order: self.number(active.format(layout + self.suffix)) for layout, order in LAYOUTS.items()}


@lru_cache(maxsize=1)
def session(path: str) -> Session:
    """A process can have one only."""
    return Session(path)


def columns(answer: bytes) -> Columns:
    table = pa.ipc.open_file(answer).read_all()
    return tuple(readable(column.to_pylist()) for column in table.columns)


def readable(values: list[object]) -> list[object]:
    """Averages of nothing are nan in ClickHouse."""
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]
