"""Finding rows in sorted arrays, and room for more of them."""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.memory import load_int32, load_int64


@kernel
def seek(address: int, low: int, high: int, wanted: int) -> int:
    """First row in [low, high) whose profile is not below the wanted one; near rows are found first."""
    stride = 1
    while low < high and load_int32(address, low) < wanted:
        ahead = min(low + stride, high - 1)
        if load_int32(address, ahead) < wanted:
            low = ahead + 1
            stride *= 2
        else:
            high = ahead
            low += 1
            while low < high:
                middle = (low + high) >> 1
                if load_int32(address, middle) < wanted:
                    low = middle + 1
                else:
                    high = middle
    return low


@kernel
def not_before(ts: int, low: int, high: int, instant: int) -> int:
    """The first row of [low, high) that is not before the instant, sought from the end."""
    stride = 1
    while low < high:
        near = max(low, high - stride)
        if load_int64(ts, near) < instant:
            low = near + 1
            break
        high = near
        stride *= 2
    while low < high:
        middle = (low + high) >> 1
        if load_int64(ts, middle) < instant:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def grown(old: Array, used: int) -> Array:
    new = np.empty(2 * len(old), old.dtype)
    for place in range(used):
        new[place] = old[place]
    return new
