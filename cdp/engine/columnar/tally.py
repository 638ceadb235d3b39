"""Counts and times of a level funnel by bucket of entry, or by group, without a row for anybody."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cdp.engine.arrays import Ints
from cdp.engine.columnar import chains
from cdp.engine.columnar.level_attempts import count_attempts
from cdp.engine.columnar.plain import count_plain
from cdp.engine.columnar.pool import spread
from cdp.engine.columnar.snapshot import Side, Snapshot
from cdp.engine.columnar.step_streams import table_of
from cdp.engine.columnar.walk import ROWS_PER_RANGE, Track, Walked, by_steps, skipped, tracks_of, walk_people
from cdp.engine.funnels import FunnelAnswer, FunnelSpec, StepAnswer

Buckets = NDArray[np.int16]
UNGROUPED: Buckets = np.empty(0, np.int16)
NOBODY = np.empty(0, np.int32)


@dataclass(frozen=True, eq=False)
class Tally:
    """counts: (buckets, steps + 1) by depth. still_open: (buckets,). took[k]: the durations of step k of all who did
    it, took[0] those from entry to completion; `took_in`: the buckets of the same."""

    counts: Ints
    still_open: Ints
    took: list[Ints]
    took_in: list[Buckets]


@dataclass(frozen=True, eq=False)
class Room:
    """Of one call of a kernel. took, took_in: (most durations, steps), used: (steps,) how many."""

    scratch: Ints
    counts: Ints
    still_open: Ints
    took: Ints
    took_in: Buckets
    used: Ints

    def arrays(self) -> tuple[Ints, Ints, Ints, Ints, Buckets, Ints]:
        return self.scratch, self.counts, self.still_open, self.took, self.took_in, self.used

    def tally(self) -> Tally:
        ends = list(enumerate(self.used.tolist()))
        took = [self.took[:used, step] for step, used in ends]
        return Tally(self.counts, self.still_open, took, [self.took_in[:used, step] for step, used in ends])


def make_room(steps: int, buckets: int, most: int) -> Room:
    return Room(
        np.zeros((chains.WIDTH, steps), np.int64),
        np.zeros((buckets, steps + 1), np.int64),
        np.zeros(buckets, np.int64),
        np.empty((most, steps), np.int64),
        np.empty((most, steps), np.int16),
        np.zeros(steps, np.int64),
    )


def level_answers(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> list[FunnelAnswer]:
    """The funnel of the entries, or attempts, of each bucket, all in one pass. edges: of the buckets."""
    tallies = []
    bounds = max(spec.start, snapshot.floor), min(spec.end, as_of + 1)
    clipped = np.clip(np.array(edges, np.int64), *bounds)
    for side in snapshot.sides:
        tallies += tally_side(side, tracks_of(side, spec, as_of), spec, bounds, clipped, as_of)
    return answers(tallies, len(spec.steps), len(edges) - 1)


def tally_side(
    side: Side,
    tracks: Sequence[Track],
    spec: FunnelSpec,
    bounds: tuple[int, int],
    edges: Ints,
    as_of: int,
    group: Buckets = UNGROUPED,
    groups: int = 0,
) -> list[Tally]:
    """By buckets of entry between `edges`, or by the `group` of each place in the side. bounds: of all entries."""
    buckets = groups or len(edges) - 1
    held = by_steps(side, tracks, spec.steps)
    streams, skip, steps = table_of(held), skipped(side, spec), len(held)
    table, limits = streams.ctypes.data, (edges, group, spec.window, as_of)

    def room_for(low: int, high: int) -> Room:
        # Nobody counts more often than there are rows, apart from the last one with rows beyond the range.
        return make_room(steps, buckets, high - low + len(edges) if spec.timed else 0)

    def users(low: int, high: int) -> tuple[Tally, NDArray[np.int32]]:
        room = room_for(low, high)
        count_plain(table, steps, skip, low, high, *limits, *room.arrays())
        return room.tally(), NOBODY

    def attempts(low: int, high: int) -> tuple[Tally, NDArray[np.int32]]:
        room, tied = room_for(low, high), np.empty(min(high - low, len(side.ids)), np.int32)
        left_out = count_attempts(table, steps, skip, low, high, *bounds, *limits, *room.arrays(), tied)
        return room.tally(), tied[:left_out]

    parts = spread(attempts if spec.counting == "totals" else users, len(held[0].ts), ROWS_PER_RANGE)
    tallies, people = [tally for tally, _ in parts], np.concatenate([NOBODY, *(tied for _, tied in parts)])
    if len(people):
        rest = walk_people(side, people, tracks, spec, (*bounds, as_of))
        tallies.append(tally_rows(rest, edges, group, buckets))
    return tallies


def tally_rows(walked: Walked, edges: Ints, group: Buckets, buckets: int) -> Tally:
    """Of attempts that were listed after all."""
    steps = walked.times.shape[1]
    bucket = group[walked.place].astype(np.int64) if len(group) else np.searchsorted(edges, walked.opened, "right") - 1
    rows = np.flatnonzero((bucket >= 0) & (bucket < buckets))
    walked, bucket = walked.take(rows), bucket[rows]
    counts, still_open = np.zeros((buckets, steps + 1), np.int64), np.zeros(buckets, np.int64)
    np.add.at(counts, (bucket, walked.depth), 1)
    np.add.at(still_open, bucket, walked.still_open)
    took, took_in = [], []
    for start, end in [(0, steps - 1), *((step - 1, step) for step in range(1, steps))]:
        did = np.flatnonzero(walked.depth > end)
        took.append(walked.times[did, end] - walked.times[did, start])
        took_in.append(bucket[did].astype(np.int16))
    return Tally(counts, still_open, took, took_in)


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
    middles = middles_by_step(tallies, steps, buckets)
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


def middles_by_step(
    tallies: Sequence[Tally], steps: int, buckets: int
) -> list[list[tuple[float | None, float | None]]]:
    """Side by side where there are any times."""

    def work(low: int, high: int) -> list[list[tuple[float | None, float | None]]]:
        return [middles_by_bucket(tallies, step, buckets) for step in range(low, high)]

    is_timed = any(len(took) for tally in tallies for took in tally.took)
    return [one for part in spread(work, steps, 1 if is_timed else steps) for one in part]


def middles_by_bucket(tallies: Sequence[Tally], step: int, buckets: int) -> list[tuple[float | None, float | None]]:
    took = np.concatenate([one.took[step] for one in tallies]) if tallies else np.empty(0, np.int64)
    if not len(took):
        return [(None, None)] * buckets
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
