"""A worker that is killed while it writes an export: the next one writes it whole, and nothing is left of the first."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import repeat
from pathlib import Path

import pytest
from django.db import connections

from stratum.reports import queries, sheets
from stratum.reports.models import Export
from stratum.reports.services import exports
from stratum.reports.tasks import export as write_export
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Job, Workspace
from tests.conftest import MoveClock
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger, verification
from trustlayer.services.ledger import Draft, Entity

ENTRIES = 3_000
PATIENCE = 60  # seconds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def book(workspace: Workspace, now: datetime) -> None:
    draft = Draft(
        reason="Fine", reason_code="healthy", decision="PASS", action="budget_increase", entity=Entity("Campaign")
    )
    ledger.append(workspace=workspace, drafts=list(repeat(draft, ENTRIES)), now=now)


@pytest.fixture
def asked(book: None, workspace: Workspace, by_alice: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Export:
    """Waiting in the queue, where no worker looks."""
    monkeypatch.setattr("trustlayer.exports.CHUNK", 100)
    monkeypatch.setattr("stratum.lib.jobs.after_commit", lambda name, **arguments: None)
    return exports.start(
        workspace=workspace,
        by=by_alice,
        exporter="audit_logs",
        parameters={"kind": "decision"},
        file_format="csv",
        now=now,
    )


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.part"))


def write_slowly(job_id: str) -> int:
    """A worker of its own, which tears each row off with a pause; its process id."""
    connections.close_all()  # two processes on one connection would read each other's answers
    if process := os.fork():
        return process
    lines = sheets.lines
    try:
        sheets.lines = lambda *given: _slowed(lines(*given))
        write_export(job_id)
    finally:
        os._exit(1)


def _slowed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        time.sleep(0.05)


def test_it_is_written_again_whole(asked: Export, workspace: Workspace, now: datetime, move_clock: MoveClock) -> None:
    folder = queries.file_of(asked).parent
    process = write_slowly(str(asked.job_id))
    until = time.monotonic() + PATIENCE
    while not any(part.stat().st_size for part in parts(folder)) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert parts(folder)
    assert not queries.file_of(asked).exists()
    assert Job.objects.get(pk=asked.job_id).state == Job.State.RUNNING

    move_clock(now + timedelta(minutes=3))
    assert jobs.requeue_lost(now=now + timedelta(minutes=3)) == 1
    write_export(str(asked.job_id))

    asked.refresh_from_db()
    file = queries.file_of(asked)
    assert Job.objects.get(pk=asked.job_id).state == Job.State.SUCCEEDED
    assert file.read_text().count("\n") == ENTRIES + 1
    assert asked.manifest["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert parts(folder) == []
    told = LedgerEntry.objects.filter(workspace=workspace, kind=LedgerEntry.Kind.EXPORT)
    assert told.count() == 2  # each attempt may have let entries out of the house
    assert verification.check(workspace).broken is None
