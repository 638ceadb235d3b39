"""The threads on which kernels run: one pool per process, because forked children inherit none."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

THREADS = os.cpu_count() or 1


@lru_cache(maxsize=1)
def pool(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="engine")


def spread(work: Callable[[int, int], None], size: int, smallest: int) -> None:
    """Call `work(low, high)` for ranges that cover [0, size), side by side when there is more than `smallest` to do."""
    cuts = ranges(size, smallest)
    if len(cuts) == 1:
        return work(*cuts[0])
    for running in [pool(os.getpid()).submit(work, *cut) for cut in cuts]:
        running.result()
    return None


def ranges(size: int, smallest: int) -> Sequence[tuple[int, int]]:
    """More ranges than threads, so that none waits long for the last one."""
    length = max(smallest, -(-size // (4 * THREADS)))
    return [(low, min(low + length, size)) for low in range(0, size, length)]
