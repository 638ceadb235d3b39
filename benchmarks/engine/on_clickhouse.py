"""The same engine on ClickHouse: what its questions cost, beside the best query one would write by hand for each."""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine.compare import agrees, number, shown
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
    about = f"Medians in milliseconds, minima in brackets. {NAMED} {peer.version} in this process, on all cores."
    rate = f"{other.rate:,.0f} rows/s (100,000 wanted)" if other.rate else "as an earlier run left it"
    told = f"Loaded by Stratum: {rate}, {other.size / size.events:.1f} bytes an event on disk."
    head = ["question", f"{EMBEDDED}, ms", f"{SERVED}, ms", "written by hand, ms", f"ratio (at most {MOST}× wanted)"]
    return Table("The engine on ClickHouse", f"{about} {told}", head, rows)


def row(question: Asked, ours: Engine, other: Engine, peer: Peer) -> list[str]:
    answers = question.columns(question.ask(ours))
    refused: dict[str, str] = {}
    ways = {way.name: way for way in peer.ways(question) if agrees(question, answers, peer, way, refused)}
    alike = Way(SERVED, lambda: question.ask(other), lambda: question.columns(question.ask(other)))
    assert agrees(question, answers, peer, alike, refused)
    runs = {EMBEDDED: lambda: question.ask(ours), SERVED: alike.run} | {name: way.run for name, way in ways.items()}
    timings = take_turns(runs)
    mine, served_ = timings.pop(EMBEDDED), timings.pop(SERVED)
    print(f"{question.key}: {mine.median:.1f}, {served_.median:.1f}, {said(timings)}", flush=True)
    return [question.title, shown(mine), shown(served_), *by_hand(served_, timings)]


def by_hand(served_: Timing, timings: dict[str, Timing]) -> tuple[str, str]:
    if not timings:
        return "—", ""
    best = min(timings, key=lambda way: timings[way].median)
    return f"{shown(timings[best])} {best}", f"{served_.median / timings[best].median:.1f}×"


def said(timings: dict[str, Timing]) -> str:
    return ", ".join(f"{name} {number(one.median)}" for name, one in timings.items())
