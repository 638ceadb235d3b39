"""The gate and its book: decisions in batches, and eight writers of single ones against plain inserts under one lock.

`python -m benchmarks.judging [--write]` works in a database of its own on the server of DATABASE_URL, and writes the
table into docs/performance.md.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import argparse
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from threading import Thread

import psycopg

BATCH, BATCHES = 1_000, 5
WRITERS, EACH, ROUNDS = 8, 40, 3
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
START, END = "<!-- judging: written by `python -m benchmarks.judging` -->\n", "<!-- /judging -->\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--database", default="stratum_bench_judging")
    given = parser.parse_args()
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {given.database}")
        admin.execute(f"CREATE DATABASE {given.database}")
    os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{given.database}"
    try:
        text = measure()
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {given.database} WITH (FORCE)")
    if not given.write:
        print(text)
        return
    before, _, rest = PAGE.read_text().partition(START)
    PAGE.write_text(before + START + text + END + rest.partition(END)[2])


def measure() -> str:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from stratum.workspaces.access import SYSTEM
    from stratum.workspaces.models import Workspace
    from trustlayer.models import LedgerEntry
    from trustlayer.services import judging, readings, verification
    from trustlayer.services.judging import Proposal
    from trustlayer.services.ledger import Entity
    from trustlayer.services.readings import NewReading

    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(slug="bench", name="Bench")
    values = {"emq": 8.1, "freshness": 900.0, "volume": 0.4, "coverage": 0.99, "variance": 0.03, "api_health": 0.0}
    told = [
        NewReading(name, value, NOW, "bench", platform, reported=True, since=NOW - timedelta(days=30))
        for platform in ("meta", "google")
        for name, value in values.items()
    ]
    readings.report(workspace=workspace, readings=told, now=NOW)
    proposals = [
        Proposal(
            "budget_increase",
            Entity("Campaign", str(number), f"Campaign {number}", ("meta", "google")[number % 2], "act_1"),
            "+15% budget",
            {"field": "daily_budget", "before": 100, "after": 115, "currency": "USD"},
        )
        for number in range(BATCH)
    ]

    def batch() -> None:
        judging.decide(workspace=workspace, by=SYSTEM, proposals=proposals, now=NOW)

    def single() -> None:
        judging.decide(workspace=workspace, by=SYSTEM, proposals=proposals[:1], now=NOW)

    batch()
    seconds = median(timed(batch) for _ in range(BATCHES))
    columns = [field.column for field in LedgerEntry._meta.concrete_fields]
    prepare_plain(columns)
    ours, locked, free = [], [], []
    for _ in range(ROUNDS):  # in turns, so that what else runs on the machine burdens all of them
        ours.append(together(single, connections.close_all))
        locked.append(plain(columns, under_lock=True))
        free.append(plain(columns, under_lock=False))
    broken = verification.check(workspace).broken
    assert broken is None, broken
    rates = [WRITERS * EACH / median(one) for one in (ours, locked, free)]
    return table(BATCH / seconds, rates)


def prepare_plain(columns: list[str]) -> None:
    """A table of the same columns and indexes without a chain, a trigger or a judge."""
    with connect() as plain_connection:
        plain_connection.execute("CREATE TABLE plain (LIKE trustlayer_ledgerentry INCLUDING INDEXES)")
        plain_connection.execute("CREATE TABLE held AS SELECT 1 AS id")
        plain_connection.execute("CREATE SEQUENCE places")


def plain(columns: list[str], *, under_lock: bool) -> float:
    """The very rows that the gate wrote, inserted by eight writers one by one."""
    listed = ", ".join(f'"{name}"' for name in columns)
    changed = {"id": "gen_random_uuid()", "seq": "place", "prev_hash": "md5(place::text)"}
    chosen = ", ".join(changed.get(name, f'entry."{name}"') for name in columns)
    insert = (
        f"INSERT INTO plain ({listed}) SELECT {chosen} FROM trustlayer_ledgerentry entry, nextval('places') place "
        "WHERE entry.seq = 1"
    )
    connections = [connect(autocommit=False) for _ in range(WRITERS)]

    def write(place: int) -> None:
        for _ in range(EACH):
            with connections[place].transaction():
                if under_lock:
                    connections[place].execute("SELECT 1 FROM held FOR UPDATE")
                connections[place].execute(insert)

    threads = [Thread(target=write, args=(place,)) for place in range(WRITERS)]
    seconds = run(threads)
    for one in connections:
        one.close()
    return seconds


def together(single: Callable[[], None], close: Callable[[], None]) -> float:
    def write() -> None:
        for _ in range(EACH):
            single()
        close()

    return run([Thread(target=write) for _ in range(WRITERS)])


def run(threads: list[Thread]) -> float:
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def connect(*, autocommit: bool = True) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=autocommit)


def timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(batched: float, rates: list[float]) -> str:
    ours, locked, free = rates
    load = os.getloadavg()[0]
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d}, load afterwards {load:.1f}.\n\n"
        "| | per second | |\n|---|---|---|\n"
        f"| decisions in batches of {BATCH:,}, with their entries | {batched:,.0f} | wanted 2,000 |\n"
        f"| single decisions by {WRITERS} writers at once | {ours:,.0f} | "
        f"{ours / locked:.2f} of the next line, wanted 0.8 |\n"
        f"| the same rows inserted plainly under one row lock | {locked:,.0f} | |\n"
        f"| the same rows inserted plainly without a lock | {free:,.0f} | {ours / free:.2f} |\n"
    )


if __name__ == "__main__":
    main()
