"""The audit log with a million entries: page, analytics, CSV against a plain COPY, and verify.

`python -m benchmarks.audit --entries 1000000` writes a workspace into a database of its own, made and dropped
on the server of DATABASE_URL.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import os
import resource
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from zoneinfo import ZoneInfo

import psycopg

BATCH = 5_000
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
QUESTIONS = {
    "everything": {},
    "the last 30 days": {"range": "30d"},
    "BLOCK below 70, Google, campaigns": {
        "decision": "BLOCK",
        "health_max": "69",
        "platform": "google",
        "entity_type": "Campaign",
    },
    "a word in the reason": {"q": "emq score 3.1"},
}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--database", default="stratum_bench_audit")
    given = parser.parse_args()
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {given.database}")
        admin.execute(f"CREATE DATABASE {given.database}")
    os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{given.database}"
    try:
        measure(given.entries)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {given.database} WITH (FORCE)")


def measure(entries: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from stratum.workspaces.models import Workspace
    from trustlayer import asked, exports
    from trustlayer.queries import audit
    from trustlayer.services import verification
    from trustlayer.views.audit_charts import charts

    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(slug="bench", name="Bench", time_zone="Europe/Berlin")
    fill(workspace, entries)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE trustlayer_ledgerentry")

    zone = ZoneInfo("Europe/Berlin")
    cold = timed(lambda: audit.find(workspace, asked.parse({}, now=NOW, zone=zone)))
    print(f"first question of a process: {cold:.2f} s; memory {peak():.0f} MB")
    for name, given in QUESTIONS.items():
        question = asked.parse(given, now=NOW, zone=zone)

        def page(question: asked.Asked = question) -> None:
            found = audit.find(workspace, question)
            audit.page(found)
            audit.facets(found)

        def analytics(question: asked.Asked = question) -> None:
            charts(audit.analytics(audit.find(workspace, question)), question)

        rows, counts = (median(timed(each) for _ in range(9)) * 1_000 for each in (page, analytics))
        total = audit.find(workspace, question).total
        print(f"{name} ({total:,}): rows and chips {rows:.0f} ms, analytics with charts {counts:.0f} ms")

    everything = audit.find(workspace, asked.parse({}, now=NOW, zone=zone))
    before = peak()
    ours = timed(lambda: drain(exports.csv_pieces(everything, lambda _: None)))
    grown = peak() - before

    def copy() -> None:
        columns = ", ".join(f'"{name}"' for name in exports.HEADER)
        query = f"SELECT {columns} FROM trustlayer_ledgerentry WHERE workspace_id = {workspace.pk} ORDER BY seq"
        with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)") as stream:
            drain(stream)

    plain = timed(copy)
    print(
        f"CSV: {entries / ours:,.0f} rows/s, COPY {entries / plain:,.0f} rows/s, ratio {plain / ours:.2f}; "
        f"memory grew by {grown:.0f} MB"
    )
    seconds = timed(lambda: verification.check(workspace))
    print(f"verify: {entries / seconds:,.0f} entries/s")


def fill(workspace: object, entries: int) -> None:
    """Believable decisions over 60 days: 200 entities, 80 % PASS."""
    from trustlayer.actions import ACTIONS
    from trustlayer.services import ledger
    from trustlayer.services.ledger import Draft, Entity

    random = Random(1)
    entities = [
        Entity(
            random.choice(["Campaign", "Ad Set", "Creative"]),
            str(number),
            f"Entity number {number}",
            random.choice(["meta", "google"]),
            "act_1",
        )
        for number in range(200)
    ]
    evidence = {
        "thresholds": {"pass_at": 70, "block_below": 40, "emq_block": 4.0},
        "signals": [
            {"name": name, "status": "healthy", "value": 7.5, "score": 87.5, "weight": 15, "source": "meta"}
            for name in ("emq", "freshness", "volume", "coverage", "variance", "api_health", "dedup")
        ],
    }
    for start in range(0, entries, BATCH):
        drafts = []
        for _ in range(min(BATCH, entries - start)):
            decision = random.choices(["PASS", "HOLD", "BLOCK"], [80, 14, 6])[0]
            health = {"PASS": (70, 100), "HOLD": (40, 69), "BLOCK": (0, 39)}[decision]
            blocked = f"EMQ score {random.randrange(20, 40) / 10} (below 4.0 threshold)"
            drafts.append(
                Draft(
                    decision=decision,
                    signal_health=random.randint(*health),
                    reason="Decided",
                    reason_code="code",
                    blocked_reason=blocked if decision == "BLOCK" else None,
                    action=random.choice(list(ACTIONS)),
                    entity=random.choice(entities),
                    change=f"+{random.randrange(1, 20)}% budget",
                    is_dry_run=random.random() < 0.05,
                    evidence=evidence,
                )
            )
        at = NOW - timedelta(days=60) * (1 - start / entries)
        ledger.append(workspace=workspace, drafts=drafts, now=at)  # type: ignore[arg-type]


def drain(pieces: object) -> None:
    for _ in pieces:  # type: ignore[attr-defined]
        pass


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak() -> float:
    """In MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000


if __name__ == "__main__":
    main()
