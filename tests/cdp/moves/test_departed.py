"""A deleted workspace leaves nothing in its engines, be they away at that moment."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from cdp.engine.clickhouse import server as servers
from cdp.engine.clickhouse.engine import TABLES
from cdp.engine.clickhouse.raw import RawStore
from cdp.engine.raw import DAY, RawEvent
from cdp.models import EngineLeft, RawArchive
from cdp.queries.engine import fresh_engine
from cdp.services.departed import EVERY, LEFT_FOR
from stratum.lib import seal
from stratum.workspaces.models import Workspace
from stratum.workspaces.tasks import tick
from tests.cdp.moves.conftest import Did
from tests.clickhouse_server.process import ClickHouseProcess
from tests.conftest import MoveClock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(clickhouse_process: ClickHouseProcess) -> Iterator[ClickHouseProcess]:
    yield clickhouse_process
    clickhouse_process.recover()


@pytest.fixture
def address(settings: Settings, server: ClickHouseProcess) -> str:
    settings.ENGINE_URL = url = server.url("departed")
    return url


@pytest.fixture
def filled(workspace: Workspace, other_workspace: Workspace, did: Did, address: str) -> int:
    """Events, an old edition's line, raw events; somebody else's too."""
    did("anna", "page_view", "purchase")
    fresh_engine(workspace)
    raw: dict[str, Any] = dict.fromkeys(("pair_key", "source_id", "sent", "original_timestamp"))
    raw |= dict.fromkeys(("platform", "device", "campaign"))
    row = RawEvent(id=1, xid=1, profile=1, kind=0, name="x", message_id="m", original_name="x", ts=DAY, received=DAY,
                   properties="{}", context="{}", flags="[]", **raw)  # fmt: skip
    for one in (workspace, other_workspace):
        RawStore(address, one.pk).write(1, [row], 0)
    RawArchive.objects.create(workspace=workspace, address=seal.seal(address))
    assert rows(address, workspace.pk) > 4
    return workspace.pk


def rows(address: str, workspace: int) -> int:
    server, found = servers.server_of(address), 0
    for table in (*TABLES, "raw", "state"):
        asked = f"SELECT toInt64(count()) FROM {table} WHERE workspace = {{workspace:Int64}}"
        found += server.rows(asked, {"workspace": workspace})[0][0]
    return found


def test_clickhouse_is_emptied_a_little_later(
    workspace: Workspace, other_workspace: Workspace, filled: int, address: str, now: datetime, move_clock: MoveClock
) -> None:
    others = rows(address, other_workspace.pk)
    workspace.delete()
    tick()
    assert rows(address, filled) > 0, "somebody may still be at work there"
    assert address not in EngineLeft.objects.get().address
    move_clock(now + LEFT_FOR)
    tick()
    assert rows(address, filled) == 0 and rows(address, other_workspace.pk) == others > 0
    assert not EngineLeft.objects.exists()


def test_when_it_is_away_it_happens_later_by_itself(
    workspace: Workspace, filled: int, address: str, server: ClickHouseProcess, now: datetime, move_clock: MoveClock
) -> None:
    workspace.delete()
    server.kill()
    move_clock(now + LEFT_FOR)
    tick()
    assert EngineLeft.objects.exists()
    server.start()
    servers.server_of.cache_clear()
    assert rows(address, filled) > 0
    move_clock(now + LEFT_FOR + EVERY)
    tick()
    assert rows(address, filled) == 0 and not EngineLeft.objects.exists()


def test_a_deletion_that_is_rolled_back_empties_nothing(workspace: Workspace, filled: int, address: str) -> None:
    with transaction.atomic():
        workspace.delete()
        transaction.set_rollback(True)
    assert not EngineLeft.objects.exists() and rows(address, filled) > 0


def test_files_go_too(
    workspace: Workspace, did: Did, engine_folder: Path, now: datetime, move_clock: MoveClock
) -> None:
    did("anna", "page_view")
    fresh_engine(workspace)
    folder = engine_folder / str(workspace.pk)
    assert list(folder.iterdir())
    workspace.delete()
    move_clock(now + LEFT_FOR + timedelta(seconds=1))
    tick()
    assert not folder.exists() and not EngineLeft.objects.exists()
