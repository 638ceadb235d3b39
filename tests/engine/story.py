"""Histories in few words: `happen(engine, "7: a@0 b@5 c@5.5")`, times in seconds."""

import itertools
from typing import Any

import numpy as np

from cdp.engine.batches import AttributeBatch, EventBatch
from cdp.engine.funnels import Breakdown, Counting, Exclusion, FunnelSpec, Mode, Step

SECOND = 1_000_000
numbers = itertools.count(1)


def batch(rows: list[tuple[int, int, str, dict[str, Any]]], seqs: list[int] | None = None) -> EventBatch:
    """Rows of (profile, time in µs, name, properties), received when they happened."""
    seqs = seqs or [next(numbers) for _ in rows]
    ts = np.array([row[1] for row in rows], np.int64)
    return EventBatch(
        seq=np.array(seqs, np.int64),
        profile=np.array([row[0] for row in rows], np.int64),
        ts=ts,
        received=ts,
        name=[row[2] for row in rows],
        kind=np.zeros(len(rows), np.uint8),
        properties=[row[3] for row in rows],
    )


def attribute(profile: int, name: str, value: Any, ts: int) -> AttributeBatch:
    return AttributeBatch(np.array([profile]), [name], [value], np.array([ts]))


def at(seconds: float | str) -> int:
    return round(float(seconds) * SECOND)


def rows_of(line: str) -> list[tuple[int, int, str, dict[str, Any]]]:
    """`7: a@0 b@5/price=3`: profile 7 does a at 0 s, then b with a price at 5 s."""
    profile, events = line.split(":")
    rows = []
    for word in events.split():
        word, _, given = word.partition("/")
        name, when = word.split("@")
        key, _, value = given.partition("=")
        rows.append((int(profile), at(when), name, {key: float(value)} if given else {}))
    return rows


def happen(engine: Any, *lines: str) -> None:
    rows = [row for line in lines for row in rows_of(line)]
    with engine.writing(1) as writer:
        writer.append(batch(rows))
        writer.commit({})


def funnel(
    *steps: str | Step,
    window: float = 100,
    start: float = 0,
    end: float = 1_000,
    profiles: set[int] | None = None,
    mode: Mode = "ordered",
    counting: Counting = "unique",
    without: tuple[tuple[str, int, int], ...] = (),
    breakdown: Breakdown | None = None,
) -> FunnelSpec:
    """`without`: exclusions as (event, after, before)."""
    return FunnelSpec(
        steps=tuple(step if isinstance(step, Step) else Step((step,)) for step in steps),
        mode=mode,
        window=at(window),
        counting=counting,
        start=at(start),
        end=at(end),
        exclusions=tuple(Exclusion((event,), None, after, before) for event, after, before in without),
        profiles=None if profiles is None else np.array(sorted(profiles), np.int64),
        breakdown=breakdown,
    )
