"""How long steps took, as the kernels gather it."""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import inlined
from cdp.engine.columnar.memory import load_int64


@inlined
def keep_durations(times: int, depth: int, steps: int, into: int, took: Array, took_in: Array, used: Array) -> None:
    """Add those of a chain. took[:used[k], k] are the durations of step k of all who did it, those of 0 from entry
    to completion, and took_in the buckets of the same. What is used lies together: a row for each step would touch, and
    have the system clear, memory in as many places."""
    for step in range(1, depth):
        took[used[step], step] = load_int64(times, step) - load_int64(times, step - 1)
        took_in[used[step], step] = into
        used[step] += 1
    if depth == steps > 1:
        took[used[0], 0] = load_int64(times, steps - 1) - load_int64(times, 0)
        took_in[used[0], 0] = into
        used[0] += 1
