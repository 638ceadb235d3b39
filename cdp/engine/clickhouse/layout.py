"""Where rows lie: on one server, or by profile on the shards of a cluster.

On a cluster the rows of events and attributes lie on the shard of their profile (`event_local`), and `event` is the
Distributed table over all of them, through which rows are written and asked. What became of rows (`link`, `void`, …)
and the states are small: every server has all of it, so each shard answers about its profiles alone. The servers'
macros `shard` and `replica` name the copies, and a quorum of them makes a line that one server took true for all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BY_PROFILE = ("event", "attribute", "raw")
CREATE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)(.*)\bENGINE = MergeTree\b(.*)", re.DOTALL)
ALTER = re.compile(r"ALTER TABLE (\w+)(.*)", re.DOTALL)
COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
# A reader sees what a writer on another server was told is stored. Subqueries are about the profiles of their shard.
CLUSTER_SETTINGS: Mapping[str, Any] = {
    "insert_quorum": "auto",
    "insert_quorum_parallel": 0,
    "select_sequential_consistency": 1,
    "distributed_foreground_insert": 1,
    "distributed_product_mode": "local",
    "optimize_skip_unused_shards": 1,
    "optimize_distributed_group_by_sharding_key": 1,
}


@dataclass(frozen=True)
class Layout:
    """`cluster`: its name in the servers' `remote_servers`; empty for one server."""

    database: str
    cluster: str = ""

    @property
    def settings(self) -> Mapping[str, Any]:
        return CLUSTER_SETTINGS if self.cluster else {}

    @property
    def everywhere(self) -> str:
        return f" ON CLUSTER {self.cluster}" if self.cluster else ""

    @property
    def parts(self) -> str:
        """The parts of one copy of everything."""
        return f"cluster({self.cluster}, system.parts)" if self.cluster else "system.parts"

    def stored(self, table: str) -> str:
        """How the table that holds the rows is named where whole parts of it are changed."""
        return f"{self.local(table)}{self.everywhere}" if table in BY_PROFILE else table

    def local(self, table: str) -> str:
        """The table in which a server has its own rows."""
        return f"{table}_local" if self.cluster and table in BY_PROFILE else table

    def schema(self, statement: str) -> list[str]:
        """What a statement about the schema of one server is here."""
        if not self.cluster:
            return [statement]
        text = COMMENT.sub("", statement).strip()
        if found := CREATE.fullmatch(text):
            return self.tables(*found.groups())
        if found := ALTER.fullmatch(text):
            table, change = found.groups()
            names = (f"{table}_local", table) if table in BY_PROFILE else (table,)
            return [f"ALTER TABLE {name}{self.everywhere}{change}" for name in names]
        raise ValueError(f"The schema has a statement that no cluster knows: {text[:80]}")

    def tables(self, table: str, columns: str, rest: str) -> list[str]:
        rest = rest.replace("non_replicated_deduplication_window", "replicated_deduplication_window")
        if table not in BY_PROFILE:
            engine = replicated(f"everywhere/{table}", "{shard}-{replica}")
            return [f"CREATE TABLE IF NOT EXISTS {table}{self.everywhere}{columns}ENGINE = {engine}{rest}"]
        engine = replicated(f"{{shard}}/{table}", "{replica}")
        over = f"Distributed({self.cluster}, {self.database}, {table}_local, profile)"
        return [
            f"CREATE TABLE IF NOT EXISTS {table}_local{self.everywhere}{columns}ENGINE = {engine}{rest}",
            f"CREATE TABLE IF NOT EXISTS {table}{self.everywhere} AS {table}_local ENGINE = {over}",
        ]


def replicated(path: str, replica: str) -> str:
    """The path in Keeper is one for all copies of the table."""
    return f"ReplicatedMergeTree('/clickhouse/tables/{{database}}/{path}', '{replica}')"
