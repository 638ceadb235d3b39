"""Compiling the kernels ahead of the first question."""

from collections.abc import Sequence
from typing import get_args

import numpy as np

from cdp.engine.columnar.jit import sweep
from cdp.engine.columnar.labels import Labels
from cdp.engine.columnar.plain_breakdown import entrants
from cdp.engine.columnar.snapshot import Piece, Side, Stream
from cdp.engine.columnar.table import EMPTY, View
from cdp.engine.columnar.tally import tally_side
from cdp.engine.columnar.touches import touched, values_at
from cdp.engine.columnar.walk import tracks_of, walk_side
from cdp.engine.columnar.warm_profiles import warm_profiles
from cdp.engine.funnels import Counting, FunnelSpec, Step


def warm(countings: Sequence[Counting] = get_args(Counting)) -> None:
    """Compile the kernels for these countings, or find them on disk.

    Once per machine: about 10 s for unique users and another 50 s for total events; then well under a second. With all
    countings also those of the questions about each profile.
    """
    piece = Piece(View(EMPTY, 0, 0), None)
    stream = Stream("event", np.zeros(2, np.int32), np.arange(2), [piece], None)
    side = Side(np.zeros(1, np.int64), np.zeros(1, np.uint8), lambda name: stream, frozenset(["event", "other"]))
    for steps in ((Step(("event",)),), (Step(("event",)), Step(("event",)))):
        for counting in countings:
            spec = FunnelSpec(steps, "ordered", 1, counting, 0, 2)
            walk_side(side, spec, as_of=2, floor=0)
            tracks = tracks_of(side, spec, as_of=2)
            tally_side(side, tracks, spec, (0, 2), np.array([0, 2]), as_of=2)
            entrants(side, tracks, spec, 0, 2)
    strict = FunnelSpec((Step(("event",)), Step(("other",))), "strict", 1, "unique", 0, 2)
    walk_side(side, strict, as_of=2, floor=0)
    touched([], np.empty(0, np.int32), (0, 1), False, Labels())
    values_at([], np.empty(0, np.int32), np.empty(0, np.int64), Labels())
    if set(countings) == set(get_args(Counting)):
        warm_profiles()
    sweep()
