"""How quick the autopilot is: execution against platforms with 20 ms a call, a rule over 5,000 entities, a long queue.

`python -m benchmarks.autopilot [--actions 1000] [--entities 5000] [--write]` works in a database of its own on the
server of DATABASE_URL, and writes the table into docs/performance.md. The platforms are the fakes over real HTTP, in a
process of their own.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

LATENCY = 0.02  # seconds a call
DAYS = 90
QUEUED = 10_000
LOOKS = 15  # at the queue's page
NOW = datetime.now(UTC).replace(microsecond=0)
TOKEN = "EAAG-benchmark"
ACCOUNTS = {"meta": "731", "google": "4816207735"}
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
START, END = "<!-- autopilot: written by `python -m benchmarks.autopilot` -->\n", "<!-- /autopilot -->\n"


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1_000)
    parser.add_argument("--entities", type=int, default=5_000)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--database", default="stratum_bench_autopilot")
    given = parser.parse_args()
    with database(given.database), platforms(given.actions) as told:
        text = measure(given, told)
    print(text)
    if given.write:
        before, _, rest = PAGE.read_text().partition(START)
        PAGE.write_text(before + START + text + END + rest.partition(END)[2])


@contextmanager
def database(name: str) -> Iterator[None]:
    """One of its own on the server of DATABASE_URL; without one, an embedded server with a home of its own."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        with TemporaryDirectory(prefix="stratum-bench-", ignore_cleanup_errors=True) as home:
            Path(home).chmod(0o711)
            os.environ |= {"STRATUM_HOME": home, "DATABASE_URL": ""}
            yield
        return
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
    os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{name}"
    try:
        yield
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def platforms(campaigns: int) -> Iterator[Any]:
    """Both fakes in a process of their own, and a pipe that answers how many writes they took."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=serve, args=(theirs, campaigns), daemon=True)
    process.start()
    meta, google = ours.recv()
    os.environ |= {
        "META_API_URL": f"{meta}/v26.0",
        "GOOGLE_ADS_API_URL": f"{google}/v26",
        "GOOGLE_TOKEN_URL": f"{google}/token",
        "MAY_CALL_LOOPBACK": "1",
    }
    try:
        yield ours
    finally:
        ours.send(None)
        process.join(5)


def serve(port: Any, campaigns: int) -> None:
    from integrations.sandbox.google import FakeGoogle
    from integrations.sandbox.meta import FakeMeta
    from integrations.sandbox.server import serving

    worlds = {platform: world(platform, campaigns) for platform in ACCOUNTS}
    fakes = FakeMeta(worlds["meta"], now=lambda: datetime.now(UTC)), FakeGoogle(worlds["google"], now=lambda: NOW)
    with serving(fakes[0].answer, latency=LATENCY) as meta, serving(fakes[1].answer, latency=LATENCY) as google:
        port.send((meta, google))
        while (asked := port.recv()) is not None:
            port.send(len(worlds[asked].past))


def world(platform: str, campaigns: int) -> Any:
    from integrations.sandbox.world import Node, Pot, Shop, World

    account = ACCOUNTS[platform]
    made = World(platform, "benchmark", NOW - timedelta(days=DAYS), token=TOKEN)
    made.accounts[account] = Shop(account, "Bench", "USD", "UTC")
    for number in range(1, campaigns + 1):
        made.pots[f"9{number}"] = Pot(f"9{number}", account, Decimal(100), Decimal(100), 3.0, 80.0)
        made.nodes[str(number)] = Node(str(number), "campaign", account, f"Campaign {number}", pot=f"9{number}")
    return made


def measure(given: Namespace, told: Any) -> str:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    from celery import current_app
    from django.conf import settings
    from django.core.management import call_command

    current_app.conf.task_always_eager = True
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    call_command("migrate", verbosity=0)
    workspace = found_workspace()
    meta, google = furnish(workspace, "meta", given.entities), furnish(workspace, "google", given.actions // 2)
    rows = rule_rows(workspace, given.entities)
    rows += execution_rows(workspace, (meta, google), given.actions, told)
    rows.append(page_row(workspace, meta))
    head = f"Measured {NOW:%Y-%m-%d}, load afterwards {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores.\n\n"
    return head + "| | | wanted |\n|---|---|---|\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def found_workspace() -> Any:
    from stratum.workspaces.models import Workspace
    from trustlayer.services import readings
    from trustlayer.services.readings import NewReading

    workspace = Workspace.objects.create(slug="bench", name="Bench", plan="professional")
    told = [
        NewReading(signal, value, NOW - back, "bench", platform=platform, reported=True)
        for platform in ACCOUNTS
        for signal, value in {"emq": 8.6, "freshness": 0.5, "api_health": 0.0}.items()
        for back in (timedelta(days=14), timedelta(0))
    ]
    readings.report(workspace=workspace, readings=told, now=NOW)
    return workspace


def furnish(workspace: Any, platform: str, entities: int) -> Any:
    """An account with campaigns and their days; rules look at Meta's."""
    import orjson

    from integrations.models import AdAccount, AdConnection, AdDay, AdEntity
    from stratum.lib import seal

    secrets = {"access_token": TOKEN, "client_id": "c", "client_secret": "s", "refresh_token": TOKEN}
    sealed = seal.seal(orjson.dumps(secrets).decode())
    made = {"workspace": workspace, "platform": platform, "name": "Bench"}
    connection = AdConnection.objects.create(**made, created_at=NOW, credentials=sealed)
    account = AdAccount.objects.create(
        **made, connection=connection, external_id=ACCOUNTS[platform], currency="USD", time_zone="UTC"
    )
    usual = {"workspace": workspace, "account": account, "kind": "campaign", "status": "active", "seen_at": NOW}
    usual |= {"budget": Decimal(100), "budget_period": "daily"}
    numbers = range(1, entities + 1)
    rows = AdEntity.objects.bulk_create(
        [AdEntity(**usual, external_id=str(number), name=f"Campaign {number}") for number in numbers], batch_size=1_000
    )
    day = {"workspace": workspace, "spend": 95, "impressions": 1_000, "clicks": 50, "conversions": 3, "revenue": 240}
    for back in range(1, DAYS + 1):
        at = NOW.date() - timedelta(days=back)
        AdDay.objects.bulk_create([AdDay(entity=row, day=at, **day) for row in rows], batch_size=5_000)
    return account


def rule_rows(workspace: Any, entities: int) -> list[tuple[str, ...]]:
    """With as many days of metrics as a rule can look at, and over history with as many as there are."""
    from django.db import connection

    from autopilot.rules.definitions import LATE, MOST_DAYS
    from autopilot.rules.templates import TEMPLATES
    from autopilot.services import rule_runs, rules
    from stratum.workspaces.access import SYSTEM

    connection.cursor().execute("ANALYZE")
    template = TEMPLATES["cut_losers"].body
    when = [{**one, "days": MOST_DAYS, "value": 31} for one in template["when"]]
    body = {**template, "scope": {"kind": "campaign", "platforms": ["meta"]}, "when": when}
    rule = rules.create(workspace=workspace, by=SYSTEM, name="Cut", template="cut_losers", body=body, now=NOW)
    rule.workspace = workspace
    run = spent(lambda: rule_runs.run(rule=rule, now=NOW))
    tested = spent(lambda: rule_runs.over_history(workspace=workspace, by=SYSTEM, rule_id=rule.pk, now=NOW))
    proposed = rule.runs.filter(is_dry_run=False).get().proposed
    workspace.actions.all().delete()  # they would stand in the way of those that are executed
    told = f"a rule over {entities:,} entities, {MOST_DAYS + LATE} days of each read, {proposed} proposals"
    return [
        (told, run, "5 s"),
        (f"its test over 30 days of history, {DAYS} days of each read", tested, "5 s"),
    ]


def execution_rows(workspace: Any, accounts: tuple[Any, ...], count: int, told: Any) -> list[tuple[str, ...]]:
    """Half of them on each platform."""
    from autopilot.models import Action
    from autopilot.services import executor
    from autopilot.states import State

    judged = sum(queue_up(workspace, account, count // 2) for account in accounts)
    cpu = time.process_time()

    def run() -> None:
        while executor.execute_due(workspace_id=workspace.pk, now=NOW):
            continue

    took = timed(run)
    cpu = time.process_time() - cpu
    writes = 0
    for account in accounts:
        told.send(account.platform)
        writes += told.recv()
    done = Action.objects.filter(workspace=workspace, state=State.SUCCEEDED).count()
    assert done == writes == count, f"{done} executed, {writes} written, {count} queued"
    what = f"{count:,} actions, half Meta, half Google Ads, through gate, checks, validation, write and reading back"
    return [
        ("proposals judged and projected", f"{count / judged:.0f}/s", ""),
        (
            f"{what}; {LATENCY * 1000:.0f} ms a call, {executor.SIDE_BY_SIDE} side by side",
            f"{count / took:.0f}/s ({cpu / count * 1000:.1f} ms of processor time each)",
            "50/s",
        ),
    ]


def queue_up(workspace: Any, account: Any, count: int) -> float:
    """Propose them at the level guarded, where what passes every check is approved by itself. Seconds."""
    from autopilot.changes import Wish
    from autopilot.services import proposals, settings, stage
    from autopilot.services.facts import as_seen
    from autopilot.services.proposals import Asked
    from integrations.models import AdEntity
    from stratum.workspaces.access import SYSTEM

    body = {"level": "guarded", "guard_rails": {"max_per_day": 100_000}}
    settings.change(workspace=workspace, by=SYSTEM, body=body, now=NOW)
    chosen = AdEntity.objects.filter(account=account).select_related("account__connection", "workspace").order_by("pk")
    rows = list(chosen[:count])
    proposals.jobs.after_commit = lambda *_, **__: None  # type: ignore[assignment]  # the run below finds them due
    shared = stage.Stage(workspace, NOW)
    shared.read_data(account, [row.pk for row in rows])
    wish = Wish("budget_increase", percent=Decimal(10))
    return timed(
        lambda: [proposals.place(stage=shared, by=SYSTEM, asked=Asked(row, wish), live=as_seen(row)) for row in rows]
    )


def page_row(workspace: Any, account: Any) -> tuple[str, ...]:
    from django.db import connection
    from django.test import Client

    from autopilot.models import Action
    from integrations.models import AdEntity
    from stratum.workspaces.models import Member, User

    entities = list(AdEntity.objects.filter(account=account)[:100])
    usual = {"workspace": workspace, "account": account, "kind": "budget_increase", "field": "budget"}
    usual |= {"expected_before": {"value": "100"}, "said": "+10% budget", "proposed_by": "Bench"}
    usual |= {"waits_for": "approval", "state": "pending_review"}
    usual |= {"changed_at": NOW, "expires_at": NOW + timedelta(days=3)}
    rows = [
        Action(target="110", entity=entities[at % len(entities)], created_at=NOW - timedelta(seconds=at), **usual)
        for at in range(QUEUED)
    ]
    Action.objects.bulk_create(rows, batch_size=1_000)
    connection.cursor().execute("ANALYZE autopilot_action")  # as PostgreSQL does by itself a little later
    user = User.objects.create_user("bench@example.com", "correct horse battery")
    Member.objects.create(workspace=workspace, user=user, role="owner", joined_at=NOW)
    browser = Client(headers={"host": "localhost"})
    browser.force_login(user)
    first = timed(lambda: look(browser))
    cpu = time.process_time()
    took = [timed(lambda: look(browser)) for _ in range(LOOKS)]
    cpu = (time.process_time() - cpu) / LOOKS
    told = f"{median(took) * 1_000:.0f} ms ({cpu * 1_000:.0f} at work here; the first of a process {first * 1_000:.0f})"
    return f"the queue's page with {QUEUED:,} waiting, server time", told, "150 ms"


def look(browser: Any) -> None:
    page = browser.get("/dashboard/autopilot/actions")
    assert page.status_code == 200 and f"{QUEUED:,}" in page.content.decode(), page.status_code


def spent(work: Callable[[], object]) -> str:
    """On a busy machine most of the time is waiting for the processor."""
    cpu = time.process_time()
    took = timed(work)
    return f"{took:.2f} s ({time.process_time() - cpu:.2f} s of it at work here)"


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
