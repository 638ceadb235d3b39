"""The same engine on ClickHouse: what its questions cost, beside the best query one would write by hand for each."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.compare import NOTHING, agrees, number, shown
from benchmarks.engine.data import Size, batch, slices
from benchmarks.engine.groups import GROUPS
from benchmarks.engine.ours import WORKSPACE
from benchmarks.engine.peers import Peer, Way
from benchmarks.engine.questions import Asked
from benchmarks.engine.report import Table
from benchmarks.engine.timing import Timing, take_turns
from cdp.engine.base import Engine
from cdp.engine.clickhouse.engine import ClickHouseEngine

EMBEDDED, SERVED = "Stratum, embedded", "Stratum on ClickHouse"
MOST = 1.5
NAMED = "ClickHouse"
# What becomes of an answer by hand.
LEFT, BROUGHT = "left there", "brought here"
Timings = Mapping[tuple[str, str], Timing]


@dataclass(frozen=True)
class Served:
    """`rate`: rows a second of the load, None when an earlier run did it. `size`: bytes on disk."""

    engine: ClickHouseEngine
    rate: float | None
    size: int


def served(events: Path, folder: Path, size: Size) -> Served:
    """In the process of the peer, which can have one ClickHouse only."""
    name = "stratum_" + size.label.replace("-", "_")
    engine = ClickHouseEngine(f"clickhouse:///{name}?path={(folder / NAMED.lower()).resolve()}", WORKSPACE)
    if engine.stored().events == size.events:
        return Served(engine, None, engine.stored().bytes)
    with engine.rebuilding(10) as draft:
        seconds = sum(stored(draft, part, place) for place, part in enumerate(slices(events)))
    engine.server.change("OPTIMIZE TABLE event FINAL", {})  # as the tables by hand are, and as its merges leave it
    return Served(engine, size.events / seconds, engine.stored().bytes)


def stored(engine: Engine, part: object, place: int) -> float:
    """Seconds for one slice, from parsed events to committed rows."""
    ready = batch(part)  # type: ignore[arg-type]  # a pyarrow.Table, which has no types
    begun = time.perf_counter()
    with engine.writing(10) as writer:
        writer.append(ready)
        writer.commit({"slice": place})
    return time.perf_counter() - begun


def side_by_side(ours: Engine, other: Served, peer: Peer, size: Size) -> Table:
    """One row per question, and what loading took."""
    rows = [row(question, ours, other.engine, peer) for group in GROUPS.values() for question in group]
    about = (
        f"Medians in milliseconds, minima in brackets. {NAMED} {peer.version} in this process, on all cores. What both "
        "engines answer comes into the process by ascending profile; what is asked by hand is left in ClickHouse, or "
        "brought here in no order."
    )
    rate = f"{other.rate:,.0f} rows/s (100,000 wanted)" if other.rate else "as an earlier run left it"
    told = f"Loaded by Stratum: {rate}, {other.size / size.events:.1f} bytes an event on disk."
    bar = f"(at most {MOST}× wanted)"
    head = [
        "question",
        EMBEDDED,
        SERVED,
        "by hand, left there",
        "by hand, brought here",
        f"ratio to those left there {bar}",
        "ratio to those brought here",
    ]
    return Table("The engine on ClickHouse", f"{about} {told}", head, rows)


def row(question: Asked, ours: Engine, other: Engine, peer: Peer) -> list[str]:
    answers = question.columns(question.ask(ours))
    refused: dict[str, str] = {}
    ways = {way.name: way for way in peer.ways(question) if agrees(question, answers, peer, way, refused)}
    alike = Way(SERVED, lambda: question.ask(other), lambda: question.columns(question.ask(other)))
    assert agrees(question, answers, peer, alike, refused)
    left = {(name, LEFT): way.run for name, way in ways.items()}
    brought = {(name, BROUGHT): way.bring for name, way in ways.items() if way.bring is not None}
    timings = take_turns({(EMBEDDED, ""): lambda: question.ask(ours), (SERVED, ""): alike.run} | left | brought)
    print(f"{question.key}: {said(timings)}", flush=True)
    mine = timings[SERVED, ""]
    best = [quickest(timings, how) for how in (LEFT, BROUGHT)]
    ratios = [f"{mine.median / timings[one].median:.1f}×" if one else "" for one in best]
    by_hand = [f"{shown(timings[one])} {one[0]}" if one else NOTHING for one in best]
    return [question.title, shown(timings[EMBEDDED, ""]), shown(mine), *by_hand, *ratios]


def quickest(timings: Timings, how: str) -> tuple[str, str] | None:
    return min((one for one in timings if one[1] == how), key=lambda one: timings[one].median, default=None)


def said(timings: Timings) -> str:
    return ", ".join(f"{' '.join(name).strip()} {number(one.median)}" for name, one in timings.items())
