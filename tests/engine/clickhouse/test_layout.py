"""The schema of a cluster: what each statement of one server's schema becomes. ClickHouse's own parser reads it here; no
cluster has run it."""

import re

import pytest

from cdp.engine.clickhouse import migrations
from cdp.engine.clickhouse.layout import BY_PROFILE, Layout
from cdp.engine.clickhouse.server import layout_of, server_of
from cdp.engine.errors import EngineRefused
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT

CLUSTER = Layout("stratum", "three")
STATEMENTS = [migrations.APPLIED, *(one for some in migrations.steps().values() for one in some)]
SCHEMA = [one for statement in STATEMENTS for one in CLUSTER.schema(statement)]


def created(table: str) -> str:
    (found,) = [one for one in SCHEMA if re.match(rf"CREATE TABLE IF NOT EXISTS {table} ", one)]
    return found


def test_the_url_says_where_rows_lie() -> None:
    assert layout_of("clickhouse://u:p@host/name") == Layout("name")
    assert layout_of("clickhouse://u:p@host/name?secure=1&cluster=three") == Layout("name", "three")
    for wrong in ("clickhouse://host/", "clickhouse://host/na-me", "clickhouse://host/name?cluster=a'b"):
        with pytest.raises(EngineRefused, match="clickhouse://user:password@host/name"):
            layout_of(wrong)


def test_one_server_keeps_its_schema() -> None:
    for statement in STATEMENTS:
        assert Layout("stratum").schema(statement) == [statement]
    assert Layout("stratum").settings == {}
    assert Layout("stratum").stored("event") == "event"


@pytest.mark.parametrize("table", BY_PROFILE)
def test_rows_lie_with_their_profile(table: str) -> None:
    assert created(table).endswith(f"ENGINE = Distributed(three, stratum, {table}_local, profile)")
    local = created(f"{table}_local")
    assert f"ReplicatedMergeTree('/clickhouse/tables/{{database}}/{{shard}}/{table}', '{{replica}}')" in local
    assert " replicated_deduplication_window = 10000" in local
    assert CLUSTER.stored(table) == f"{table}_local ON CLUSTER three"


@pytest.mark.parametrize("table", ["link", "void", "erased", "moved", "state", "migration"])
def test_what_became_of_rows_is_known_everywhere(table: str) -> None:
    """The path has no shard in it, so the tables of all servers are copies of one."""
    path = f"'/clickhouse/tables/{{database}}/everywhere/{table}', '{{shard}}-{{replica}}'"
    assert f"ReplicatedMergeTree({path})" in created(table)
    assert CLUSTER.stored(table) == table


def test_every_statement_is_for_all_servers() -> None:
    assert all(" ON CLUSTER three" in one for one in SCHEMA)
    assert not any("non_replicated" in one for one in SCHEMA)


def test_a_new_column_comes_to_both_tables() -> None:
    found = CLUSTER.schema("-- Why.\nALTER TABLE event ADD COLUMN IF NOT EXISTS more Int64")
    assert found == [
        f"ALTER TABLE {name} ON CLUSTER three ADD COLUMN IF NOT EXISTS more Int64" for name in ("event_local", "event")
    ]


def test_a_statement_that_no_cluster_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no cluster knows"):
        CLUSTER.schema("DROP TABLE event")


@pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
@pytest.mark.parametrize("statement", SCHEMA)
def test_clickhouse_reads_it(statement: str) -> None:
    assert server_of(CLICKHOUSE_URL).rows(f"EXPLAIN AST {statement}", {})
