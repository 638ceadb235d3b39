"""What each round does to ClickHouse, or to who writes there. A fault ends within its round; nobody repairs."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.faults.processes import Processes
from tests.clickhouse_server.process import ClickHouseProcess

WORKER = "projector"
LASTS = 3.0  # seconds
MEETS = 20.0  # seconds in which a statement comes by that a fault waits for
EVENTS = r"(?m)^event$"  # a question about events, as its statement is put together
ROWS = "INSERT INTO `?event"
LINES = "INSERT INTO `?state"
# Some by which rows are written, some by which a state is claimed, told or read, questions, and any.
STATEMENTS = (ROWS, LINES, "FROM state", EVENTS, "INSERT", "")
FULL = "Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)"
CROWDED = "(total) memory limit exceeded: would use 24.00 GiB. (MEMORY_LIMIT_EXCEEDED)"


@dataclass
class Storing:
    """Since when nothing can be stored, and when that was over: meanwhile the last good state answers."""

    is_blocked: bool = False
    over: float = field(default_factory=lambda: float("-inf"))

    @contextmanager
    def blocked(self) -> Iterator[None]:
        self.is_blocked = True
        yield
        self.over, self.is_blocked = time.monotonic(), False

    def was_blocked_since(self, asked: float) -> bool:
        return self.is_blocked or asked <= self.over


@dataclass
class Scene:
    """Who is at work."""

    clickhouse: ClickHouseProcess
    running: Processes
    storing: Storing
    chance: random.Random

    def pause(self, longest: float) -> None:
        time.sleep(self.chance.random() * longest)

    def switched_on(self, kind: str, match: str, times: int | None = None, **more: object) -> None:
        """For a while."""
        self.clickhouse.fault(kind, match, times, **more)
        time.sleep(LASTS)
        self.clickhouse.heal()


def killed(scene: Scene) -> None:
    scene.clickhouse.kill()
    scene.pause(LASTS)
    scene.clickhouse.start()


def killed_before(scene: Scene) -> None:
    killed_at(scene, "die before")


def killed_after(scene: Scene) -> None:
    killed_at(scene, "die after")


def killed_at(scene: Scene, kind: str) -> None:
    scene.clickhouse.fault(kind, scene.chance.choice(STATEMENTS), 1, skip=scene.chance.randrange(4))
    deadline = time.monotonic() + MEETS
    while scene.clickhouse.lives():
        if time.monotonic() > deadline:
            raise SystemExit("No statement met the fault")
        time.sleep(0.01)
    scene.clickhouse.gone()
    scene.pause(LASTS)
    scene.clickhouse.start()


def broken_before(scene: Scene) -> None:
    broken_at(scene, "drop before")


def broken_after(scene: Scene) -> None:
    broken_at(scene, "drop after")


def broken_at(scene: Scene, kind: str) -> None:
    match, times, skip = scene.chance.choice(STATEMENTS), scene.chance.randrange(1, 6), scene.chance.randrange(4)
    scene.switched_on(kind, match, times, skip=skip)


def slow(scene: Scene) -> None:
    seconds = 0.5 + scene.chance.random() * LASTS
    scene.switched_on("slow", scene.chance.choice(STATEMENTS), seconds=seconds)


def read_only(scene: Scene) -> None:
    with scene.storing.blocked():
        scene.switched_on("read-only", scene.chance.choice((ROWS, LINES, "INSERT")))


def no_space(scene: Scene) -> None:
    with scene.storing.blocked():
        scene.switched_on("error", scene.chance.choice((ROWS, LINES, "INSERT")), code=243, text=FULL)


def no_memory_for_a_question(scene: Scene) -> None:
    scene.switched_on("memory", scene.chance.choice((EVENTS, "FROM state", "")), bytes=1)


def no_memory(scene: Scene) -> None:
    scene.switched_on("error", scene.chance.choice(STATEMENTS), code=241, text=CROWDED)


def worker_killed(scene: Scene) -> None:
    scene.running.kill(WORKER, 0)


def worker_killed_while_it_writes(scene: Scene) -> None:
    """Most likely: whoever writes is held up, and questions wait for the same."""
    scene.clickhouse.fault("slow", scene.chance.choice((ROWS, LINES)), seconds=1.0)
    time.sleep(1.5)
    scene.running.kill(WORKER, 0)
    scene.clickhouse.heal()


def web_worker_killed_while_it_writes(scene: Scene) -> None:
    scene.clickhouse.fault("slow", scene.chance.choice((ROWS, LINES)), seconds=1.0)
    time.sleep(1.5)
    scene.running.kill("web worker", scene.chance.randrange(8))
    scene.clickhouse.heal()


def rebuilder_killed(scene: Scene) -> None:
    scene.running.kill("rebuilder", 0)


def all_killed(scene: Scene) -> None:
    """Who writes and where it writes, at one moment."""
    scene.clickhouse.kill()
    scene.running.kill(WORKER, 0)
    scene.running.kill("rebuilder", 0)
    scene.pause(LASTS)
    scene.clickhouse.start()


KINDS: dict[str, Callable[[Scene], None]] = {
    "server killed": killed,
    "server killed before a statement": killed_before,
    "server killed after a statement": killed_after,
    "connection broken before statements": broken_before,
    "connection broken after statements": broken_after,
    "slow": slow,
    "read-only": read_only,
    "no space left": no_space,
    "no memory for a question": no_memory_for_a_question,
    "no memory for anybody": no_memory,
    "worker killed": worker_killed,
    "worker killed while the server is slow to write": worker_killed_while_it_writes,
    "web worker killed while the server is slow to write": web_worker_killed_while_it_writes,
    "rebuild killed": rebuilder_killed,
    "server, worker and rebuild killed together": all_killed,
}


def drawn(rounds: int, chance: random.Random) -> list[str]:
    """All kinds in a random order, then all again."""
    kinds: list[str] = []
    while len(kinds) < rounds:
        kinds += chance.sample(list(KINDS), len(KINDS))
    return kinds[:rounds]
