"""A full disk: numbers stand still, nothing is lost, and all is as it should be once there is room."""

import errno
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from cdp.engine.columnar import arrow
from cdp.engine.errors import EngineRebuilding
from cdp.models import Event
from cdp.queries.engine import engine_of, fresh_engine
from cdp.tasks import project_all
from stratum import health
from stratum.workspaces.models import Workspace
from tests.faults.conftest import Tell, counted, forget_what_is_mapped

pytestmark = pytest.mark.django_db


def no_room(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_old_state_answers_and_ingestion_goes_on(
    workspace: Workspace, folder: Path, tell: Tell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = sorted(path.name for path in folder.glob("*.arrow"))
    with monkeypatch.context() as full:
        full.setattr(arrow, "write_synced", no_room)
        tell(5)
        assert Event.objects.filter(workspace=workspace).count() == 47
        assert counted(workspace) == 42
        assert "answers from its last good state" in caplog.text
        assert "No space left on device" in caplog.text
        project_all()
        assert not engine_of(workspace).compact()
    assert sorted(path.name for path in folder.glob("*.arrow")) == before
    assert counted(workspace) == 47


def test_a_lost_engine_that_cannot_be_stored_answers_nothing(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(folder)
    forget_what_is_mapped()
    with monkeypatch.context() as full:
        full.setattr(arrow, "write_synced", no_room)
        with pytest.raises(EngineRebuilding, match="No space left on device"):
            fresh_engine(workspace)
    assert counted(workspace) == 42


class TestARealDisk:
    """Of 600 kB in memory, where we may mount one."""

    @pytest.fixture
    def disk(self, tmp_path: Path, settings: Settings) -> Iterator[Path]:
        place = tmp_path / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a disk")
        settings.ENGINE_URL = f"columnar://{place}"
        yield place
        subprocess.run(["umount", "--lazy", str(place)], check=True)

    def test_it_is_full_and_then_not(self, workspace: Workspace, tell: Tell, disk: Path) -> None:
        tell(10)
        assert counted(workspace) == 10
        self.fill(disk)
        tell(5)
        assert counted(workspace) == 10
        assert not engine_of(workspace).compact()
        assert health.look(health.clock.now())["engine"] == health.Part(
            False, "The engine's folder cannot be written: it is protected or its disk is full. Numbers stand still."
        )
        (disk / "filler").unlink()
        assert counted(workspace) == 15
        assert engine_of(workspace).check() == []
        assert health.look(health.clock.now())["engine"].ok

    def fill(self, disk: Path) -> None:
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            filler.writelines(itertools.repeat(b"x" * 4_096))
