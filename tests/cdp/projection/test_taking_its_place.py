"""A rebuilt engine takes the place of one that others brought further meanwhile: what was told once stays told."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest

from cdp.engine import open_engine
from cdp.engine.base import Engine
from cdp.engine.clickhouse.engine import ClickHouseEngine
from cdp.engine.errors import EngineBusy, EngineOvertaken
from cdp.queries import projection
from cdp.services.ingest import ingest
from stratum.workspaces.models import Workspace
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT, clickhouse_engine

needs_clickhouse = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)


@pytest.fixture(params=["columnar", pytest.param("clickhouse", marks=needs_clickhouse)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return CLICKHOUSE_URL if request.param == "clickhouse" else f"columnar://{tmp_path}"


def happen(workspace: Workspace, number: int, now: datetime) -> None:
    item = {"type": "track", "userId": "anna", "event": "visit", "messageId": str(number), "timestamp": now.isoformat()}
    assert not ingest(workspace=workspace, source=None, items=[item], received_at=now).rejected


@pytest.mark.django_db
def test_what_others_told_while_it_was_filled_is_not_missing(
    workspace: Workspace, now: datetime, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, other = open_engine(url, workspace.pk), open_engine(url, workspace.pk)
    happen(workspace, 0, now)
    projection.project(engine, workspace.pk)
    catch_up, told = projection._catch_up, [1]

    def disturbed(target: Engine, workspace_id: int, *given: float) -> int:
        """Whenever the draft has read what there is, something happens, and somebody asks."""
        rows = catch_up(target, workspace_id, *given)
        happen(workspace, len(told), now)
        with suppress(EngineBusy):
            catch_up(other, workspace_id, 0.0)
        told.append(other.stored().events)
        return rows

    monkeypatch.setattr(projection, "_catch_up", disturbed)
    projection.rebuild(engine, workspace.pk)
    assert max(told) > 1
    assert engine.stored().events >= max(told)


@needs_clickhouse
def test_nobody_writes_to_an_edition_that_was_replaced_while_he_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = clickhouse_engine()
    places = iter([engine.place() - 1, engine.place()])
    monkeypatch.setattr(ClickHouseEngine, "place", lambda self: next(places))
    with pytest.raises(EngineOvertaken), engine.writing(1):
        raise AssertionError("nobody gets here")
