"""A ClickHouse to test on: the server of CLICKHOUSE_URL, else the one inside this process (chdb)."""

import importlib.util
import itertools
import os
import secrets
from typing import Any

import pytest

from cdp.engine.clickhouse.engine import ClickHouseEngine
from tests.engine.reference import Reference
from tests.engine.story import batch

CLICKHOUSE_URL = os.environ.get("CLICKHOUSE_URL", "clickhouse:///stratum_tests")
IS_HERE = "CLICKHOUSE_URL" in os.environ or importlib.util.find_spec("chdb") is not None
WHY_NOT = "the ClickHouse engine was not tested: install chdb (requirements-dev.txt) or set CLICKHOUSE_URL"

# Workspaces that nobody used before, on a server that outlives this run, and that other processes use meanwhile.
workspaces = itertools.count(secrets.randbelow(2**40) * 2**20)


def clickhouse_engine(suffix: str = "") -> ClickHouseEngine:
    """Of an empty workspace. `suffix`: in a database of its own."""
    if not IS_HERE:
        pytest.skip(WHY_NOT)
    return ClickHouseEngine(CLICKHOUSE_URL + suffix, next(workspaces))


def clickhouse_and_oracle(rows: list[Any]) -> tuple[ClickHouseEngine, Reference]:
    """Both with these events, as `story.batch` takes them."""
    engine, oracle = clickhouse_engine(), Reference()
    events = batch(rows, seqs=list(range(1, len(rows) + 1)))
    with engine.writing(1) as writer:
        writer.append(events)
        writer.commit({})
    oracle.append(events)
    return engine, oracle
