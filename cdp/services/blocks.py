"""Ids taken from the database a thousand at a time, so that rows can name each other before they are written."""

import os
import threading

from stratum.lib.raw import raw_cursor

SIZE = 1000  # INCREMENT of the sequence cdp_block


class Blocks:
    """Ids unique over all processes and tables, rising within a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[range] = []

    def take(self, count: int) -> list[int]:
        with self._lock:
            missing = count - sum(map(len, self._free))
            if missing > 0:
                self._free += self._fetch(-(-missing // SIZE))
            return self._cut(count)

    def take_one(self) -> int:
        return self.take(1)[0]

    def _fetch(self, blocks: int) -> list[range]:
        with raw_cursor() as cursor:
            cursor.execute("SELECT nextval('cdp_block') FROM generate_series(1, %s)", [blocks])
            return [range(first, first + SIZE) for (first,) in cursor]

    def _cut(self, count: int) -> list[int]:
        taken: list[int] = []
        while len(taken) < count:
            head = self._free.pop(0)
            part = head[: count - len(taken)]
            taken += part
            if len(part) < len(head):
                self._free.insert(0, head[len(part) :])
        return taken

    def forget(self) -> None:
        """A forked child must not hand out its parent's ids."""
        self._lock = threading.Lock()
        self._free = []


ids = Blocks()
os.register_at_fork(after_in_child=ids.forget)
