"""How fast a workspace moves to ClickHouse and back, and raw events out of PostgreSQL:
`python -m benchmarks.engine_move [--rows 200000] [--seed 1] [--write]`.

In a home of its own: the embedded PostgreSQL, the engine in files, and the ClickHouse server of the tests, which does
one thing at a time. What is timed is what `manage.py move_engine` and the worker's daily round call. The way: to
ClickHouse, a round of the recent window and its drop, and back, which brings the raw events home first. `--write` puts
the figures into docs/scale.md.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

import django

from benchmarks.faults.course import home_of_its_own
from benchmarks.marked import Marked
from tests.clickhouse_server.process import ClickHouseProcess

if TYPE_CHECKING:
    from cdp.services.engine_moves import Progress

FIGURES = Marked("scale.md", "moving", "python -m benchmarks.engine_move")
WINDOW_DAYS = 30
ARRIVED = timedelta(days=10)  # ago: what arrived less than a week ago stays
Answer = TypeVar("Answer")
COMPARED, COPIED, BROUGHT = "compared", "copied", "brought back days of raw events"


@dataclass
class Spent:
    """Seconds of each stage of a move, from what it tells."""

    last: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def __call__(self, told: "Progress") -> None:
        now = time.monotonic()
        self.seconds[told.stage] = self.seconds.get(told.stage, 0.0) + now - self.last
        self.total[told.stage] = told.total
        self.last = now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with home_of_its_own() as home, ClickHouseProcess(home) as clickhouse:
        os.environ |= {"ENGINE_URL": f"columnar://{home / 'engine'}", "RECENT_EVENTS_DAYS": str(WINDOW_DAYS)}
        text = run(clickhouse, options.rows, options.seed)
    print(text)
    if options.write:
        FIGURES.write(text)


def run(clickhouse: ClickHouseProcess, rows: int, seed: int) -> str:
    django.setup()
    from benchmarks.faults.report import machine  # noqa: PLC0415  (settings exist after setup)
    from benchmarks.ingest import stage  # noqa: PLC0415
    from cdp.models import Event  # noqa: PLC0415
    from cdp.services import engine  # noqa: PLC0415
    from cdp.services.engine_moves import move  # noqa: PLC0415
    from cdp.services.raw_archive import DROP_AFTER, keep_window  # noqa: PLC0415
    from stratum.lib import clock  # noqa: PLC0415

    made = stage.set_up()
    workspace = made.workspace
    stage.fill(made, rows)
    now = clock.now()
    Event.objects.filter(workspace=workspace).update(received_at=now - ARRIVED)
    engine.rebuild(workspace)

    def moved(to: str) -> Spent:
        spent = Spent()
        move(workspace=workspace, to=to, now=now, tell=spent, seed=seed)
        return spent

    there = moved(clickhouse.url("stratum"))
    copy, kept = timed(lambda: keep_window(workspace=workspace, now=now))
    drop, later = timed(lambda: keep_window(workspace=workspace, now=now + DROP_AFTER))
    if not kept.copied or later.dropped != kept.copied:
        raise SystemExit(f"The round copied {kept.copied:,} rows and dropped {later.dropped:,}")
    left = Event.objects.filter(workspace=workspace).count()
    back = moved("columnar")
    if Event.objects.filter(workspace=workspace).count() != left + kept.copied:
        raise SystemExit("Raw events did not come home")
    return "\n".join([
        f"{machine()}, load in the end {os.getloadavg()[0]:.1f}. {rows:,} events of 20,000 people.",
        "",
        "| | rows | seconds | |",
        "|---|---:|---:|---|",
        rate("to ClickHouse: copying", there.total[COPIED], there.seconds[COPIED]),
        asked("to ClickHouse: comparing", there),
        rate(f"a round of the window of {WINDOW_DAYS} days: copying and comparing by day", kept.copied, copy),
        rate("the same: dropping in PostgreSQL", later.dropped, drop),
        rate("back into files: raw events into PostgreSQL", kept.copied, back.seconds[BROUGHT]),
        rate("back into files: copying", back.total[COPIED], back.seconds[COPIED]),
        asked("back into files: comparing", back),
    ])  # fmt: skip


def timed(work: Callable[[], Answer]) -> tuple[float, Answer]:
    begun = time.monotonic()
    answer = work()
    return time.monotonic() - begun, answer


def rate(what: str, rows: int, seconds: float) -> str:
    each = f"{rows / seconds:,.0f} rows/s, {seconds / rows * 100_000:.1f} s for 100,000"
    return f"| {what} | {rows:,} | {seconds:.1f} | {each} |"


def asked(what: str, spent: Spent) -> str:
    return f"| {what} | | {spent.seconds[COMPARED]:.1f} | {spent.total[COMPARED]} questions to both |"


if __name__ == "__main__":
    main()
