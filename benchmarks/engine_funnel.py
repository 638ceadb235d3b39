"""How long a funnel takes: `python benchmarks/engine_funnel.py [events] [--folder DIR]`.

Generates users with skewed activity over 180 days from a fixed seed, appends them in chunks of 20,000 parsed events,
and prints medians in milliseconds. Appending includes the compactions that it triggers.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cdp.engine import open_engine, warm
from cdp.engine.base import (
    AttributeBatch,
    Attribution,
    Breakdown,
    ByProperty,
    Engine,
    EventBatch,
    Exclusion,
    FunnelSpec,
    Step,
)
from cdp.engine.predicates import Test

CHUNK = 20_000
DAY = 86_400_000_000
START = 1_750_000_000_000_000
END = START + 180 * DAY
NAMES = ["page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase"]
SHARES = [0.40, 0.22, 0.08, 0.04, 0.03]
OTHERS = [f"event_{number}" for number in range(35)]
PLATFORMS = ["meta", "google", "tiktok", None]


def generate(events: int, seed: int = 7) -> Iterator[EventBatch]:
    """Batches in the order of arrival; users' activity is log-normal, about 20 events each."""
    random = np.random.default_rng(seed)
    users = max(events // 20, 10)
    weights = random.lognormal(0, 1.2, users)
    weights /= weights.sum()
    names = NAMES + OTHERS
    chances = SHARES + [(1 - sum(SHARES)) / len(OTHERS)] * len(OTHERS)
    edges = np.linspace(START, END, events // CHUNK + 2).astype(np.int64)
    for first in range(0, events, CHUNK):
        size = min(CHUNK, events - first)
        low, high = edges[first // CHUNK], edges[first // CHUNK + 1]
        ts = np.sort(random.integers(low, high, size))
        name = [names[place] for place in random.choice(len(names), size, p=chances)]
        yield EventBatch(
            seq=np.arange(first, first + size) + 1,
            profile=random.choice(users, size, p=weights).astype(np.int64) * 3 + 1,
            ts=ts,
            received=ts + 1_000_000,
            name=name,
            kind=np.zeros(size, np.uint8),
            properties=properties(random, name),
        )


def properties(random: np.random.Generator, names: list[str]) -> list[dict[str, Any]]:
    value = np.round(random.gamma(2, 30, len(names)), 2).tolist()
    pick = random.integers(0, 1_000, len(names)).tolist()
    return [
        {"url": f"/p/{place}", "value": amount, "currency": "EUR", "category": f"c{place % 12}"}
        | {"$device": "mobile" if place % 3 else "desktop", "$platform": PLATFORMS[place % 4]}
        | (
            {"order_id": f"o-{place}-{amount}", "products": [{"sku": place, "price": amount}]}
            if name == "purchase"
            else {}
        )
        for name, amount, place in zip(names, value, pick, strict=True)
    ]


def median_ms(question: Callable[[], Any], rounds: int = 15) -> float:
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        question()
        taken.append((time.perf_counter() - begin) * 1_000)
    return statistics.median(taken)


def funnel(days: int, *wheres: tuple[int, Test]) -> FunnelSpec:
    steps = [Step((name,)) for name in NAMES]
    for place, where in wheres:
        steps[place] = Step(steps[place].events, where)
    return FunnelSpec(tuple(steps), "ordered", 7 * DAY, "unique", END - days * DAY, END)


def depths() -> list[tuple[str, FunnelSpec]]:
    """The same five steps asked in every other way."""
    plain = funnel(180)
    excluding = replace(plain, exclusions=(Exclusion(("event_1",), None, 1, 4),))
    return [
        ("totals", replace(plain, counting="totals")),
        ("totals, 30 days", replace(funnel(30), counting="totals")),
        ("exclusion", excluding),
        ("exclusion, totals", replace(excluding, counting="totals")),
        ("strict", replace(plain, mode="strict")),
        ("any order", replace(plain, mode="any_order")),
        ("any order, totals", replace(plain, mode="any_order", counting="totals")),
        *((f"by platform, {how}", replace(plain, breakdown=by)) for how, by in breakdowns().items()),
        ("by platform, 30 days", replace(funnel(30), breakdown=breakdowns()["first_touch"])),
    ]


def breakdowns() -> dict[str, Breakdown]:
    return {how: Breakdown(ByProperty("$platform", how, 1), 5) for how in get_args(Attribution)}


def load(engine: Engine, events: int) -> None:
    batches = list(generate(events))
    begin = time.perf_counter()
    for number, batch in enumerate(batches):
        with engine.writing(10) as writer:
            writer.append(batch)
            writer.commit({"batch": number})
    taken = time.perf_counter() - begin
    print(f"append {events:,} in chunks of {CHUNK:,}: {taken:.2f} s, {events / taken:,.0f} events/s")
    begin = time.perf_counter()
    engine.compact()
    print(f"compact: {time.perf_counter() - begin:.2f} s; {engine.stored()}")


def append_then_ask(engine: Engine, spec: FunnelSpec, rounds: int = 7) -> None:
    appended, asked = [], []
    for number in range(rounds):
        batch = next(generate(1_000, seed=100 + number))
        begin = time.perf_counter()
        with engine.writing(10) as writer:
            writer.append(batch)
            writer.commit({"round": number})
        appended.append((time.perf_counter() - begin) * 1_000)
        begin = time.perf_counter()
        engine.funnel(spec, END)
        asked.append((time.perf_counter() - begin) * 1_000)
    print(f"append 1,000: {statistics.median(appended):.1f} ms; funnel right after: {statistics.median(asked):.1f} ms "
          f"(each {[round(one, 1) for one in asked]})")  # fmt: skip


def fresh_process(folder: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[1])!r}); sys.argv = ['x'];"
        "import time; begin = time.perf_counter();"
        "from benchmarks.engine_funnel import funnel, END; from cdp.engine import open_engine;"
        f"open_engine('columnar://{folder}', 1).funnel(funnel(180), END); print(time.perf_counter() - begin)"
    )
    print(f"first funnel of a fresh process: {float(subprocess.check_output([sys.executable, '-c', code])):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--folder", default=None)
    arguments = parser.parse_args()
    folder = arguments.folder or tempfile.mkdtemp(prefix="engine-")
    engine = open_engine(f"columnar://{folder}", 1)
    begin = time.perf_counter()
    warm()
    print(f"{os.cpu_count()} CPUs; warm: {time.perf_counter() - begin:.2f} s; folder {folder}")
    if engine.cursor() is None:
        load(engine, arguments.events)
    print(f"answer: {engine.funnel(funnel(180), END)}")
    filters = ((1, Test("value", "gt", 40)), (2, Test("$platform", "in", ("meta", "google"))))
    everything = FunnelSpec((Step(("*",)), Step(("*",)), Step(("purchase",))), "ordered", 7 * DAY, "unique", START, END)
    for label, spec in (
        ("5 steps, 7 days, 180 days", funnel(180)),
        ("5 steps, 7 days, 30 days", funnel(30)),
        ("filters on two steps", funnel(180, *filters)),
        ("any event, any event, purchase", everything),
        *depths(),
    ):
        print(f"{label}: {median_ms(lambda spec=spec: engine.funnel(spec, END)):.1f} ms")
    days = [END - day * DAY for day in range(30, -1, -1)]
    print(f"trend of 30 days: {median_ms(lambda: engine.trend(funnel(30), days, END), 5):.1f} ms")
    print(f"catalog: {median_ms(lambda: engine.catalog(END - 30 * DAY, END), 3):.1f} ms")
    print(f"activity: {median_ms(lambda: engine.activity(END), 3):.1f} ms")
    print(f"daily, 30 days: {median_ms(lambda: engine.daily(END - 30 * DAY, END, END), 3):.1f} ms")
    print(f"timeline: {median_ms(lambda: engine.timeline(1, END, 50), 5):.1f} ms")
    append_then_ask(engine, funnel(180))
    fresh_process(folder)
    attributes(engine)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def attributes(engine: Engine) -> None:
    people = np.arange(1_000)
    begin = time.perf_counter()
    with engine.writing(10) as writer:
        writer.set_attributes(AttributeBatch(people, ["city"] * 1_000, [f"c{one}" for one in people], people + START))
        writer.commit({"attributes": True})
    print(f"1,000 attributes: {(time.perf_counter() - begin) * 1_000:.1f} ms")


if __name__ == "__main__":
    main()
