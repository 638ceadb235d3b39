"""How long steps took, as the kernels gather it."""

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import load_int64


@kernel
def keep_durations(times: int, depth: int, steps: int, into: int, took: Array, took_in: Array, used: Array) -> None:
    """Add those of a chain. took[k, :used[k]] are the durations of step k of all who did it, took[0] those from entry
    to completion, and took_in the buckets of the same."""
    for step in range(1, depth):
        took[step, used[step]] = load_int64(times, step) - load_int64(times, step - 1)
        took_in[step, used[step]] = into
        used[step] += 1
    if depth == steps > 1:
        took[0, used[0]] = load_int64(times, steps - 1) - load_int64(times, 0)
        took_in[0, used[0]] = into
        used[0] += 1
