"""Columns of a long book wait in a file for the next process, which believes nothing but the book."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from stratum.workspaces.models import Workspace
from tests.trustlayer.conftest import Write
from trustlayer import asked, column_files
from trustlayer.models import LedgerEntry
from trustlayer.queries import audit
from trustlayer.services import checkpoints, keeping


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[None]:
    monkeypatch.setattr(audit, "SAVED_EVERY", 1)
    yield
    column_files.discard(workspace.pk)


def ask(workspace: Workspace, now: datetime, *, as_new_process: bool = True, **given: str) -> tuple[list[int], object]:
    if as_new_process:
        audit._kept.pop(workspace.pk, None)
    found = audit.find(workspace, asked.parse(given, now=now, zone=ZoneInfo("UTC")))
    return found.seqs.tolist(), audit.facets(found)


def test_a_new_process_answers_the_same_and_reads_only_what_is_new(
    workspace: Workspace, book: list[LedgerEntry], write: Write, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {"kind": "all", "dry_run": "all"}
    before = ask(workspace, now, **everything)
    assert column_files.place(workspace.pk).exists()
    asked_from: list[int] = []
    read = audit._read
    monkeypatch.setattr(audit, "_read", lambda whose, after: asked_from.append(after) or read(whose, after))
    assert ask(workspace, now, **everything) == before
    assert asked_from == []
    write("HOLD")
    seqs, _ = ask(workspace, now, **everything)
    assert seqs == [*before[0], 8]
    assert asked_from == [7]
    assert ask(workspace, now, q="2.9") == ask(workspace, now, as_new_process=False, q="2.9")


@pytest.mark.parametrize("spoilt", [b"", b"PK nonsense", None])
def test_a_torn_file_is_as_none(
    workspace: Workspace, book: list[LedgerEntry], now: datetime, spoilt: bytes | None
) -> None:
    before = ask(workspace, now)
    file = column_files.place(workspace.pk)
    file.write_bytes(file.read_bytes()[:-200] if spoilt is None else spoilt)
    assert ask(workspace, now) == before


def test_the_file_of_another_book_is_not_believed(
    workspace: Workspace, other_workspace: Workspace, book: list[LedgerEntry], write: Write, now: datetime
) -> None:
    ask(workspace, now)
    write("BLOCK", into=other_workspace)
    column_files.place(workspace.pk).rename(column_files.place(other_workspace.pk))
    assert ask(other_workspace, now)[0] == [1]
    column_files.discard(other_workspace.pk)


def test_what_retention_takes_leaves_no_file(
    workspace: Workspace,
    book: list[LedgerEntry],
    now: datetime,
    django_capture_on_commit_callbacks: pytest.FixtureRequest,
) -> None:
    ask(workspace, now)
    checkpoints.sign(workspace=workspace, reason="daily", now=now)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert keeping.prune(workspace=workspace, before=now, now=now) == 7
    assert not column_files.place(workspace.pk).exists()


def test_a_workspace_takes_its_file_along(workspace: Workspace, book: list[LedgerEntry], now: datetime) -> None:
    ask(workspace, now)
    column_files.forget(instance=workspace.ledger_head)
    assert not column_files.place(workspace.pk).exists()


def test_after_retention_the_rest_waits_in_a_file_again(
    workspace: Workspace, book: list[LedgerEntry], write: Write, now: datetime
) -> None:
    ask(workspace, now)
    checkpoints.sign(workspace=workspace, reason="daily", now=now)
    write("HOLD")
    keeping.prune(workspace=workspace, before=now, now=now)
    column_files.discard(workspace.pk)  # as its commit does
    audit.remember_anew(workspace)
    columns, _ = column_files.load(workspace.pk)
    left = LedgerEntry.objects.filter(workspace=workspace).order_by("seq").values_list("seq", flat=True)
    assert columns["seq"][: columns.size].tolist() == list(left) != []
