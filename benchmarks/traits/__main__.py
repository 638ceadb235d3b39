"""`python -m benchmarks.traits --events 500000 --write`: computed traits, beside ClickHouse and a plain COPY."""

import argparse
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import django

from benchmarks.engine.compare import comparison
from benchmarks.engine.data import Size, events_file
from benchmarks.engine.ours import loaded
from benchmarks.engine.peers import open_peers
from benchmarks.engine.report import Table, machine, write_page

FOLDER = Path(__file__).resolve().parents[2] / "var" / "bench"
BEGIN = "<!-- traits: written by `python -m benchmarks.traits` -->"
END = "<!-- /traits -->"
GROUPS = ("evaluation", "plan", "writing", "changing", "growing", "preview")
SMALLER = (100_000, 300_000)


def main() -> None:
    arguments = parsed()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    tables = [replace(table, measured=when()) for table in measured(arguments)]
    text = "\n\n".join([heading(Size(arguments.events)), *(table.markdown() for table in tables)])
    if arguments.write:
        write_page(text, begin=BEGIN, end=END)
    else:
        print(text)


def measured(arguments: argparse.Namespace) -> Iterator[Table]:
    # Models exist after setup.
    from benchmarks.traits import definitions, measures, stage  # noqa: PLC0415

    size = Size(arguments.events)
    events = events_file(arguments.folder, size)
    if {"evaluation", "plan"} & set(arguments.only):
        engine = loaded(events, arguments.folder, size).engine
        peers = open_peers(("clickhouse",) if arguments.peers else (), events, arguments.folder, size)
        if "evaluation" in arguments.only:
            yield comparison(
                "Values of everybody",
                f"{size.users:,} profiles: from definition to values. Equal values asserted. Medians in milliseconds, "
                "minima in brackets.",
                definitions.QUESTIONS,
                engine,
                peers,
            )
        if "plan" in arguments.only:
            yield measures.together(engine)
    if not {"writing", "changing", "growing", "preview"} & set(arguments.only):
        return
    home = arguments.folder / "traits-engine"
    shutil.rmtree(home, ignore_errors=True)
    with stage.database():
        if "growing" in arguments.only:
            sizes = [Size(events) for events in SMALLER if events < size.events]
            yield measures.growing([*sizes, size], arguments.folder)
        set_up = stage.staged(events, size, arguments.folder)
        for name, measure in (
            ("preview", measures.previewing), ("writing", measures.writing), ("changing", measures.changing)
        ):  # fmt: skip
            if name in arguments.only:
                yield measure(set_up)
    shutil.rmtree(home, ignore_errors=True)


def when() -> str:
    return f"Measured {date.today():%Y-%m-%d}, load before {os.getloadavg()[0]:.1f}."


def heading(size: Size) -> str:
    return f"{size.events:,} events of {size.names} names, {size.users:,} profiles, 180 days. {machine()}."


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.traits", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--only", type=lambda text: tuple(text.split(",")), default=GROUPS, help=", ".join(GROUPS))
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="without ClickHouse")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data is kept between runs")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/performance.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
