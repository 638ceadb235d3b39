"""The threads on which kernels run: one pool per process, because forked children inherit none."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

Result = TypeVar("Result")
THREADS = os.cpu_count() or 1


@lru_cache(maxsize=1)
def pool(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="engine")


def spread(work: Callable[[int, int], Result], size: int, smallest: int) -> list[Result]:
    """What `work(low, high)` gives for ranges that cover [0, size), side by side when there is more than `smallest`.

    Who asks works too, and others of the pool help as soon as they are awake: handing over costs as much as a short
    range, and whoever has to wait for the pool, because others keep it busy, loses nothing.
    """
    cuts = ranges(size, smallest)
    found: dict[int, Result] = {}
    waiting = iter(enumerate(cuts))

    def take() -> None:
        for number, cut in waiting:
            found[number] = work(*cut)

    helpers = [pool(os.getpid()).submit(take) for _ in cuts[1:THREADS]]
    try:
        take()
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return [found[number] for number in range(len(cuts))]


def ranges(size: int, smallest: int) -> Sequence[tuple[int, int]]:
    """More ranges than threads, so that none waits long for the last one."""
    length = max(smallest, -(-size // (4 * THREADS)))
    return [(low, min(low + length, size)) for low in range(0, size, length)]
