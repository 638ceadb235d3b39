"""Counts and times of a funnel by bucket of entry, or by group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cdp.engine.base import FunnelAnswer, FunnelSpec, Ints, StepAnswer
from cdp.engine.columnar.plain import count_plain
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Side, Snapshot
from cdp.engine.columnar.step_streams import table_of
from cdp.engine.columnar.walk import ROWS_PER_RANGE, Track, by_steps, skipped, tracks_of

Buckets = NDArray[np.int16]
UNGROUPED: Buckets = np.empty(0, np.int16)


@dataclass(frozen=True, eq=False)
class Tally:
    """counts: (buckets, steps + 1) by depth. still_open: (buckets,). took[k]: the durations of step k of all who did
    it, took[0] those from entry to completion; `took_in`: the buckets of the same."""

    counts: Ints
    still_open: Ints
    took: list[Ints]
    took_in: list[Buckets]


def plain_answers(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> list[FunnelAnswer]:
    """The plain funnel of the entries of each bucket, all in one pass. edges: of the buckets, within the range."""
    tallies = []
    clipped = np.clip(np.array(edges, np.int64), max(spec.start, snapshot.floor), min(spec.end, as_of + 1))
    for side in snapshot.sides:
        tallies += tally_side(side, tracks_of(side, spec, as_of), spec, clipped, as_of)
    return answers(tallies, len(spec.steps), len(edges) - 1)


def tally_side(
    side: Side,
    tracks: Sequence[Track],
    spec: FunnelSpec,
    edges: Ints,
    as_of: int,
    group: Buckets = UNGROUPED,
    groups: int = 0,
) -> list[Tally]:
    """By buckets of entry between `edges`, or by the `group` of each place in the side."""
    buckets = groups or len(edges) - 1
    held = by_steps(side, tracks, spec.steps)
    streams, skip, steps = table_of(held), skipped(side, spec), len(held)

    def work(low: int, high: int) -> Tally:
        counts, still_open = np.zeros((buckets, steps + 1), np.int64), np.zeros(buckets, np.int64)
        # Nobody counts more often than there are rows, apart from the last one with rows beyond the range.
        size = high - low + len(edges) if spec.timed else 0
        took, took_in, used = np.empty((steps, size), np.int64), np.empty((steps, size), np.int16), np.zeros(steps, int)
        bounds = (low, high, edges, group, spec.window, as_of, spec.timed)
        count_plain(streams, skip, *bounds, counts, still_open, took, took_in, used)
        ends = list(enumerate(used.tolist()))
        return Tally(counts, still_open, [took[k, :n] for k, n in ends], [took_in[k, :n] for k, n in ends])

    return spread(work, len(held[0].ts), ROWS_PER_RANGE)


def whole_answer(tallies: Sequence[Tally], steps: int) -> FunnelAnswer:
    """Of all buckets as one."""
    summed = [
        replace(one, counts=one.counts.sum(axis=0, keepdims=True), still_open=one.still_open.sum(keepdims=True))
        for one in tallies
    ]
    return answers(summed, steps, 1)[0]


def answers(tallies: Sequence[Tally], steps: int, buckets: int) -> list[FunnelAnswer]:
    counts = sum((one.counts for one in tallies), np.zeros((buckets, steps + 1), np.int64))
    still_open = sum((one.still_open for one in tallies), np.zeros(buckets, np.int64))
    reached = counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    middles = [middles_by_bucket(tallies, step, buckets) for step in range(steps)]
    return [
        FunnelAnswer(
            steps=tuple(
                StepAnswer(count, *(middles[step][bucket] if step else (None, None)))
                for step, count in enumerate(reached[bucket].tolist())
            ),
            converted=int(reached[bucket, -1]),
            in_progress=int(still_open[bucket]),
            average_us=middles[0][bucket][0],
            median_us=middles[0][bucket][1],
        )
        for bucket in range(buckets)
    ]


def middles_by_bucket(tallies: Sequence[Tally], step: int, buckets: int) -> list[tuple[float | None, float | None]]:
    if not tallies:
        return [(None, None)] * buckets
    took = np.concatenate([one.took[step] for one in tallies])
    if buckets == 1:
        return [middle(took)]
    took_in = np.concatenate([one.took_in[step] for one in tallies])
    order = np.argsort(took_in, kind="stable")
    cuts = np.searchsorted(took_in[order], np.arange(1, buckets))
    return [middle(part) for part in np.split(took[order], cuts)]


def middle(durations: Ints) -> tuple[float | None, float | None]:
    """Average and median."""
    size = len(durations)
    if not size:
        return None, None
    half = size // 2
    if size % 2:
        return int(durations.sum()) / size, float(np.partition(durations, half)[half])
    around = np.partition(durations, (half - 1, half))[half - 1 : half + 1]
    return int(durations.sum()) / size, float(around.sum() / 2)
