"""A few rounds of the fault benchmark: real processes, killed while clients are at work."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.clients


def test_every_acknowledged_event_counts_once_whoever_is_killed() -> None:
    command = [sys.executable, "-m", "benchmarks.faults", "--rounds", "3", "--seed", "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| wrong answers | 0 |" in done.stdout
    assert "| differences of ledger, truth, engine and rebuilt engine | none |" in done.stdout
