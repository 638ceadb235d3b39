"""The rows of some places in a stream of the base: where each place begins is kept as long as the table is."""

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.step_streams import first_rows
from cdp.engine.columnar.table import View

Places = NDArray[np.int32]


def begins_of(view: View, name: str, places: int) -> NDArray[np.int32] | None:
    """The row at which each place begins; None where rows are few."""
    known = view.table.begins
    begins = known.get(name)
    if name not in known or (begins is not None and len(begins) != places + 1):
        begins = known[name] = first_rows(view.key("profile"), places)
    return begins


def spans_of(view: View, name: str, wanted: Places, places: int) -> tuple[Ints, Ints]:
    """First row and number of rows of each of the wanted places, which ascend."""
    begins = begins_of(view, name, places)
    if begins is not None:
        first = begins[wanted]
        return first.astype(np.int64), (begins[wanted + 1] - first).astype(np.int64)
    return sought(view.key("profile"), wanted)


def sought(profile: Places, wanted: Places) -> tuple[Ints, Ints]:
    """First row and number of rows of the wanted ones; both arrays ascend."""
    first = np.searchsorted(profile, wanted, side="left")
    return first, np.searchsorted(profile, wanted, side="right") - first


def rows_of_spans(first: Ints, count: Ints) -> Ints:
    rows: Ints = np.repeat(first - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    return rows
