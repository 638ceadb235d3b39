"""Funnels: ClickHouse finds, filters and sorts the events that serve steps; the kernels of both engines follow them.

What crosses the wire is 32 bytes for each event that serves a step, and no properties.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from cdp.engine.arrays import Ints
from cdp.engine.clickhouse.filters import Scope
from cdp.engine.clickhouse.server import Server
from cdp.engine.clickhouse.state import Head
from cdp.engine.clickhouse.statements import Statement
from cdp.engine.columnar.funnel import answer, rows
from cdp.engine.columnar.snapshot import Side
from cdp.engine.columnar.walk import Track, Walked, refuse, targets, walk_tracks
from cdp.engine.errors import NotSupported
from cdp.engine.events import ANY_EVENT
from cdp.engine.funnels import Bucket, FunnelAnswer, FunnelPeople, FunnelSpec


def funnel(server: Server, head: Head, spec: FunnelSpec, as_of: int) -> FunnelAnswer:
    return answer(walk(server, head, spec, as_of), spec.timed)


def funnel_people(server: Server, head: Head, spec: FunnelSpec, as_of: int) -> FunnelPeople:
    walked = walk(server, head, spec, as_of)
    return rows(walked.take(np.lexsort((walked.opened, walked.profile))))


def trend(server: Server, head: Head, spec: FunnelSpec, edges: Sequence[int], as_of: int) -> tuple[Bucket, ...]:
    refuse_all(spec)
    if any(end <= start for start, end in pairwise(edges)):
        raise NotSupported("The buckets of a trend must follow one another.")
    side, tracks = marks(server, head, spec, as_of)
    by_bucket = attempts_by_bucket if spec.counting == "totals" else users_by_bucket
    found = by_bucket(side, tracks, spec, edges, as_of, head.floor)
    return tuple(
        Bucket(start, end, end - 1 + spec.window >= as_of, answer(walked, spec.timed))
        for (start, end), walked in zip(pairwise(edges), found, strict=True)
    )


def users_by_bucket(
    side: Side, tracks: Sequence[Track], spec: FunnelSpec, edges: Sequence[int], as_of: int, floor: int
) -> list[Walked]:
    asked = [replace(spec, start=max(start, spec.start), end=min(end, spec.end)) for start, end in pairwise(edges)]
    return [walk_tracks(side, tracks, one, as_of, floor) for one in asked]


def attempts_by_bucket(
    side: Side, tracks: Sequence[Track], spec: FunnelSpec, edges: Sequence[int], as_of: int, floor: int
) -> list[Walked]:
    walked = walk_tracks(side, tracks, spec, as_of, floor)
    bucket = np.searchsorted(np.array(edges, np.int64), walked.opened, side="right") - 1
    return [walked.take(np.flatnonzero(bucket == place)) for place in range(len(edges) - 1)]


def walk(server: Server, head: Head, spec: FunnelSpec, as_of: int) -> Walked:
    refuse_all(spec)
    return walk_tracks(*marks(server, head, spec, as_of), spec, as_of, head.floor)


def refuse_all(spec: FunnelSpec) -> None:
    refuse(spec)
    if spec.breakdown is not None:
        raise NotSupported("ClickHouse cannot break a funnel down so far.")


def marks(server: Server, head: Head, spec: FunnelSpec, as_of: int) -> tuple[Side, list[Track]]:
    """The events that matter, as the kernels read them: one track per event name."""
    start, last = max(spec.start, head.floor), min(spec.end - 1 + spec.window, as_of)
    names = names_of(server, head, spec, as_of)
    asked = head.question("funnel_marks", as_of, everything="1" if spec.mode == "strict" else "0")
    scope = Scope(server, head, as_of, start, last)
    asked.parts["bits"] = bits_of(spec, scope, asked)
    asked.parts["asked"] = asked_profiles(spec, asked)
    asked.parameters |= {"names": names, "start": start, "last": last}
    track, profile, ts, bits = server.columns(asked.text, asked.parameters)
    ids, place = np.unique(profile, return_inverse=True)
    side = Side(ids, np.zeros(len(ids), np.uint8), lambda name: None, frozenset())
    cuts = np.searchsorted(track, np.arange(1, len(names) + 2))
    return side, [
        Track(
            serves(spec, name),
            place[low:high].astype(np.int32),
            np.ascontiguousarray(ts[low:high]),
            bits[low:high].astype(np.uint32),
        )
        for name, (low, high) in zip(names, pairwise(cuts), strict=True)
        if low < high
    ]


def names_of(server: Server, head: Head, spec: FunnelSpec, as_of: int) -> list[str]:
    """For neighbours in the whole timeline, and for "any event", these are all that happened."""
    wanted = {name for one in targets(spec) for name in one.events}
    if ANY_EVENT not in wanted and spec.mode != "strict":
        return sorted(wanted)
    asked = head.question("names", as_of)
    return [name for (name,) in server.rows(asked.text, asked.parameters)]


def serves(spec: FunnelSpec, name: str) -> tuple[int, ...]:
    return tuple(bit for bit, one in enumerate(targets(spec)) if name in one.events or ANY_EVENT in one.events)


def bits_of(spec: FunnelSpec, scope: Scope, statement: Statement) -> str:
    terms = []
    for bit, one in enumerate(targets(spec)):

        def named(of: Statement, events: Sequence[str] = one.events) -> str:
            return "1" if ANY_EVENT in events else f"has({of.bind(list(events), 'Array(String)')}, name)"

        where = "1" if one.where is None else scope.condition(one.where, named, statement)
        terms.append(f"if({named(statement)} AND {where}, {1 << bit}, 0)")
    return f"({' + '.join(terms)})"


def asked_profiles(spec: FunnelSpec, statement: Statement) -> str:
    if spec.profiles is None:
        return "1"
    profiles: Ints = spec.profiles
    return f"profile IN {statement.bind(profiles.tolist(), 'Array(Int64)')}"
