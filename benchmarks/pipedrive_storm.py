"""Storms of edits on both sides with everything going wrong.

`python -m benchmarks.pipedrive_storm --seeds 200 [--write]`: the scenario and what must hold afterwards stand in
tests/integrations/pipedrive/storm.py. It needs what the tests need, and makes the test database that STRATUM_TEST_DB
names. `--write` puts the outcome into docs/pipedrive.md.
"""

import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.engine.report import write_page

PAGE = Path(__file__).resolve().parents[1] / "docs" / "pipedrive.md"
MARKS = ("<!-- storm: written by `python -m benchmarks.pipedrive_storm` -->", "<!-- /storm -->")


class Outcomes:
    """A pytest plugin that counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome == "failed":
            self.counts[report.outcome] += 1


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    last = given.first + given.seeds - 1
    os.environ["STORM_SEEDS"] = f"{given.first}-{last}"
    wanted = ["-n", "0", "-k", "test_32", "--show-capture=no", "--tb=short", "--reuse-db"]
    outcomes, began = Outcomes(), time.monotonic()
    code = pytest.main([*wanted, "tests/integrations/pipedrive/test_faults_whole.py"], plugins=[outcomes])
    seconds, load = time.monotonic() - began, os.getloadavg()[0]
    told = (
        f"Storms {given.first} to {last}: {outcomes.counts['passed']} came to rest without a duplicate or a lost edit, "
        f"{outcomes.counts['failed']} did not. Measured {datetime.now(UTC):%Y-%m-%d}, {seconds:,.0f} s, "
        f"load afterwards {load:.1f} on {os.cpu_count()} cores."
    )
    if given.write:
        begin, end = MARKS
        write_page(told, PAGE, begin, end)
    print(told)
    sys.exit(code)


if __name__ == "__main__":
    main()
