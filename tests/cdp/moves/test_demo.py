"""The demo workspace moves to ClickHouse over HTTP and back: every page is what it was, to the letter."""

import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from cdp.engine.clickhouse import state
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.columnar.engine import ColumnarEngine
from cdp.models import Profile
from cdp.queries import engine_sample
from cdp.queries.engine import engine_of, settled_engine
from cdp.services import demo
from cdp.services.engine_alone import LOCK
from cdp.services.engine_moves import Progress, move
from cdp.tasks import bring_definitions_up_to_date
from stratum.workspaces.models import User, Workspace
from tests.clickhouse_server.process import ClickHouseProcess

ROOT = Path(__file__).parents[3]
# What is new in every answer.
CHANGING = re.compile(r'csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"|nonce="[^"]*"|nonce-[\w+/=-]+')


@pytest.fixture
def few_questions() -> None:
    """All of them here."""


@pytest.fixture
def shop(now: datetime) -> Workspace:
    """As `make run` builds it, but smaller."""
    made = demo.build(now=now, progress=lambda done, total: None, profiles=150, events=3_000, workers=1, days=2)
    bring_definitions_up_to_date(made.workspace)
    return made.workspace


@pytest.fixture
def clickhouse_url(clickhouse_process: ClickHouseProcess) -> str:
    return clickhouse_process.url("moves")


def paths(workspace: Workspace) -> list[str]:
    funnels = [f"/dashboard/cdp/funnels/{one.pk}" for one in workspace.funnels.order_by("name", "pk")]
    found = ["/dashboard/figures", "/dashboard/cdp/funnels/numbers", reverse("traits"), reverse("segment_list")]
    found += ["/dashboard/cdp/profiles", "/dashboard/cdp/events", *funnels]
    found += [f"{funnels[0]}?tab={tab}" for tab in ("trend", "people", "time")]
    found += [f"{funnels[0]}?tab=breakdown&breakdown=platform"]
    found += [reverse("trait", args=[one.pk]) for one in workspace.traits.order_by("name")[:3]]
    found += [reverse("segment_detail", args=[one.pk]) for one in workspace.segments.order_by("name")[:3]]
    live = Profile.objects.filter(workspace=workspace, merged_into=None).order_by("pk")
    return [*found, *(f"/dashboard/cdp/profiles/{one.pk}" for one in live[:5])]


def pages(workspace: Workspace, browser: Client) -> dict[str, str]:
    found = {}
    for path in paths(workspace):
        answer = browser.get(path, follow=True)
        assert answer.status_code == 200, path
        found[path] = CHANGING.sub("", answer.content.decode())
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    assert one.keys() == other.keys()
    return [
        f"{path}: {first.strip()} / {second.strip()}"
        for path in one
        for first, second in zip(one[path].splitlines(), other[path].splitlines(), strict=False)
        if first != second
    ] or [path for path in one if one[path] != other[path]]


@pytest.mark.django_db
def test_all_pages_are_the_same_there_and_back(shop: Workspace, clickhouse_url: str, now: datetime) -> None:
    browser = Client()
    browser.force_login(User.objects.get(email=demo.EMAIL))
    pages(shop, browser)  # what is made when a page is first asked for is there now
    before = pages(shop, browser)
    assert len(before) > 20 and any("purchase" in page for page in before.values())
    moved = move(workspace=shop, to=clickhouse_url, now=now, tell=lambda told: None, seed=1)
    assert isinstance(engine_of(shop), ClickHouseEngine)
    assert moved.refused == () and moved.compared > 80
    assert differing(before, pages(shop, browser)) == []
    move(workspace=shop, to="columnar", now=now, tell=lambda told: None, seed=2)
    assert isinstance(engine_of(shop), ColumnarEngine)
    assert differing(before, pages(shop, browser)) == []


def locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s)", [LOCK])
        return bool(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_killed_command_goes_on(
    shop: Workspace, clickhouse_url: str, settings: Settings, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real process, killed with -9 in the middle of copying; the second one starts where it was."""
    counted = settled_engine(shop).census(2**62)
    target = ClickHouseEngine(clickhouse_url, shop.pk)
    parameters = connection.get_connection_params()
    database = f"postgres://{parameters.get('user', '')}@/{parameters['dbname']}?host={parameters['host']}&port={parameters.get('port', 5432)}"
    given = {
        "DATABASE_URL": database,
        "STRATUM_HOME": str(settings.HOME),
        "SECRET_KEY": settings.SECRET_KEY,
        "ENGINE_URL": settings.ENGINE_URL,
    }
    program = (
        "import django; django.setup()\n"
        "from cdp.services import engine_moves; engine_moves.PIECE = 100\n"
        "from django.core.management import call_command; call_command('move_engine', to=__import__('sys').argv[1], workspace='demo')"
    )
    command = [sys.executable, "-c", program, clickhouse_url]
    env = {**os.environ, **given, "DJANGO_SETTINGS_MODULE": "stratum.settings"}
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    deadline = time.monotonic() + 120
    while target.stored().events < 300:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    while locked():  # until PostgreSQL has noticed
        time.sleep(0.05)
    assert isinstance(engine_of(shop), ColumnarEngine)
    monkeypatch.setattr(engine_sample, "PROFILES", 3)
    monkeypatch.setattr(state, "LEASE_SECONDS", 2.0)  # that the killed one's claim lives
    seen: list[Progress] = []
    move(workspace=shop, to=clickhouse_url, now=now, tell=seen.append, seed=3)
    assert seen[0].resumed >= 300
    assert settled_engine(shop).census(2**62) == counted
