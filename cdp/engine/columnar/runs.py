"""Where each profile's rows begin in a stream, found once for every file that does not change."""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar.arrow import Array
from cdp.engine.columnar.columns import Column
from cdp.engine.columnar.jit import kernel
from cdp.engine.columnar.snapshot import Stream
from cdp.engine.columnar.table import View

Rows = NDArray[np.int32]
# With fewer rows than a profile in so many has, finding the runs again costs less than the memory.
PLACES_PER_ROW = 8


@dataclass(frozen=True, eq=False)
class Runs:
    """The rows of `place[i]` are [first[i], first[i + 1]); places ascend. All times are in [earliest, latest]."""

    place: Rows
    first: Rows
    earliest: int
    latest: int

    def __len__(self) -> int:
        return len(self.place)


def runs_of(stream: Stream, places: int) -> Runs:
    """Of a stream with any rows. Those of the base are kept as long as its table."""
    view = stream.pieces[0].view
    is_kept = stream.order is None and type(view) is View and len(stream.ts) * PLACES_PER_ROW >= places
    if not is_kept:
        return find_runs(stream.profile, stream.ts)
    known = view.table.runs
    if stream.name not in known:
        known[stream.name] = find_runs(stream.profile, stream.ts)
    found: Runs = known[stream.name]
    return found


def find_runs(profile: Rows, ts: Ints) -> Runs:
    if not len(profile):
        return Runs(profile, np.zeros(1, np.int32), 0, 0)
    begins = np.flatnonzero(profile[1:] != profile[:-1]) + 1
    first = np.empty(len(begins) + 2, np.int32)
    first[0], first[1:-1], first[-1] = 0, begins, len(profile)
    return Runs(np.ascontiguousarray(profile[first[:-1]], np.int32), first, int(ts.min()), int(ts.max()))


ITEMS: WeakKeyDictionary[Column, Rows] = WeakKeyDictionary()


def item_runs(runs: Runs, row: Ints, column: Column | None) -> Rows:
    """The first item of each run, given the ascending row of every item; kept for a `column` whose items they are."""
    found = None if column is None else ITEMS.get(column)
    if found is None or len(found) != len(runs.first):
        found = np.empty(len(runs.first), np.int32)
        mark_items(runs.first, np.array(row, np.int64), found)
        if column is not None:
            ITEMS[column] = found
    return found


@kernel
def mark_items(first: Array, row: Array, found: Array) -> None:
    item = 0
    for run in range(len(first)):
        while item < len(row) and row[item] < first[run]:
            item += 1
        found[run] = item
