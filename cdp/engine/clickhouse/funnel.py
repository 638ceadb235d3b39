"""Funnels: the kernels of both engines follow the events that ClickHouse finds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from cdp.engine.clickhouse.breakdown import grouped, walk
from cdp.engine.clickhouse.levels import can_count, count_levels
from cdp.engine.clickhouse.marks import Asked, Marks, read_marks
from cdp.engine.columnar.breakdown import refuse_breakdown
from cdp.engine.columnar.funnel import answer, group_answers, grouped_people, rows
from cdp.engine.columnar.walk import Walked, refuse, walk_tracks
from cdp.engine.errors import NotSupported
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople


def funnel(asked: Asked) -> FunnelAnswer:
    refuse(asked.spec)
    breakdown, is_timed = asked.spec.breakdown, asked.spec.timed
    if breakdown is not None:
        refuse_breakdown(asked.spec, breakdown)
    if can_count(asked.spec):
        return count_levels(asked)
    if breakdown is None:
        return answer(walk(asked, read_marks(asked)), is_timed)
    found, whole = grouped(asked, breakdown)
    return replace(answer(whole, is_timed), breakdown=group_answers(found, is_timed))


def funnel_people(asked: Asked) -> FunnelPeople:
    refuse(asked.spec)
    if asked.spec.breakdown is None:
        walked = walk(asked, read_marks(asked))
        return rows(walked.take(np.lexsort((walked.opened, walked.profile))))
    refuse_breakdown(asked.spec, asked.spec.breakdown)
    return grouped_people(grouped(asked, asked.spec.breakdown)[0])


def trend(asked: Asked, edges: Sequence[int]) -> tuple[Bucket, ...]:
    refuse(asked.spec)
    if asked.spec.breakdown is not None:
        raise NotSupported("A trend cannot be broken down: ask for the people of one value.")
    if any(end <= start for start, end in pairwise(edges)):
        raise NotSupported("The buckets of a trend must follow one another.")
    spec, as_of = asked.spec, asked.as_of
    by_bucket = attempts_by_bucket if spec.counting == "totals" else users_by_bucket
    found = by_bucket(asked, read_marks(asked), edges)
    return tuple(
        Bucket(start, end, end - 1 + spec.window >= as_of, answer(walked, spec.timed))
        for (start, end), walked in zip(pairwise(edges), found, strict=True)
    )


def users_by_bucket(asked: Asked, marks: Marks, edges: Sequence[int]) -> list[Walked]:
    spec = asked.spec
    buckets = [replace(spec, start=max(start, spec.start), end=min(end, spec.end)) for start, end in pairwise(edges)]
    return [walk_tracks(marks.side, marks.tracks, one, asked.as_of, asked.head.floor) for one in buckets]


def attempts_by_bucket(asked: Asked, marks: Marks, edges: Sequence[int]) -> list[Walked]:
    walked = walk(asked, marks)
    bucket = np.searchsorted(np.array(edges, np.int64), walked.opened, side="right") - 1
    return [walked.take(np.flatnonzero(bucket == place)) for place in range(len(edges) - 1)]
