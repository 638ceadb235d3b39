"""What every run with faults needs: a home of its own, and to wait until answers are right again."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.traffic import Answers

LONGEST_WAIT = 120.0  # seconds for a right answer, on however busy a machine
KERNELS = Path(__file__).parents[2] / "var" / "kernels"


@contextmanager
def home_of_its_own() -> Iterator[Path]:
    """With the embedded PostgreSQL; where its engine is, the caller says. Who is told to end takes all of it along."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    home = Path(tempfile.mkdtemp(prefix="stratum-faults-"))
    home.chmod(0o711)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(KERNELS))  # not compiled again
    os.environ |= {"STRATUM_HOME": str(home), "DATABASE_URL": ""}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def wait_for_right(answers: Answers, since: float) -> float:
    """Seconds from `since` to the first right answer that was asked for after it."""
    while answers.last_asked < since:
        if time.monotonic() - since > LONGEST_WAIT:
            raise SystemExit(f"No right answer for {LONGEST_WAIT:.0f} s")
        time.sleep(0.005)
    return answers.last_right - since
