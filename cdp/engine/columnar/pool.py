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
    """What `work(low, high)` gives for ranges that cover [0, size), side by side when there is more than `smallest`."""
    cuts = ranges(size, smallest)
    if len(cuts) <= 1:
        return [work(*cut) for cut in cuts]
    return [running.result() for running in [pool(os.getpid()).submit(work, *cut) for cut in cuts]]


def ranges(size: int, smallest: int) -> Sequence[tuple[int, int]]:
    """More ranges than threads, so that none waits long for the last one."""
    length = max(smallest, -(-size // (4 * THREADS)))
    return [(low, min(low + length, size)) for low in range(0, size, length)]
