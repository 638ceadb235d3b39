"""What only our engine is measured by: changes while questions are asked, memory, disk, and how cost grows."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.compare import number, shown
from benchmarks.engine.data import END, SHOP, Size, arrivals, batch, events_file
from benchmarks.engine.ours import WORKSPACE, Loaded, loaded
from benchmarks.engine.processes import Probe, probe
from benchmarks.engine.questions import funnel, totals
from benchmarks.engine.report import Table
from benchmarks.engine.timing import milliseconds, take_turns, timing
from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.engine.columnar.walk import by_steps, tracks_of

THREADS = os.cpu_count() or 1
ARRIVALS = 1_000
MEGABYTE = 10**6


def appending(ours: Loaded, size: Size, rounds: int = 9) -> Table:
    """Small batches into a copy (of links: files never change), the funnel after each, and the plain one in turns."""
    copy = Path(f"{ours.folder}-appending")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ours.folder, copy, copy_function=os.link)
    engine = open_engine(f"columnar://{copy}", WORKSPACE)
    engine.funnel(funnel(), END)
    taken = [round_of(engine, ours.engine, size, number) for number in range(rounds)]
    shutil.rmtree(copy)
    stored, after, plain = (timing([one[place] for one in taken]) for place in range(3))
    return Table(
        "Append and ask",
        f"{ARRIVALS:,} events of all users appended, and the 5-step funnel of 180 days right after, which counts them.",
        ["", "ms"],
        [
            ["append, durable", shown(stored)],
            ["the funnel right after", shown(after)],
            ["the plain funnel", shown(plain)],
            ["ratio of medians (at most 1.3× wanted)", f"{after.median / plain.median:.2f}×"],
            ["from stored to counted, worst round (under 100 ms wanted)", f"{max(one[1] for one in taken):.1f}"],
        ],
    )  # fmt: skip


def round_of(engine: Engine, plain: Engine, size: Size, number: int) -> tuple[float, ...]:
    """Milliseconds of the append, of the funnel after it, and of the funnel where nothing was appended."""
    ready = batch(arrivals(size, ARRIVALS, number))

    def append() -> None:
        with engine.writing(10) as writer:
            writer.append(ready)
            writer.commit({"round": number})

    return tuple(milliseconds(run) for run in (append, lambda: ask(engine), lambda: ask(plain)))


def ask(engine: Engine) -> Any:
    return engine.funnel(funnel(), END)


def reading(ours: Loaded) -> Table:
    """How far the funnel is from its floor, memory that has to be read once, and what the rest is spent on."""
    assert isinstance(ours.engine, ColumnarEngine)
    columns = touched(ours.engine)
    empty = replace(funnel(), start=END, end=END + 1)
    taken = take_turns(
        {
            "read": lambda: read(columns),
            "nothing": lambda: ours.engine.funnel(funnel(names=[f"no_such_{name}" for name in SHOP]), END),
            "nobody": lambda: ours.engine.funnel(empty, END + 1),
            "funnel": lambda: ask(ours.engine),
        }
    )
    size = sum(column.nbytes for column in columns) / MEGABYTE
    ratio = taken["funnel"].median / taken["read"].median
    return Table(
        "The floor",
        "Reading what the funnel touches once, on all cores, against its answer: times of all steps, profiles of the "
        "first one, and where each profile begins in the others.",
        ["", "ms"],
        [
            [f"read {size:,.0f} MB once", shown(taken["read"])],
            ["5 steps, 7-day window, 180 days", shown(taken["funnel"])],
            ["distance", f"{ratio:.1f}×"],
            ["of it, what a question costs that no event answers", shown(taken["nothing"])],
            ["of it, going from person to person, where nobody enters in the range", shown(taken["nobody"])],
            ["the rest: following chains", number(taken["funnel"].median - taken["nobody"].median)],
        ],
    )


def touched(engine: ColumnarEngine) -> list[NDArray[Any]]:
    ask(engine)
    side, columns = engine.snapshot().base_side, []
    for step, track in enumerate(by_steps(side, tracks_of(side, funnel(), END), funnel().steps)):
        columns += [track.ts, track.profile if step == 0 or track.begins is None else track.begins]
    return columns


def read(columns: list[NDArray[Any]]) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        parts = [part for column in columns for part in np.array_split(column, 4 * THREADS)]
        list(threads.map(lambda part: part.max(initial=0), parts))


def memory(ours: Loaded, size: Size) -> Table:
    found, stored = probe(ours, size.names), ours.engine.stored()
    return Table(
        f"Memory and disk, {size.names:,} names",
        "A process that has asked about every name, beside another one that did the same.",
        ["", ""],
        [
            ["first funnel of a fresh process, interpreter and imports included", f"{found.first:.2f} s"],
            ["index of its own", f"{found.index / MEGABYTE:.0f} MB"],
            ["peak of the process, mapped files included", f"{found.peak / MEGABYTE:,.0f} MB"],
            ["mapped files resident / its share of two processes", shared(found)],
            ["on disk", f"{stored.bytes / stored.events:.1f} bytes an event, {stored.files} files"],
        ],
    )


def shared(found: Probe) -> str:
    return f"{found.resident / MEGABYTE:,.0f} / {found.share / MEGABYTE:,.0f} MB"


def growth(folder: Path, sizes: list[Size]) -> Table:
    return Table(
        "How cost grows",
        "Medians; the last columns in brackets are microseconds per thousand events: equal when cost is linear.",
        [
            "events",
            "load, events/s",
            "bytes an event",
            "index, MB",
            "peak, MB",
            "5-step funnel, ms",
            "total events, ms",
        ],
        [grown(folder, size) for size in sizes],
    )


def grown(folder: Path, size: Size) -> list[str]:
    ours = loaded(events_file(folder, size), folder, size)
    found, stored = probe(ours, size.names), ours.engine.stored()
    taken = take_turns(
        {
            "funnel": lambda: ours.engine.funnel(funnel(), END),
            "totals": lambda: ours.engine.funnel(totals(funnel()), END),
        }
    )
    rate = f"{size.events / ours.seconds:,.0f}" if ours.seconds else "loaded before"
    costs = [f"{one.median:.1f} ({one.median * 1_000_000 / size.events:.2f})" for one in taken.values()]
    print(f"{size.events:,}: {rate}, {costs}", flush=True)
    index, peak = (f"{value / MEGABYTE:,.0f}" for value in (found.index, found.peak))
    return [f"{size.events:,}", rate, f"{stored.bytes / stored.events:.1f}", index, peak, *costs]
