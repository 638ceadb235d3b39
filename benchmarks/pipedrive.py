"""The first sync of many profiles against the fake over HTTP, then an idle one, then one with one per cent changed.

`python -m benchmarks.pipedrive --profiles 50000 [--write]` works in a database of its own on the server of DATABASE_URL
and writes the page's section of docs/performance.md, or of `--kill` its second section, or prints it. The fake
answers after `--latency` seconds and enforces the burst limit and the two seconds of the documentation, times
`--speed`: with `--speed 10` everything that waits for limits passes ten times faster than it would with Pipedrive, so
that an hour is measured in minutes. What Stratum itself needs is not scaled, which is to its disadvantage.
"""

# ruff: noqa: PLC0415 -- the database is named before Django may be imported
import os
import resource
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import psycopg

from benchmarks.engine.report import write_page

TOKEN = "0123456789abcdef0123456789abcdef01234567"
AT_ONCE = 1_000
CREATION = 5  # tokens
MARKS = ("<!-- pipedrive: written by `python -m benchmarks.pipedrive` -->", "<!-- /pipedrive -->")
KILLED = ("<!-- pipedrive killed: written by `python -m benchmarks.pipedrive --kill` -->", "<!-- /pipedrive killed -->")


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=50_000)
    parser.add_argument("--latency", type=float, default=0.02)
    parser.add_argument("--burst", type=int, default=120, help="calls in two seconds (the largest plan)")
    parser.add_argument("--share", type=int, default=100, help="percent of the burst that is ours")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--kill", action="store_true", help="kill the first run half-way, and go on")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--database", default="stratum_bench_pipedrive")
    given = parser.parse_args()
    server = os.environ["DATABASE_URL"]
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {given.database} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {given.database}")
    os.environ["DATABASE_URL"] = f"{server.rpartition('/')[0]}/{given.database}"
    os.environ["MAY_CALL_LOOPBACK"] = "1"
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    try:
        told = measure(given)
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {given.database} WITH (FORCE)")
    if given.write:
        begin, end = KILLED if given.kill else MARKS
        write_page(told, begin=begin, end=end)
    else:
        print(told)


def serve(port: Any, given: Namespace, told: Any) -> None:
    """The fake in a process of its own: it must not share our interpreter. Answers counts on request."""
    from integrations.sandbox import server
    from integrations.sandbox.pipedrive import FakePipedrive, founded

    company = founded(TOKEN, currency="USD", id=42, name="Acme", domain="acme")
    company.habits.burst = given.burst
    fake = FakePipedrive(company, now=lambda: datetime.now(UTC))
    began = time.monotonic()
    fake.world.monotonic = lambda: (time.monotonic() - began) * given.speed
    with server.serving(fake.answer, latency=given.latency) as url:
        port.send(url)
        while True:
            asked = told.recv()
            if asked == "stop":
                return
            refused = fake.refused
            told.send((Counter(fake.calls), fake.tokens, len(company.persons), refused))
            fake.calls.clear()
            fake.tokens = 0


def measure(given: Namespace) -> str:
    fork = get_context("spawn")
    port, theirs = fork.Pipe()
    told, answered = fork.Pipe()
    fake = fork.Process(target=_serve, args=(theirs, given, answered), daemon=True)
    fake.start()
    url = port.recv()
    _django()
    from django.conf import settings

    settings.PIPEDRIVE_URL = url
    _scale(given.speed)
    workspace = _people(given.profiles)
    _connect(workspace, given)
    told.send("counts")
    told.recv()
    before = _killed_half_way(given) if given.kill else 0.0
    found = []
    for name, change in (("first sync", 0), ("idle", 0), ("1 % changed", given.profiles // 100)):
        _change(workspace, change)
        seconds, memory = _run(workspace)
        told.send("counts")
        calls, tokens, persons, refused = told.recv()
        found.append(Measured(name, before + seconds, calls, tokens, persons, refused, memory))
        print(found[-1], flush=True)
        before = 0.0
    told.send("stop")
    return table(given, found)


def _serve(port: Any, given: Namespace, told: Any) -> None:
    _django()
    serve(port, given, told)


def _django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()


def _scale(speed: float) -> None:
    from integrations.services.pipedrive import gateway

    began = time.monotonic()
    gateway.monotonic = lambda: (time.monotonic() - began) * speed
    gateway.sleep = lambda seconds: time.sleep(seconds / speed)


def _people(profiles: int) -> Any:
    from django.core.management import call_command

    from cdp.services.ingest import ingest
    from stratum.workspaces.models import Workspace

    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(slug="bench", name="Bench", currency="USD")
    now = datetime.now(UTC) - timedelta(minutes=5)
    for start in range(0, profiles, AT_ONCE):
        items = [
            {
                "type": "identify",
                "userId": f"u{number}",
                "traits": {"email": f"u{number}@example.com", "first_name": "Ada", "last_name": f"Number {number}"},
                "timestamp": now.isoformat(),
            }
            for number in range(start, min(start + AT_ONCE, profiles))
        ]
        ingest(workspace=workspace, source=None, items=items, received_at=now)
    return workspace


def _connect(workspace: Any, given: Namespace) -> None:
    from integrations.models import PipedriveConnection
    from integrations.services.pipedrive import connecting, mapping
    from stratum.workspaces.access import SYSTEM

    now = datetime.now(UTC)
    connecting.connect(workspace=workspace, by=SYSTEM, api_token=TOKEN, now=now)
    mapping.create_fields(workspace=workspace, by=SYSTEM, now=now)
    PipedriveConnection.objects.update(
        burst_share=given.share, burst_limit=given.burst, daily_limit=100_000_000, budget_share=100
    )


def _change(workspace: Any, count: int) -> None:
    from cdp.services.ingest import ingest

    now = datetime.now(UTC)
    items = [
        {"type": "identify", "userId": f"u{number}", "traits": {"first_name": "Grace"}, "timestamp": now.isoformat()}
        for number in range(count)
    ]
    if items:
        ingest(workspace=workspace, source=None, items=items, received_at=now)


def _run(workspace: Any) -> tuple[float, list[int]]:
    """Its seconds, and the megabytes that this process held at its steps."""
    from integrations.models import PipedriveConnection, PipedriveRun
    from integrations.services.pipedrive import sync

    connection = PipedriveConnection.objects.get(workspace=workspace)
    run = PipedriveRun.objects.create(
        workspace=workspace,
        connection=connection,
        mode="incremental",
        trigger="manual",
        started_by="benchmark",
        created_at=datetime.now(UTC),
    )
    memory: list[int] = []
    began = time.monotonic()
    ending = sync.carry_out(run, now=lambda: datetime.now(UTC), report=lambda *step: memory.append(_resident()))
    assert ending.state == "succeeded", ending
    return time.monotonic() - began, memory


def _resident() -> int:
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * resource.getpagesize() >> 20


def _killed_half_way(given: Namespace) -> float:
    """A worker of its own, killed with no chance to say anything, and its seconds; what was in flight is let settle."""
    import subprocess

    from django.db import connection as database

    from integrations.models import PipedriveLink, PipedriveOutbox

    code = "import benchmarks.pipedrive as b, os; b._worker(os.environ['BENCH_URL'], float(os.environ['BENCH_SPEED']))"
    from django.conf import settings

    env = {**os.environ, "BENCH_URL": settings.PIPEDRIVE_URL, "BENCH_SPEED": str(given.speed)}
    began = time.monotonic()
    worker = subprocess.Popen([sys.executable, "-c", code], env=env)
    while PipedriveLink.objects.count() < given.profiles // 2:
        time.sleep(0.2)
    worker.kill()
    worker.wait()
    seconds = time.monotonic() - began
    database.close()
    settled = timedelta(minutes=10)
    rows = PipedriveOutbox.objects.filter(intent_at__isnull=False)
    print(f"killed with {PipedriveLink.objects.count():,} linked and {rows.count()} in flight")
    for row in rows:
        row.intent_at, row.lease_until = row.intent_at - settled, None
        row.save(update_fields=["intent_at", "lease_until"])
    PipedriveOutbox.objects.update(lease_until=None)
    return seconds


def _worker(url: str, speed: float) -> None:
    _django()
    from django.conf import settings

    from stratum.workspaces.models import Workspace

    settings.PIPEDRIVE_URL = url
    _scale(speed)
    _run(Workspace.objects.get(slug="bench"))


@dataclass(frozen=True, slots=True)
class Measured:
    """`memory`: megabytes at the steps of the run."""

    name: str
    seconds: float
    calls: Counter[str]
    tokens: int
    persons: int
    refused: int
    memory: list[int]

    def __str__(self) -> str:
        calls = ", ".join(f"{call} {count:,}" for call, count in self.calls.most_common())
        return f"{self.name}: {self.seconds:.1f} s, {self.tokens:,} tokens, {self.persons:,} persons ({calls})"


def table(given: Namespace, found: list[Measured]) -> str:
    """In Markdown."""
    thousand, first = given.profiles / 1_000, found[0]
    least = given.profiles / (given.burst * given.share / 100) * 2 / given.speed
    early, late = first.memory[len(first.memory) // 10], first.memory[-1]
    wanted = "with the start of the worker that was killed" if given.kill else "wanted 1.2"
    options = f"--profiles {given.profiles}{' --kill' if given.kill else ''}"
    lines = [
        f"`python -m benchmarks.pipedrive {options}`: {given.profiles:,} profiles, the fake over HTTP in a process of "
        f"its own, {given.latency * 1000:.0f} ms latency, {given.burst * given.share // 100} calls in two seconds. "
        f"Measured {datetime.now(UTC):%Y-%m-%d}, load afterwards {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
        + (" The first sync was killed half-way, and went on." if given.kill else ""),
        "",
        "| | seconds | calls per 1,000 records | tokens per 1,000 records |",
        "|---|---|---|---|",
        *(
            f"| {one.name} | {one.seconds:,.1f} | {sum(one.calls.values()) / thousand:,.1f} "
            f"| {one.tokens / thousand:,.1f} |"
            for one in found
        ),
        "",
        f"The limits alone impose {least:,.0f} s on the first sync: it took {first.seconds / least:.2f} times that "
        f"({wanted}). It spent {first.tokens:,} tokens, {first.tokens / given.profiles / CREATION:.3f} times the "
        f"plan of {CREATION} a record (wanted 1.05), and made {first.persons:,} persons. The worker held {early} MB "
        f"after a tenth of it and {late} MB at its end. The fake refused {found[-1].refused} calls as too fast.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
