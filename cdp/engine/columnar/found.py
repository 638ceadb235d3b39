"""What kernels find that cannot know beforehand how much it will be: rows that grow."""

import numpy as np

from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.jit import kernel

# Per result: place of the person, depth, opening, whether it is open, and the times of the steps.
Found = tuple[Array, Array, Array, Array, Array]


@kernel
def empty_found(steps: int, size: int) -> Found:
    return (
        np.empty(size, np.int32),
        np.empty(size, np.uint8),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.full((size, steps), -1, np.int64),
    )


@kernel
def with_room(found: Found, rows: int) -> Found:
    """The same with place for one more row."""
    if rows < len(found[0]):
        return found
    steps = found[4].shape[1]
    new: Found = empty_found(steps, 2 * rows + 16)
    for row in range(rows):
        new[0][row], new[1][row], new[2][row], new[3][row] = found[0][row], found[1][row], found[2][row], found[3][row]
        for step in range(steps):
            new[4][row, step] = found[4][row, step]
    return new
