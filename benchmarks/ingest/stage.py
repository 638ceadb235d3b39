"""What the benchmark needs of Django: a workspace with keys, stored events, the service, and a plain COPY beside it."""

import io
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import orjson
import psycopg
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from benchmarks.ingest.traffic import first_visits
from cdp.engine import warm
from cdp.models import Event
from cdp.services import engine
from cdp.services.ingest import ingest
from stratum.lib import clock
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace, WriteKey
from stratum.workspaces.services import issue_api_key, issue_write_key

COPIES = 2

INDEXES = [
    "CREATE UNIQUE INDEX ON {} (id)",
    "CREATE UNIQUE INDEX ON {} (message_id, workspace_id)",
    "CREATE UNIQUE INDEX ON {} (pair_key, workspace_id) WHERE pair_key IS NOT NULL",
    "CREATE INDEX ON {} (workspace_id, xid, id)",
    "CREATE INDEX ON {} (profile_id, ts)",
]


FILL = 100_000  # events stored by one statement


@dataclass(frozen=True, slots=True)
class Stage:
    workspace: Workspace
    source: WriteKey
    write_key: str
    api_key: str


def set_up() -> Stage:
    """A workspace in which everybody is known."""
    call_command("migrate", interactive=False, verbosity=0)
    warm(["unique"])
    workspace = Workspace.objects.create(slug=f"bench-{uuid.uuid4().hex[:12]}", name="Benchmark", plan="professional")
    source, write_key = issue_write_key(workspace=workspace, by=SYSTEM, name="clients", now=clock.now())
    _, api_key = issue_api_key(workspace=workspace, by=SYSTEM, name="questions", now=clock.now())
    made = Stage(workspace, source, write_key, api_key)
    direct(made, first_visits())
    return made


def backend() -> int:
    """The process that serves this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (found,) = cursor.fetchone() or (0,)
        return int(found)


def stored(stage: Stage) -> int:
    return Event.objects.filter(workspace=stage.workspace).count()


def fill(stage: Stage, events: int) -> None:
    """Events of the people who are there, in their form, until so many are stored; the engine holds them too."""
    while (missing := events - stored(stage)) > 0:
        with connection.cursor() as cursor:
            cursor.execute(
                _FILL, {"workspace": stage.workspace.pk, "rows": min(missing, FILL), "run": uuid.uuid4().hex}
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE cdp_event")
        cursor.execute("CHECKPOINT")
    engine.rebuild(stage.workspace)


# Blocks of a thousand ids are taken as ingestion takes them.
_FILL = """
WITH block AS (SELECT nextval('cdp_block') AS first, row_number() OVER () AS number
    FROM generate_series(1, (%(rows)s + 999) / 1000)),
numbered AS (SELECT first + step AS id, (number - 1) * 1000 + step AS place
    FROM block, generate_series(0, 999) AS step),
people AS (SELECT *, row_number() OVER () - 1 AS person FROM
    (SELECT * FROM cdp_event WHERE workspace_id = %(workspace)s ORDER BY id LIMIT 20000) AS first_ones)
INSERT INTO cdp_event (workspace_id, source_id, id, message_id, profile_id, kind, name, original_name, ts, received_at,
    properties, context, platform, device, campaign, flags)
SELECT workspace_id, source_id, n.id, 'fill-' || %(run)s || '-' || n.place, profile_id, kind, name, original_name,
    ts - (hashint8(n.id) %% 5000000 + 5000000) * interval '1 second', received_at, properties, context, platform,
    device, campaign, flags
FROM numbered n JOIN people ON people.person = abs(hashint8(n.id)::bigint) %% 20000 WHERE n.place < %(rows)s
"""


def direct(stage: Stage, bodies: list[bytes]) -> float:
    """Events per second of the service alone, parsing included."""
    events = 0
    begun = time.perf_counter()
    for body in bodies:
        items = orjson.loads(body)["batch"]
        receipt = ingest(workspace=stage.workspace, source=stage.source, items=items, received_at=clock.now())
        assert not receipt.rejected, receipt.rejected[0]
        events += receipt.accepted
    return events / (time.perf_counter() - begun)


def copy_rate(stage: Stage, rows: int) -> float:
    """Rows per second of COPY of the last `rows` events into a table of the same shape and indexes, over two
    connections, in batches of 100 as ingestion has."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_copy")
        cursor.execute("CREATE TABLE bench_copy (LIKE cdp_event INCLUDING DEFAULTS)")
        for statement in INDEXES:
            cursor.execute(statement.format("bench_copy"))
    parts = [_rows(stage.workspace, rows, part) for part in range(COPIES)]
    with ThreadPoolExecutor(COPIES) as pool:
        begun = time.perf_counter()
        rate = sum(pool.map(_copy, parts)) / (time.perf_counter() - begun)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_copy")
    return rate


def _rows(workspace: Workspace, rows: int, part: int) -> list[bytes]:
    out = io.BytesIO()
    query = sql.SQL(
        "COPY (SELECT * FROM (SELECT * FROM cdp_event WHERE workspace_id = {} ORDER BY id DESC LIMIT {}) AS last"
        " WHERE id % {} = {}) TO STDOUT"
    ).format(workspace.pk, rows, COPIES, part)
    with psycopg.connect(_address()) as link, link.cursor().copy(query) as copy:
        for block in copy:
            out.write(block)
    lines = out.getvalue().splitlines(keepends=True)
    return [b"".join(lines[first : first + 100]) for first in range(0, len(lines), 100)]


def _copy(batches: list[bytes]) -> int:
    rows = 0
    with psycopg.connect(_address(), autocommit=True) as link:
        for batch in batches:
            with link.cursor().copy("COPY bench_copy FROM STDIN") as copy:
                copy.write(batch)
            rows += batch.count(b"\n")
    return rows


def _address() -> str:
    return str(
        psycopg.conninfo.make_conninfo(
            **{
                name: value
                for name, value in {
                    "host": connection.settings_dict["HOST"],
                    "port": connection.settings_dict["PORT"],
                    "user": connection.settings_dict["USER"],
                    "password": connection.settings_dict["PASSWORD"],
                    "dbname": connection.settings_dict["NAME"],
                }.items()
                if value
            }
        )
    )
