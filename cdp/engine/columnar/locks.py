"""Locks of a folder. They spare attempts; what keeps a folder right is how states are claimed."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdp.engine.errors import EngineBusy

WRITER_LOCK = "writer.lock"
COMPACTION_LOCK = "compaction.lock"
REBUILD_LOCK = "rebuild.lock"


@contextmanager
def locked(folder: Path, name: str, timeout: float) -> Iterator[None]:
    """Hold a lock of the folder, against threads, processes and, where the file system passes it on, hosts."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        acquire(descriptor, timeout)
        yield
    finally:
        os.close(descriptor)


def acquire(descriptor: int, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise EngineBusy("The analytics engine is busy with another change of this workspace.") from None
            time.sleep(0.005)
