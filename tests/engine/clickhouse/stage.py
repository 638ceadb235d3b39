"""A ClickHouse to test on: the server of CLICKHOUSE_URL, else the one inside this process (chdb)."""

import importlib.util
import itertools
import os
import secrets

import pytest

from cdp.engine.clickhouse.engine import ClickHouseEngine

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
