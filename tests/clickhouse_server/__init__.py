"""A ClickHouse server for tests: chdb in a process of its own, behind the part of ClickHouse's HTTP interface that its
clients use. Several processes share one database, which outlives `kill -9`, and faults can be switched on.

`python -m tests.clickhouse_server -- pytest tests/engine/clickhouse` runs a command against one (CLICKHOUSE_URL).

It is no ClickHouse server: questions, tables, errors and limits of statements are ClickHouse's own, the front is ours.
One statement runs at a time; there are no users but one, no roles, no cluster, no TLS.
"""
