"""The processes that `up` starts: each in a group of its own, writing to a log of its own."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

MARK = "STRATUM_UP"  # in every child's environment: the home folder it works for
LOG_LIMIT = 10_000_000  # bytes

STEADY = 60.0  # seconds after which a child counts as well
LONGEST_WAIT = 30.0  # seconds between two starts of a child that keeps dying

TROUBLE = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")
HARMLESS = (
    "No hostname was supplied",  # kombu about filesystem://, which has none
    "Service Unavailable: /healthz",  # while the worker is on its way
)
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """A command that is to run all the time."""

    name: str
    command: Sequence[str]
    home: Path
    folder: Path
    keep: Sequence[int] = ()  # file descriptors it inherits
    deaths: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _started: float = 0.0
    _log: "Tail" = field(init=False)

    def __post_init__(self) -> None:
        self._log = Tail(self.home / "logs" / f"{self.name}.log")

    @property
    def log(self) -> Path:
        return self._log.path

    def start(self) -> None:
        self._log.begin()
        self._started = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, MARK: str(self.home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self.keep,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    def ended(self) -> str | None:
        """How it ended, or None while it runs."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def bury(self) -> float:
        """Clear what a dead child left of its group; returns the seconds to wait before the next start."""
        self._signal(signal.SIGKILL)
        lived = time.monotonic() - self._started
        self.deaths = 1 if lived > STEADY else self.deaths + 1
        return min(LONGEST_WAIT, 0.5 * 2.0 ** (self.deaths - 1))

    def ask_to_end(self) -> None:
        if self._process:
            self._process.terminate()

    def end(self, patience: float) -> None:
        """Wait for it; after `patience` seconds end its whole group."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if self._process:
                os.killpg(self._process.pid, number)

    def trouble(self) -> list[str]:
        """Warnings and errors it logged since the last call."""
        return [line for line in self._log.news() if TROUBLE.search(line) and not any(map(line.__contains__, HARMLESS))]

    def last_words(self) -> list[str]:
        return self._log.last(12)


class Tail:
    """A log file, and how much of it has been read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        size = self.path.stat().st_size if self.path.exists() else 0
        if size > LOG_LIMIT:
            self.path.replace(self.path.with_suffix(".old.log"))
            size = 0
        self._read = size

    def news(self) -> list[str]:
        """Complete lines only; the beginning of one waits for its end."""
        with self.path.open("rb") as log:
            log.seek(self._read)
            text, newline, _ = log.read().rpartition(b"\n")
        self._read += len(text) + len(newline)
        return text.decode(errors="replace").splitlines()

    def last(self, lines: int) -> list[str]:
        return self.path.read_text(errors="replace").splitlines()[-lines:] if self.path.exists() else []


def _end_with_parent() -> None:
    """Linux ends the child when `up` is killed without a chance to do so itself."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def end_leftovers(home: Path, tell: Callable[[str], None], patience: float = 10) -> None:
    """End the children of an `up` of the same home that was killed."""
    left = [process for process in psutil.process_iter() if _is_of(process, home)]
    if left:
        tell(f"Ending {len(left)} processes of an earlier run that was killed.")
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=patience)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == str(home) and _is_alive(process)
    except (psutil.Error, OSError):
        return False


def _is_alive(process: psutil.Process) -> bool:
    return bool(process.status() != psutil.STATUS_ZOMBIE)
