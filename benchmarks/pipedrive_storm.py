"""Storms of edits on both sides with everything going wrong: `python -m benchmarks.pipedrive_storm --seeds 200`.

The scenario and what must hold afterwards stand in tests/integrations/pipedrive/storm.py. It needs what the tests need,
and makes the test database that STRATUM_TEST_DB names.
"""

import os
import sys
from argparse import ArgumentParser

import pytest


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    given = parser.parse_args()
    os.environ["STORM_SEEDS"] = f"{given.first}-{given.first + given.seeds - 1}"
    wanted = ["-n", "0", "-q", "-k", "test_32", "--show-capture=no", "--tb=short", "--reuse-db"]
    sys.exit(pytest.main([*wanted, "tests/integrations/pipedrive/test_faults_whole.py"]))


if __name__ == "__main__":
    main()
