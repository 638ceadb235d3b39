"""ClickHouse fails at random while events come in and questions are asked: `python -m benchmarks.clickhouse_faults`."""
