"""The backup of docs/deploy.md, restored into another database: the same numbers, and new events are counted on top."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

from cdp.queries.engine import fresh_engine
from cdp.services.ingest import ingest
from stratum.workspaces.models import Workspace

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent.parent
RESTORED = "stratum_test_restored"
PEOPLE = 40

# What the restored installation is asked, in a process of its own.
ASK = """
import json
from stratum.lib import clock
from stratum.workspaces.models import Workspace
from cdp.queries.engine import fresh_engine
from cdp.services.ingest import ingest
acme = Workspace.objects.get(slug="acme")
before = fresh_engine(acme).stored().events
item = {"type": "track", "event": "purchase", "userId": "late", "timestamp": clock.now().isoformat()}
ingest(workspace=acme, source=None, items=[item], received_at=clock.now())
print(json.dumps({"before": before, "after": fresh_engine(acme).stored().events}))
"""


@pytest.fixture
def told(workspace: Workspace, now: datetime) -> int:
    """How many events the engine has counted."""
    items = [
        {
            "type": "track",
            "event": event,
            "userId": f"person-{number}",
            "messageId": f"{event}-{number}",
            "timestamp": (now - timedelta(hours=number)).isoformat(),
        }
        for number in range(PEOPLE)
        for event in ("page_view", "purchase")
    ]
    assert not ingest(workspace=workspace, source=None, items=items, received_at=now).rejected
    return fresh_engine(workspace).stored().events


@pytest.fixture
def other_database() -> Iterator[str]:
    name = sql.Identifier(RESTORED)
    with psycopg.connect(address("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield address(RESTORED)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def address(database: str) -> str:
    given = connection.settings_dict
    password = f":{quote(given['PASSWORD'])}" if given["PASSWORD"] else ""
    host, port = given["HOST"], given["PORT"] or 5432
    if host.startswith("/"):
        return f"postgres://{given['USER']}{password}@/{database}?host={quote(host)}&port={port}"
    return f"postgres://{given['USER']}{password}@{host}:{port}/{database}"


def test_a_backup_comes_back(told: int, other_database: str, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed here")
    dump, home = tmp_path / "stratum.dump", tmp_path / "home"
    source = address(str(connection.settings_dict["NAME"]))
    run("pg_dump", "--format", "custom", "--file", str(dump), source)
    run("pg_restore", "--clean", "--if-exists", "--no-owner", "--dbname", other_database, str(dump))
    rebuilt = manage(other_database, home, "rebuild_engine", "--json")["workspaces"]
    assert {one["workspace"]: one["events"] for one in rebuilt} == {"acme": told}
    assert told == 2 * PEOPLE
    answer = manage(other_database, home, "shell", "--verbosity", "0", "-c", ASK)
    assert answer == {"before": told, "after": told + 1}


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if "server version mismatch" in done.stderr:
        pytest.skip("pg_dump is older than the server here")
    assert done.returncode == 0, done.stderr
    return done.stdout


def manage(database: str, home: Path, *command: str) -> Any:
    """What a command prints as JSON in the last line."""
    given = {"DATABASE_URL": database, "STRATUM_HOME": str(home), "SECRET_KEY": settings.SECRET_KEY, "ENGINE_URL": ""}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
