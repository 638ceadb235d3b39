from pathlib import Path
from typing import Any

import pytest

from cdp.engine.columnar.engine import ColumnarEngine
from tests.engine.reference import Reference


@pytest.fixture
def columnar(tmp_path: Path) -> ColumnarEngine:
    return ColumnarEngine(tmp_path / "1")


@pytest.fixture(params=["reference", "columnar"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Every engine in turn: one suite of rules for all."""
    return Reference() if request.param == "reference" else ColumnarEngine(tmp_path / "1")
