"""Arrays of one dimension."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
# The bounds of `Ints`.
LEAST, MOST = -(2**63), 2**63 - 1
