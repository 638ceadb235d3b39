"""One `up` per home folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `up` works in this home; the sentence names it."""


@contextmanager
def only_one(home: Path, address: str) -> Iterator[None]:
    """Hold the home's lock. The kernel drops it when the process ends, however it ends."""
    path = home / "run" / "up.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"process": os.getpid(), "address": address}).encode(), 0)
        yield
    except BlockingIOError:
        raise AlreadyRunning(_sentence(path)) from None
    finally:
        os.close(descriptor)


def _sentence(path: Path) -> str:
    try:
        other = json.loads(path.read_text())
    except ValueError:  # it has only just begun
        return "Stratum is already running from this folder. Stop it first."
    where = f"at {other['address']} (process {other['process']})"
    return f"Stratum is already running from this folder {where}. Stop it first."
