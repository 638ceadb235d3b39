"""Every page of the demo workspace: time in the server, and weight as sent, compressed, without the charts' library.

`python -m benchmarks.pages` asks the database of DATABASE_URL (make run's without one) and builds the demo workspace
when it is not there yet. `--write` puts the table into docs/performance.md.
`DATABASE_URL=… STRATUM_HOME=… python -m benchmarks.pages --events 10000000` asks a database and a folder of its own, in
which the demo workspace is repeated until it has so many events.
"""

# ruff: noqa: PLC0415 -- Django must be set up before its models may be imported
import gzip
import os
import platform
import re
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import brotli
import django
from django.contrib.staticfiles import finders
from django.urls import URLPattern, URLResolver, get_resolver

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
MARKS = {
    False: ("<!-- pages: written by `python -m benchmarks.pages --write` -->", "<!-- /pages -->"),
    True: ("<!-- many events: written by `python -m benchmarks.pages --events N --write` -->", "<!-- /many events -->"),
}
MOST_MS, MOST_MS_MANY, MOST_KB = 150, 300, 150
ROUNDS = 7
CHARTS = re.compile("plotly")
STATIC = re.compile(r'"/static/([^"#?]+)')
LOGGED_OUT = ("pricing", "signup", "login", "password_reset")


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    milliseconds: float
    worst: float
    processor: float
    kilobytes: float
    html: float
    queries: int

    def is_fine(self, most: int) -> bool:
        return self.milliseconds <= most and self.kilobytes <= MOST_KB


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    parser.add_argument("--only", default="", help="pages whose name contains this")
    parser.add_argument("--events", type=int, default=0, help="repeat the demo workspace until it has so many")
    given = parser.parse_args()
    if given.events and not (os.environ.get("DATABASE_URL") and os.environ.get("STRATUM_HOME")):
        parser.error("--events needs DATABASE_URL and STRATUM_HOME: a database and a folder of their own.")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stratum.settings")
    django.setup()
    from django.conf import settings

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.ALLOWED_HOSTS.append("testserver")
    events = grown(given.events) if given.events else 0
    pages = [page for page in measured(given.only) if page is not None]
    text = told(pages, events)
    print(text)
    if given.write:
        write(text, is_many=bool(events))


def grown(events: int) -> int:
    """How many there are then. What else workers do is done here."""
    from celery import current_app
    from django.core.management import call_command

    from benchmarks.many_events import grow
    from cdp.services import demo
    from stratum.lib import clock

    current_app.conf.task_always_eager = True
    current_app.loader.import_default_modules()
    call_command("migrate", verbosity=0)
    print("building the demo workspace", flush=True)
    made = demo.build(now=clock.now(), progress=lambda done, total: None)
    return grow(made.workspace, events, told=lambda said: print(said, flush=True))


def measured(only: str) -> Iterator[Page | None]:
    from django.test import Client

    from cdp.services import demo
    from stratum.lib import clock
    from stratum.workspaces.models import User

    made = demo.build(now=clock.now(), progress=lambda done, total: None)
    inside, outside = Client(), Client()
    inside.force_login(User.objects.get(email=made.email))
    for name in LOGGED_OUT:
        yield ask(outside, name, f"/{address_of(name)}") if only in name else None
    for name, pattern in sorted(routes("", get_resolver().url_patterns)):
        if pattern.startswith("dashboard/") and only in name:
            address = filled(pattern, made.workspace)
            yield ask(inside, name, f"/{address}") if address is not None else None


def routes(prefix: str, patterns: Any) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(address, pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name, address


def address_of(name: str) -> str:
    return dict(routes("", get_resolver().url_patterns))[name]


def filled(address: str, workspace: Any) -> str | None:
    """The address with rows of the workspace in the place of its parameters; None where there is none."""
    found = {name: _row(name, workspace) for name in re.findall(r"<\w+:(\w+)>", address)}
    if None in found.values():
        return None
    return re.sub(r"<\w+:(\w+)>", lambda parameter: str(found[parameter[1]]), address)


@cache
def _row(name: str, workspace: Any) -> object:
    from autopilot.models import Action, DryRun, Rule
    from cdp.models import Event, Funnel, Profile, Segment, Trait
    from integrations.models import AdConnection, AdEntity, PipedriveRun
    from trustlayer.models import LedgerEntry

    models: dict[str, Any] = {
        "funnel_id": Funnel,
        "trait_id": Trait,
        "segment_id": Segment,
        "profile_id": Profile,
        "event_id": Event,
        "action_id": Action,
        "dry_run_id": DryRun,
        "rule_id": Rule,
        "connection_id": AdConnection,
        "entity_id": AdEntity,
        "run_id": PipedriveRun,
        "entry_id": LedgerEntry,
    }
    if name not in models:
        return None
    row = models[name].objects.filter(workspace=workspace).order_by("pk").last()
    return row and row.pk


def ask(client: Any, name: str, address: str) -> Page | None:
    """None for what is no page: downloads, redirects, and what only takes a POST."""
    from django.db import connection

    queries: list[str] = []

    def note(execute: Any, query: str, *rest: Any) -> Any:
        queries.append(query)
        return execute(query, *rest)

    with connection.execute_wrapper(note):
        first = client.get(address)
    if first.status_code != 200 or not first["Content-Type"].startswith("text/html") or b"<html" not in first.content:
        return None
    backend = backend_of(connection)
    rounds = [timed(client, address, backend) for _ in range(ROUNDS)]
    took = sorted(waited for waited, _ in rounds)
    processor = median(busy for _, busy in rounds)
    html = len(gzip.compress(first.content, 6)) / 1_000
    files = {path for path in STATIC.findall(first.content.decode()) if not CHARTS.search(path)}
    return Page(name, median(took), took[-1], processor, html + sum(map(weight, files)), html, len(queries))


def timed(client: Any, address: str, backend: Path) -> tuple[float, float]:
    """Milliseconds that passed, and those of a processor that this process and PostgreSQL's used."""
    began, busy = time.perf_counter(), time.process_time() + used(backend)
    client.get(address)
    return (time.perf_counter() - began) * 1_000, (time.process_time() + used(backend) - busy) * 1_000


def backend_of(connection: Any) -> Path:
    """Where Linux tells what PostgreSQL's process of this connection has used."""
    connection.ensure_connection()
    return Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")


def used(backend: Path) -> float:
    """Seconds; 0 where PostgreSQL runs elsewhere."""
    try:
        return int(backend.read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


@cache
def weight(path: str) -> float:
    """As WhiteNoise sends it: with Brotli where that is smaller."""
    found = finders.find(path)
    if not found:
        raise SystemExit(f"There is no static file {path}.")
    content = Path(str(found)).read_bytes()
    return min(len(content), len(brotli.compress(content))) / 1_000


def told(pages: list[Page], events: int) -> str:
    most = MOST_MS_MANY if events else MOST_MS
    missed = [page.name for page in pages if not page.is_fine(most)]
    slowest, heaviest = max(page.milliseconds for page in pages), max(page.kilobytes for page in pages)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores ({platform.machine()}), load {load}"
        + (f", {events:,} events" if events else "")
        + f": {len(pages)} pages, median and worst of {ROUNDS}. The slowest took {slowest:.0f} ms, the heaviest weighs "
        f"{heaviest:.0f} KB. "
        + (
            f"Beyond {most} ms or {MOST_KB} KB: {', '.join(missed)}."
            if missed
            else f"None is beyond {most} ms or {MOST_KB} KB."
        ),
        "",
        "| page | ms | worst | ms of a processor | queries | HTML, KB | with styles and scripts, KB |",
        "|---|---|---|---|---|---|---|",
    ]
    for page in sorted(pages, key=lambda page: -page.milliseconds):
        numbers = (
            f"{page.milliseconds:.0f}",
            f"{page.worst:.0f}",
            f"{page.processor:.0f}",
            page.queries,
            f"{page.html:.1f}",
            f"{page.kilobytes:.0f}",
        )
        lines.append(f"| {page.name} | {' | '.join(map(str, numbers))} |")
    return "\n".join(lines)


def write(text: str, *, is_many: bool) -> None:
    begin, end = MARKS[is_many]
    before, _, rest = PAGE.read_text().partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


if __name__ == "__main__":
    main()
