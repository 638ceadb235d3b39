"""What the ingestion benchmark needs of the database: a workspace, the service, and the plain COPY beside it."""

import io
import time
import uuid
from concurrent.futures import Executor

import orjson
import psycopg
from django.db import connection
from psycopg import sql

from cdp.services.ingest import ingest
from stratum.lib import clock, keys
from stratum.workspaces.models import Workspace, WriteKey

INDEXES = [
    "CREATE UNIQUE INDEX ON {} (id)",
    "CREATE UNIQUE INDEX ON {} (message_id, workspace_id)",
    "CREATE UNIQUE INDEX ON {} (pair_key, workspace_id) WHERE pair_key IS NOT NULL",
    "CREATE INDEX ON {} (workspace_id, xid, id)",
    "CREATE INDEX ON {} (profile_id, ts)",
]


def stage() -> tuple[Workspace, WriteKey, str]:
    workspace = Workspace.objects.create(slug=f"bench-{uuid.uuid4().hex[:12]}", name="Benchmark")
    prefix, key = keys.new_write_key()
    source = WriteKey.objects.create(
        workspace=workspace, name="bench", prefix=prefix, secret_hash=keys.digest(key), created_at=clock.now()
    )
    return workspace, source, key


def direct(workspace: Workspace, source: WriteKey, bodies: list[bytes]) -> float:
    """Events per second of the service alone, parsing included."""
    events = 0
    begun = time.perf_counter()
    for body in bodies:
        items = orjson.loads(body)["batch"]
        receipt = ingest(workspace=workspace, source=source, items=items, received_at=clock.now())
        assert not receipt.rejected, receipt.rejected[0]
        events += receipt.accepted
    return events / (time.perf_counter() - begun)


def copy_rate(workspace: Workspace, pool: Executor, connections: int) -> float:
    """Rows per second of COPY into a table of the same shape and indexes, in batches of 100 rows as ingestion has."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_copy")
        cursor.execute("CREATE TABLE bench_copy (LIKE cdp_event INCLUDING DEFAULTS)")
        for statement in INDEXES:
            cursor.execute(statement.format("bench_copy"))
    parts = [_rows(workspace, connections, part) for part in range(connections)]
    begun = time.perf_counter()
    rows = sum(pool.map(_copy, parts))
    rate = rows / (time.perf_counter() - begun)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_copy")
    return rate


def _rows(workspace: Workspace, parts: int, part: int) -> list[bytes]:
    out = io.BytesIO()
    query = sql.SQL("COPY (SELECT * FROM cdp_event WHERE workspace_id = {} AND id % {} = {}) TO STDOUT").format(
        workspace.pk, parts, part
    )
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
