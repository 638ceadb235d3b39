"""A few rounds of the fault benchmarks: real processes, killed or failing while clients are at work."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.clients


@pytest.mark.parametrize(("benchmark", "compared"), [
    ("benchmarks.faults", "ledger, truth, engine and rebuilt engine"),
    ("benchmarks.clickhouse_faults", "ledger, truth, engine and an engine in files"),
])  # fmt: skip
def test_every_acknowledged_event_counts_once_whatever_fails(benchmark: str, compared: str) -> None:
    command = [sys.executable, "-m", benchmark, "--rounds", "3", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| wrong answers | 0 |" in done.stdout
    assert f"| differences of {compared} | none |" in done.stdout
