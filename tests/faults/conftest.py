"""A workspace with an engine of its own, which can be spoilt."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from cdp.engine import open_engine
from cdp.queries import engine as engines
from cdp.queries.engine import engine_of, fresh_engine
from cdp.services.event_store import store
from stratum.workspaces.models import Workspace
from tests.cdp.messages import message

Tell = Callable[[int], None]


@pytest.fixture(autouse=True)
def engine_folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.ENGINE_URL = f"columnar://{tmp_path / 'engine'}"
    monkeypatch.setattr(engines, "_asked", {})
    return tmp_path / "engine"


@pytest.fixture
def tell(workspace: Workspace) -> Tell:
    """`tell(3)`: three more people do something."""

    def told(people: int) -> None:
        store(workspace, None, [message(user_id=f"user-{n}", properties={"n": n}) for n in range(people)])

    return told


@pytest.fixture
def folder(workspace: Workspace, tell: Tell, engine_folder: Path) -> Path:
    """Of an engine with a base of forty events and a run of two."""
    tell(40)
    assert fresh_engine(workspace).compact()
    tell(2)
    assert counted(workspace) == 42
    return engine_folder / str(workspace.pk)


def counted(workspace: Workspace) -> int:
    return fresh_engine(workspace).stored().events


def forget_what_is_mapped() -> None:
    """What a new process knows."""
    open_engine.cache_clear()


def damaged_files(workspace: Workspace) -> list[str]:
    return [one.file for one in engine_of(workspace).check()]
