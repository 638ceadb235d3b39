from pathlib import Path
from typing import Any

import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from tests.engine.clickhouse.stage import IS_HERE, WHY_NOT, clickhouse_engine
from tests.engine.reference import Reference


@pytest.fixture
def columnar(tmp_path: Path) -> ColumnarEngine:
    return ColumnarEngine(tmp_path / "1")


@pytest.fixture(params=["reference", "columnar", "clickhouse"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Every engine in turn: one suite of rules for all."""
    if request.param == "reference":
        return Reference()
    return ColumnarEngine(tmp_path / "1") if request.param == "columnar" else clickhouse_engine()


@pytest.fixture(params=["columnar", "clickhouse"])
def storing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Both engines, for what the oracle answers in another shape."""
    return ColumnarEngine(tmp_path / "1") if request.param == "columnar" else clickhouse_engine()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not IS_HERE:
        terminalreporter.write_line(f"NOTE: {WHY_NOT}.", yellow=True)
