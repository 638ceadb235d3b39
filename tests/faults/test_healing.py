"""Damage heals without anybody doing anything, and never shows as a wrong number."""

import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cdp.engine.columnar.locks import REBUILD_LOCK, locked
from cdp.engine.errors import EngineRebuilding
from cdp.queries import engine as engines
from cdp.queries.engine import answering, engine_of, fresh_engine, settled_engine
from cdp.services.engine import keep_up
from cdp.tasks import project_all
from stratum.lib.refusal import Refusal
from stratum.workspaces.models import Workspace
from tests.engine.folder import manifest_of
from tests.engine.test_damage import spoil
from tests.faults.conftest import Tell, counted, damaged_files, forget_what_is_mapped

pytestmark = pytest.mark.django_db

HARMS = ["truncated", "altered", "removed"]


def base_table(folder: Path) -> Path:
    (table,) = folder.glob("base-table-*")
    return table


def run(folder: Path) -> Path:
    (only,) = folder.glob("run-*")
    return only


VICTIMS: list[Callable[[Path], Path]] = [base_table, run, manifest_of]


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("harm", ["truncated", "removed"])
def test_a_question_that_meets_damage_is_answered_rightly(
    workspace: Workspace, folder: Path, victim: Callable[[Path], Path], harm: str
) -> None:
    spoil(victim(folder), harm)
    forget_what_is_mapped()
    assert counted(workspace) == 42
    assert damaged_files(workspace) == []


def test_a_lost_folder_comes_back(workspace: Workspace, folder: Path) -> None:
    shutil.rmtree(folder)
    assert counted(workspace) == 42


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("harm", HARMS)
def test_the_worker_finds_and_heals_what_nobody_noticed(
    workspace: Workspace, folder: Path, victim: Callable[[Path], Path], harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = victim(folder).name
    spoil(victim(folder), harm)
    project_all()
    forget_what_is_mapped()
    assert damaged_files(workspace) == []
    assert counted(workspace) == 42
    if harm != "removed" or victim is not manifest_of:  # without any state there is nothing wrong with it
        assert name in caplog.text


class TestALargeWorkspace:
    """What takes long to read again is the worker's business."""

    @pytest.fixture(autouse=True)
    def large(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engines, "QUICK", 10)

    @pytest.fixture
    def damaged(self, folder: Path) -> Path:
        spoil(base_table(folder), "truncated")
        forget_what_is_mapped()
        return folder

    def test_no_question_gets_a_partial_count(self, workspace: Workspace, damaged: Path) -> None:
        for _ in range(2):
            with pytest.raises(Refusal, match="is being rebuilt") as refused, answering():
                fresh_engine(workspace)
            assert refused.value.status == 503

    def test_those_who_have_it_mapped_ask_no_more(self, workspace: Workspace, folder: Path) -> None:
        mapped = engine_of(workspace)
        spoil(base_table(folder), "truncated")
        forget_what_is_mapped()
        with pytest.raises(EngineRebuilding):
            fresh_engine(workspace)
        assert mapped.check()

    def test_the_question_has_the_worker_rebuild_it(
        self, workspace: Workspace, damaged: Path, django_capture_on_commit_callbacks: Callable[..., object]
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True) as asked:  # type: ignore[attr-defined]
            for _ in range(3):
                with pytest.raises(EngineRebuilding):
                    fresh_engine(workspace)
        assert len(asked) == 1
        assert counted(workspace) == 42

    def test_a_lost_folder_counts_nothing_until_it_is_back(
        self, workspace: Workspace, folder: Path, tell: Tell
    ) -> None:
        shutil.rmtree(folder)
        with pytest.raises(EngineRebuilding):
            fresh_engine(workspace)
        tell(1)
        assert keep_up(workspace) == 43
        assert counted(workspace) == 43

    def test_work_in_the_background_has_it_rebuilt_first(self, workspace: Workspace, damaged: Path) -> None:
        settled_engine(workspace)
        assert counted(workspace) == 42

    def test_while_somebody_rebuilds_nobody_else_does(
        self, workspace: Workspace, damaged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engines, "QUICK", 1_000)
        with locked(damaged, REBUILD_LOCK, 1), pytest.raises(EngineRebuilding):
            fresh_engine(workspace)
        assert counted(workspace) == 42


class TestTheCommand:
    def test_all_is_well(self, workspace: Workspace, folder: Path) -> None:
        out = StringIO()
        call_command("check_engine", stdout=out)
        assert out.getvalue() == "acme: sound\n"

    def test_it_names_file_and_reason_and_fails(self, workspace: Workspace, folder: Path) -> None:
        spoil(base_table(folder), "altered")
        out = StringIO()
        with pytest.raises(CommandError, match=r"acme\. Run again with --heal"):
            call_command("check_engine", "--workspace", "acme", "--json", stdout=out)
        assert json.loads(out.getvalue()) == {
            "acme": [{"file": base_table(folder).name, "reason": "was altered: its checksum is wrong"}]
        }

    def test_it_heals(self, workspace: Workspace, folder: Path) -> None:
        spoil(base_table(folder), "altered")
        out = StringIO()
        call_command("check_engine", "--heal", stdout=out)
        assert out.getvalue().endswith("acme: rebuilt\n")
        assert counted(workspace) == 42 and damaged_files(workspace) == []

    def test_it_knows_no_such_workspace(self, workspace: Workspace) -> None:
        with pytest.raises(CommandError, match="no workspace nowhere"):
            call_command("check_engine", "--workspace", "nowhere")
