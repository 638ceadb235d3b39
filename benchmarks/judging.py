"""The gate and its book: decisions in batches, and eight writers of single ones against plain inserts under one lock.

The writers are threads of two processes, as the product's web server starts them.

`python -m benchmarks.judging [--write]` works in a database of its own on the server of DATABASE_URL, and writes the
table into docs/performance.md.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from threading import Thread
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from trustlayer.services.judging import Proposal

BATCH, BATCHES = 1_000, 5
WRITERS, PROCESSES, EACH, ROUNDS = 8, 2, 100, 7
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
    set_up()
    from django.core.management import call_command
    from django.db import connections

    from stratum.workspaces.access import SYSTEM
    from stratum.workspaces.models import Workspace
    from trustlayer.models import LedgerEntry
    from trustlayer.services import judging, readings, verification
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
    proposed = proposals()

    def batch() -> None:
        judging.decide(workspace=workspace, by=SYSTEM, proposals=proposed, now=NOW)

    batch()
    seconds = median(timed(batch) for _ in range(BATCHES))
    prepare_plain([field.column for field in LedgerEntry._meta.concrete_fields])
    connections.close_all()  # what is forked has connections of its own
    ours, entries, locked, free = [], [], [], []
    for _ in range(ROUNDS):  # in turns, so that what else runs on the machine burdens all of them
        ours.append(together(decide_each))
        entries.append(together(append_each))
        locked.append(together(insert_under_lock))
        free.append(together(insert_freely))
    broken = verification.check(workspace).broken
    assert broken is None, broken
    rates = [WRITERS * EACH / median(one) for one in (ours, entries, locked, free)]
    return table(BATCH / seconds, rates)


def set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()


def proposals() -> "list[Proposal]":
    from trustlayer.services.judging import Proposal
    from trustlayer.services.ledger import Entity

    return [
        Proposal(
            "budget_increase",
            Entity("Campaign", str(number), f"Campaign {number}", ("meta", "google")[number % 2], "act_1"),
            "+15% budget",
            {"field": "daily_budget", "before": 100, "after": 115, "currency": "USD"},
        )
        for number in range(BATCH)
    ]


def prepare_plain(columns: list[str]) -> None:
    """A table of the same columns and indexes without a chain, a trigger or a judge, and a row to lock."""
    listed = ", ".join(f'"{name}"' for name in columns)
    with connect() as connection:
        connection.execute("CREATE TABLE plain (LIKE trustlayer_ledgerentry INCLUDING INDEXES)")
        connection.execute("CREATE TABLE held AS SELECT 1 AS id")
        connection.execute("CREATE SEQUENCE places")
        connection.execute(f"CREATE VIEW written AS SELECT {listed} FROM trustlayer_ledgerentry")


def decide_each(ready: Barrier) -> None:
    """Single decisions of one writer, as the product makes them."""
    from django.db import connection

    from stratum.workspaces.access import SYSTEM
    from stratum.workspaces.models import Workspace
    from trustlayer.services import judging

    workspace = Workspace.objects.get()
    one = proposals()[:1]
    judging.decide(workspace=workspace, by=SYSTEM, proposals=one, now=NOW)  # statements are prepared once a connection
    ready.wait()
    for _ in range(EACH):
        judging.decide(workspace=workspace, by=SYSTEM, proposals=one, now=NOW)
    connection.close()


def append_each(ready: Barrier) -> None:
    """The very entry that the gate wrote, appended to the book without judging anew, by one writer."""
    from django.db import connection

    from stratum.workspaces.models import Workspace
    from trustlayer.chain import Canonical
    from trustlayer.models import LedgerEntry
    from trustlayer.services import ledger
    from trustlayer.services.ledger import Draft

    workspace = Workspace.objects.get()
    written = LedgerEntry.objects.order_by("seq")[0]
    draft = Draft(
        decision=written.decision,
        signal_health=written.signal_health,
        reason=written.reason,
        reason_code=written.reason_code,
        action=written.action,
        change=written.change,
        policy_version=written.policy_version,
        evidence={"as written": Canonical(written.evidence)},
    )
    ledger.append(workspace=workspace, drafts=[draft], now=NOW)
    ready.wait()
    for _ in range(EACH):
        ledger.append(workspace=workspace, drafts=[draft], now=NOW)
    connection.close()


def insert_under_lock(ready: Barrier) -> None:
    insert(ready, under_lock=True)


def insert_freely(ready: Barrier) -> None:
    insert(ready, under_lock=False)


def insert(ready: Barrier, *, under_lock: bool) -> None:
    """A row that the gate wrote, its values sent as parameters each time, by one writer."""
    with connect(autocommit=False) as connection:
        cursor = connection.execute("SELECT * FROM written LIMIT 1")
        names = [column.name for column in cursor.description or ()]
        row = dict(zip(names, cursor.fetchone() or (), strict=True))
        changed = {"id": "gen_random_uuid()", "seq": "place", "prev_hash": "md5(place::text)"}
        listed = ", ".join(f'"{name}"' for name in names)
        chosen = ", ".join(changed.get(name, f"%({name})s") for name in names)
        statement = f"INSERT INTO plain ({listed}) SELECT {chosen} FROM nextval('places') place"
        connection.commit()
        ready.wait()
        for _ in range(EACH):
            with connection.transaction():
                if under_lock:
                    connection.execute("SELECT 1 FROM held FOR UPDATE", prepare=True)
                connection.execute(statement, row, prepare=True)


def together(write: Callable[[Barrier], None]) -> float:
    """Seconds until eight writers have written theirs: threads of two processes, as the product's web server starts."""
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(WRITERS + 1)
    processes = [context.Process(target=threads, args=(write, ready)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    ready.wait()
    start = time.perf_counter()
    for process in processes:
        process.join()
    return time.perf_counter() - start


def threads(write: Callable[[Barrier], None], ready: Barrier) -> None:
    started = [Thread(target=write, args=(ready,)) for _ in range(WRITERS // PROCESSES)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def connect(*, autocommit: bool = True) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=autocommit)


def timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def table(batched: float, rates: list[float]) -> str:
    ours, entries, locked, free = rates
    load = os.getloadavg()[0]
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d}, load afterwards {load:.1f}.\n\n"
        "| | per second | |\n|---|---|---|\n"
        f"| decisions in batches of {BATCH:,}, with their entries | {batched:,.0f} | wanted 2,000 |\n"
        f"| single decisions by {WRITERS} writers at once, signals read and judged each time | {ours:,.0f} | "
        f"{ours / locked:.2f} of the plain inserts under a lock, wanted 0.8 |\n"
        f"| entries of the book alone by {WRITERS} writers, chained | {entries:,.0f} | {entries / locked:.2f} |\n"
        f"| the same rows inserted plainly under one row lock | {locked:,.0f} | |\n"
        f"| the same rows inserted plainly without a lock | {free:,.0f} | {ours / free:.2f} |\n"
    )


if __name__ == "__main__":
    main()
