"""A few runs of the fault benchmark: real worker processes, fakes over HTTP in another, SIGKILL at every step."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.clients


def test_no_change_is_applied_twice_or_lost_whatever_goes_wrong() -> None:
    """One run of each kind of fault."""
    options = ["--runs", "13", "--seed", "13", "--database", f"faults_{os.getpid()}"]
    command = [sys.executable, "-m", "benchmarks.autopilot_faults", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env={**os.environ})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 runs" in done.stdout
    assert "told otherwise by book, platform or page: none" in done.stdout
