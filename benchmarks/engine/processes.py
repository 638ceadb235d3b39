"""Starting probes, and looking at what they say and take."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.ours import Loaded
from benchmarks.engine.probe import mapped

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Probe:
    """Seconds from its start to the first answer; bytes of index and at the peak; bytes of files, and its share."""

    first: float
    index: int
    peak: int
    resident: int
    share: int


@contextmanager
def started(ours: Loaded, names: int, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "benchmarks.engine.probe", ours.url, str(names), *options]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate()


def probe(ours: Loaded, names: int) -> Probe:
    """Two at a time: the second one is looked at while the first one holds the same files."""
    with started(ours, names, "--warm") as neighbour, started(ours, names, "--warm") as process:
        for one in (neighbour, process):
            line(one)
        said = [json.loads(line(one)) for one in (neighbour, process)][-1]
        return Probe(first_answer(ours, names), said["index"], said["peak"], *mapped(process.pid, ours.folder))


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    said: str = process.stdout.readline()
    if not said:
        raise SystemExit("A process that asks ended before it answered; its error stands above.")
    return said


def first_answer(ours: Loaded, names: int, rounds: int = 3) -> float:
    """Of fresh processes, interpreter and imports included."""
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        with started(ours, names) as process:
            line(process)
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
