"""Taking turns, so that what else the machine does hits everybody alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

ROUNDS = 9
FEWEST = 3
# Who is slow gets fewer rounds: a contender's rounds take no longer than this together, once it had the fewest.
PATIENCE = 12.0

Name = TypeVar("Name")


@dataclass(frozen=True)
class Timing:
    """Milliseconds."""

    median: float
    least: float
    rounds: int


def take_turns(contenders: Mapping[Name, Callable[[], Any]], rounds: int = ROUNDS) -> dict[Name, Timing]:
    """Everybody once to get warm, then in turns."""
    taken: dict[Name, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for _ in range(rounds):
        for name, run in contenders.items():
            if len(taken[name]) < FEWEST or sum(taken[name]) < PATIENCE * 1_000:
                taken[name].append(milliseconds(run))
    return {name: timing(values) for name, values in taken.items()}


def milliseconds(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return (time.perf_counter() - begun) * 1_000


def timing(values: list[float]) -> Timing:
    return Timing(statistics.median(values), min(values), len(values))
