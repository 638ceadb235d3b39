"""A server for the tests of this process, started when the first one needs it."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clickhouse_server.process import ClickHouseProcess

IS_HERE = importlib.util.find_spec("chdb") is not None
WHY_NOT = "no ClickHouse to start: install chdb (requirements-dev.txt)"


@pytest.fixture(scope="session")
def clickhouse_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseProcess]:
    if not IS_HERE:
        pytest.skip(WHY_NOT)
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    with ClickHouseProcess(folder) as process:
        yield process


@pytest.fixture
def clickhouse(clickhouse_process: ClickHouseProcess) -> Iterator[ClickHouseProcess]:
    """It lives and is well; what a test does to it is undone."""
    yield clickhouse_process
    clickhouse_process.recover()
