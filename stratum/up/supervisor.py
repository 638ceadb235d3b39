"""Keep the children alive until somebody says stop."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from stratum.lib.postgres import server
from stratum.up.children import Child

LOOK = 0.2  # seconds between two looks at the children
PATIENCE = 6.0  # seconds a child gets to finish what it is doing

Tell = Callable[[str], None]


class Supervisor:
    """Watches `children`, in the order in which they are to be stopped, and the embedded server if there is one."""

    def __init__(self, children: Sequence[Child], cluster: server.Cluster | None, tell: Tell) -> None:
        self._children = children
        self._cluster = cluster
        self._tell = tell
        self._due: dict[str, float] = {}  # name of a dead child → when to start it again

    def start(self) -> None:
        for child in self._children:
            child.start()

    def watch(self, until: Callable[[], bool]) -> None:
        """Look after everything until `until()` holds."""
        while not until():
            for child in self._children:
                self._look_after(child)
            self._look_after_database()
            time.sleep(LOOK)

    def stop(self) -> None:
        for child in self._children:
            child.ask_to_end()
        for child in self._children:
            child.end(PATIENCE)

    def last_words(self) -> list[str]:
        return [f"{child.name} | {line}" for child in self._children for line in child.last_words()]

    @property
    def deaths(self) -> int:
        return max(child.deaths for child in self._children)

    def _look_after(self, child: Child) -> None:
        for line in child.trouble():
            self._tell(f"{child.name} | {line}")
        if child.name in self._due:
            self._start_again(child)
        elif how := child.ended():
            wait = child.bury()
            self._due[child.name] = time.monotonic() + wait
            self._tell(f"{child.name} ended ({how}). Starting it again in {wait:g} s; see {child.log}")

    def _start_again(self, child: Child) -> None:
        if time.monotonic() >= self._due[child.name]:
            del self._due[child.name]
            child.start()

    def _look_after_database(self) -> None:
        if self._cluster and not server.postmaster(self._cluster):
            self._tell("The embedded PostgreSQL is gone. Starting it again.")
            server.attach(self._cluster)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM and a closed terminal mean what Ctrl-C means: KeyboardInterrupt."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Once: a second signal must not interrupt the stopping."""
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
