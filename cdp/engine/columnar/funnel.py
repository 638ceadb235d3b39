"""The funnel questions over a snapshot: counts and times from the rows of the walk."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.columnar.breakdown import Grouped, grouped, refuse_breakdown
from cdp.engine.columnar.plain_breakdown import can_tally, tally_groups
from cdp.engine.columnar.snapshot import Snapshot
from cdp.engine.columnar.tally import level_answers, middle
from cdp.engine.columnar.walk import Walked, is_level, refuse, together, tracks_of, walk, walk_tracks
from cdp.engine.errors import NotSupported
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople, FunnelSpec, Group, StepAnswer


def funnel(snapshot: Snapshot, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
    refuse(spec)
    if spec.breakdown is None:
        return whole_answer(snapshot, spec, as_of)
    refuse_breakdown(spec, spec.breakdown)
    if can_tally(spec, spec.breakdown):
        return tally_groups(snapshot, spec, spec.breakdown, as_of)
    found = grouped(snapshot, spec, spec.breakdown, as_of)
    whole = whole_answer(snapshot, spec, as_of) if found.whole is None else answer(found.whole, spec.timed)
    return replace(whole, breakdown=group_answers(found, spec.timed))


def group_answers(found: Grouped, is_timed: bool) -> tuple[Group, ...]:
    pairs = zip(found.groups, found.parts(), strict=True)
    return tuple(Group(value, answer(part, is_timed)) for value, part in pairs)


def whole_answer(snapshot: Snapshot, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
    if is_level(spec):
        return level_answers(snapshot, spec, (spec.start, spec.end), as_of)[0]
    return answer(walk(snapshot, spec, as_of), spec.timed)


def answer(walked: Walked, is_timed: bool) -> FunnelAnswer:
    steps = walked.times.shape[1]
    reached = [np.flatnonzero(walked.depth > step) for step in range(steps)]
    average, median = took(walked, reached[-1], 0, steps - 1) if steps > 1 and is_timed else (None, None)
    return FunnelAnswer(
        steps=tuple(step_answer(walked, rows, step, is_timed) for step, rows in enumerate(reached)),
        converted=len(reached[-1]),
        in_progress=int(np.count_nonzero(walked.still_open)),
        average_us=average,
        median_us=median,
    )


def step_answer(walked: Walked, rows: Ints, step: int, is_timed: bool) -> StepAnswer:
    if step == 0 or not is_timed:
        return StepAnswer(len(rows), None, None)
    return StepAnswer(len(rows), *took(walked, rows, step - 1, step))


def took(walked: Walked, rows: Ints, start: int, end: int) -> tuple[float | None, float | None]:
    """Average and median time from one step to another of the rows that did both."""
    return middle(walked.times[rows, end] - walked.times[rows, start])


def funnel_people(snapshot: Snapshot, spec: FunnelSpec, as_of: int) -> FunnelPeople:
    refuse(spec)
    if spec.breakdown is None:
        walked = walk(snapshot, spec, as_of)
        return rows(walked.take(np.lexsort((walked.opened, walked.profile))))
    refuse_breakdown(spec, spec.breakdown)
    return grouped_people(grouped(snapshot, spec, spec.breakdown, as_of))


def grouped_people(found: Grouped) -> FunnelPeople:
    walked, group = found.walked, found.group
    rank = group if found.whole is None else np.zeros_like(group)
    order = np.lexsort((walked.opened, rank, walked.profile))
    return replace(rows(walked.take(order)), group=group[order], groups=tuple(found.groups))


def rows(walked: Walked) -> FunnelPeople:
    return FunnelPeople(walked.profile, walked.depth.astype(np.int64), walked.times)


def trend(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
    refuse(spec)
    if spec.breakdown is not None:
        raise NotSupported("A trend cannot be broken down: ask for the people of one value.")
    if any(end <= start for start, end in pairwise(edges)):
        raise NotSupported("The buckets of a trend must follow one another.")
    return tuple(
        Bucket(start, end, end - 1 + spec.window >= as_of, one)
        for (start, end), one in zip(pairwise(edges), bucket_answers(snapshot, spec, edges, as_of), strict=True)
    )


def bucket_answers(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> list[FunnelAnswer]:
    if is_level(spec) and len(edges) > 1:
        return level_answers(snapshot, spec, edges, as_of)
    walks = attempts_by_bucket if spec.counting == "totals" else users_by_bucket
    return [answer(walked, spec.timed) for walked in walks(snapshot, spec, edges, as_of)]


def users_by_bucket(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> list[Walked]:
    """The funnel of the entries of each bucket."""
    sides = [(side, tracks_of(side, spec, as_of)) for side in snapshot.sides]
    asked = [replace(spec, start=max(start, spec.start), end=min(end, spec.end)) for start, end in pairwise(edges)]
    return [
        together([walk_tracks(side, tracks, one, as_of, snapshot.floor) for side, tracks in sides]) for one in asked
    ]


def attempts_by_bucket(snapshot: Snapshot, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> list[Walked]:
    """The attempts of the whole range by their opening."""
    walked = walk(snapshot, spec, as_of)
    bucket = np.searchsorted(np.array(edges, np.int64), walked.opened, side="right") - 1
    return [walked.take(np.flatnonzero(bucket == place)) for place in range(len(edges) - 1)]
