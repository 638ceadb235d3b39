"""`python -m benchmarks.engine --events 10000000`: load, ask everybody everything, write docs/performance.md and, of
ClickHouse as our engine, docs/scale.md. Each table is written when it was measured."""

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from benchmarks.engine import measures, on_clickhouse, report
from benchmarks.engine.compare import comparison
from benchmarks.engine.data import Size, events_file
from benchmarks.engine.groups import ABOUT, OTHERS, TITLES
from benchmarks.engine.groups import GROUPS as ASKED
from benchmarks.engine.ours import Loaded, loaded
from benchmarks.engine.peers import PEERS, Peer, open_peers
from benchmarks.engine.report import Table, machine
from cdp.engine import warm

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"
MANY_NAMES = 2_000
SIZES = (1_000_000, 10_000_000, 30_000_000)
FEW = 1_000_000


@dataclass
class Bench:
    """Data and contenders, each loaded when first needed."""

    folder: Path
    size: Size
    names: tuple[str, ...]

    @cached_property
    def events(self) -> Path:
        return events_file(self.folder, self.size)

    def with_names(self, names: int) -> "Bench":
        return replace(self, size=replace(self.size, names=names))

    def with_at_most(self, events: int) -> "Bench":
        return self if self.size.events <= events else replace(self, size=replace(self.size, events=events))

    @cached_property
    def ours(self) -> Loaded:
        print("loading our engine", flush=True)
        return loaded(self.events, self.folder, self.size)

    @cached_property
    def peers(self) -> list[Peer]:
        print("loading the peers", flush=True)
        return open_peers(self.names, self.events, self.folder, self.size)

    @cached_property
    def served(self) -> on_clickhouse.Served:
        print("loading our engine on ClickHouse", flush=True)
        return on_clickhouse.served(self.events, self.folder, self.size)


def compare(group: str) -> Callable[[Bench], Table]:
    return lambda bench: comparison(TITLES[group], ABOUT, ASKED[group], bench.ours.engine, bench.peers)


def compare_others(bench: Bench) -> Table:
    """All peers, some of which would take minutes with more."""
    few = bench.with_at_most(FEW)
    title = f"All databases, {few.size.events:,} events only"
    about = f"{few.size.users:,} profiles; PostgreSQL and Polars are not asked with more. {ABOUT}"
    return comparison(title, about, OTHERS, few.ours.engine, few.peers)


def compare_engines(bench: Bench) -> Table:
    """Both engines beside queries written by hand; a peer must be loaded, because a process has one ClickHouse only."""
    (peer,) = [one for one in bench.peers if one.name == on_clickhouse.NAMED]
    return on_clickhouse.side_by_side(bench.ours.engine, bench.served, peer, bench.size)


GROUPS: dict[str, Callable[[Bench], Table]] = {
    **{group: compare(group) for group in ASKED},
    "others": compare_others,
    "clickhouse": compare_engines,
    "floor": lambda bench: measures.reading(bench.ours),
    "append": lambda bench: measures.appending(bench.ours, bench.size),
    "memory": lambda bench: measures.memory(bench.ours, bench.size),
    "names": lambda bench: measures.memory(bench.with_names(MANY_NAMES).ours, replace(bench.size, names=MANY_NAMES)),
    "sizes": lambda bench: measures.growth(bench.folder, [replace(bench.size, events=events) for events in SIZES]),
}
USUAL = tuple(group for group in GROUPS if group != "sizes")  # which takes long, and 30 million events


def main() -> None:
    arguments = parsed()
    bench = Bench(arguments.folder, Size(arguments.events, arguments.names), arguments.peers)
    warm()
    for group in arguments.only:
        when = f"Measured {date.today():%Y-%m-%d}, load before {os.getloadavg()[0]:.1f}."
        table = replace(GROUPS[group](bench), measured=when)
        place = report.SCALE if group == "clickhouse" else report.PERFORMANCE
        if arguments.print:
            print(table.markdown())
        else:
            report.write_page(report.with_tables(heading(bench), [table], *place), *place)


def heading(bench: Bench) -> str:
    return (
        f"{bench.size.events:,} events of {bench.size.names} names, {bench.size.users:,} profiles, 180 days. "
        f"{machine()}."
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--names", type=int, default=40, help="how many event names")
    parser.add_argument("--peers", type=listed(PEERS), default=tuple(PEERS), help=", ".join(PEERS))
    parser.add_argument("--only", type=listed(GROUPS), default=USUAL, help=", ".join(GROUPS))
    parser.add_argument("--sizes", dest="only", action="store_const", const=("sizes",), help="only how cost grows")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data is kept between runs")
    parser.add_argument("--print", action="store_true", help="print the tables and leave the pages alone")
    return parser.parse_args()


def listed(known: Mapping[str, object]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.split(",")))
        if unknown := set(names) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose of {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    main()
