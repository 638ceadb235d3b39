"""The audit log as CSV, JSON and PDF: exactly what was filtered, with proof, and told in the book."""

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from stratum.reports.fonts import words
from stratum.reports.models import Export
from stratum.reports.services import exports
from stratum.workspaces.models import Workspace
from tests.trustlayer.conftest import Write
from trustlayer import chain
from trustlayer.models import Checkpoint, LedgerEntry
from trustlayer.services import checkpoints
from trustlayer.services.ledger import Entity

URL = "/api/v1/trust-layer/audit-logs/export"


def read(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_csv_holds_exactly_what_was_filtered(as_bob: Client, book: list[LedgerEntry]) -> None:
    rows = list(csv.DictReader(io.StringIO(read(as_bob.get(URL, {"health_max": "69"})).decode())))
    assert [row["seq"] for row in rows] == ["2", "3", "4"]
    assert (rows[0]["user"], rows[0]["is_dry_run"]) == ("Bob", "false")
    assert rows[1]["blocked_reason"] == "EMQ score 3.2 (below 4.0 threshold)"
    assert rows[2]["timestamp"] == chain.instant(book[3].timestamp)
    assert rows[2]["entry_hash"] == book[3].entry_hash


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(as_bob: Client, write: Write, name: str) -> None:
    write("PASS", entity=Entity("", "-5", name, "meta", ""))
    row = next(csv.DictReader(io.StringIO(read(as_bob.get(URL)).decode(), newline="")))
    assert (row["entity_name"], row["change"], row["entity_id"]) == (f"'{name}", "'+15% budget", "-5")


def test_json_carries_its_manifest(as_bob: Client, book: list[LedgerEntry], tmp_path: Path) -> None:
    text = read(as_bob.get(URL, {"format": "json", "decision": "BLOCK"}))
    document = json.loads(text)
    assert [entry["seq"] for entry in document["entries"]] == [3, 4]
    assert (document["manifest"]["filters"], document["manifest"]["entries"]) == ({"decision": "BLOCK"}, 2)
    assert document["manifest"]["seq"] == 8
    file = tmp_path / "export.json"
    file.write_bytes(text)
    call_command("verify_ledger", manifest=[file])


def test_an_empty_export_is_one(as_bob: Client, book: list[LedgerEntry]) -> None:
    assert json.loads(read(as_bob.get(URL, {"format": "json", "q": "nothing"})))["entries"] == []
    assert len(read(as_bob.get(URL, {"q": "nothing"})).splitlines()) == 1


def test_a_pdf_survives_markup_and_every_alphabet(as_bob: Client, write: Write) -> None:
    write("BLOCK", entity=Entity("Campaign", "1", "<b>Größe</i> & Москва", "meta", ""))
    write("HOLD")
    assert read(as_bob.get(URL, {"format": "pdf"})).startswith(b"%PDF-")
    assert read(as_bob.get(URL, {"format": "csv"})).startswith(b"seq,id,timestamp")
    assert read(as_bob.get(URL, {"format": "pdf", "q": "nothing"})).startswith(b"%PDF-")
    assert words("<b>Größe & Москва Ελλάς") == "&lt;b&gt;Größe &amp; Москва Ελλάς"
    assert words("夏") == "?"


def test_the_book_tells_of_it(as_bob: Client, book: list[LedgerEntry]) -> None:
    read(as_bob.get(URL, {"decision": "HOLD"}))
    told = LedgerEntry.objects.get(kind="export")
    assert told.reason == "Bob exported 1 entries as CSV"
    assert json.loads(told.evidence)["filters"] == {"decision": "HOLD"}
    assert Checkpoint.objects.get().seq == told.seq == 8


def test_a_large_one_is_written_by_a_job(
    client: Client,
    workspace: Workspace,
    book: list[LedgerEntry],
    monkeypatch: pytest.MonkeyPatch,
    api_key: str,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    """Also for a program, which fetches it with its key."""
    monkeypatch.setattr(exports, "MOST_STREAMED", 3)
    key = {"Authorization": f"Bearer {api_key}"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.get(URL, {"format": "csv"}, headers=key)
    assert answer.status_code == 202
    job = client.get(answer["Location"], headers=key).json()
    assert (job["state"], job["result"]["rows"]) == ("succeeded", 5)
    assert len(read(client.get(job["result"]["download"], headers=key)).splitlines()) == 6
    assert Export.objects.get().rows == 5


def test_a_viewer_may_not(as_role: Callable[[str], Client], book: list[LedgerEntry]) -> None:
    assert as_role("viewer").get(URL).status_code == 403


class TestTampering:
    """Somebody with full rights in the database, after an export was delivered."""

    @pytest.fixture
    def delivered(self, as_bob: Client, book: list[LedgerEntry], tmp_path: Path) -> Path:
        file = tmp_path / "delivered.json"
        file.write_bytes(read(as_bob.get(URL, {"format": "json"})))
        return file

    @pytest.mark.parametrize(
        ("statement", "sentence"),
        [
            ("UPDATE trustlayer_ledgerentry SET decision = 'PASS' WHERE seq = 3", "Entry 3 was changed"),
            ("DELETE FROM trustlayer_ledgerentry WHERE seq = 4", "Entry 4 is missing"),
            ("DELETE FROM trustlayer_ledgerentry WHERE seq > 6", "The book ends at 6"),
            (
                "UPDATE trustlayer_ledgerentry SET seq = CASE seq WHEN 2 THEN 103 ELSE 102 END WHERE seq IN (2, 3);"
                "UPDATE trustlayer_ledgerentry SET seq = seq - 100 WHERE seq > 100",
                "Entry 2 does not follow",
            ),
        ],
    )
    def test_is_caught_at_the_entry(self, delivered: Path, statement: str, sentence: str) -> None:
        tamper(statement)
        assert sentence in failing(delivered)

    def test_a_book_hashed_anew_with_its_checkpoints_contradicts_the_export(
        self, delivered: Path, workspace: Workspace, now: datetime
    ) -> None:
        rehash(workspace, now)
        call_command("verify_ledger", stdout=io.StringIO())  # by itself the forged book holds together
        assert "rewritten at or before entry 8" in failing(delivered)


def tamper(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE trustlayer_ledgerentry DISABLE TRIGGER trustlayer_written_once")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE trustlayer_ledgerentry ENABLE TRIGGER trustlayer_written_once")


def rehash(workspace: Workspace, now: datetime) -> None:
    """A lie at entry 3, and everything behind it made to fit, with the house's own key."""
    previous = chain.BEGINNING
    for entry in LedgerEntry.objects.filter(workspace=workspace).order_by("seq"):
        row = {name: getattr(entry, name) for name in chain.FIELDS} | {"id": str(entry.pk), "prev_hash": previous}
        if entry.seq == 3:
            row["decision"] = "PASS"
        previous = chain.entry_hash(row) if entry.seq >= 3 else entry.entry_hash
        tamper(
            f"UPDATE trustlayer_ledgerentry SET decision = '{row['decision']}', prev_hash = '{row['prev_hash']}', "
            f"entry_hash = '{previous}' WHERE seq = {entry.seq}"
        )
    tamper(f"UPDATE trustlayer_ledgerhead SET entry_hash = '{previous}'")
    Checkpoint.objects.all().delete()
    checkpoints.sign(workspace=workspace, reason="daily", now=now)


def failing(manifest: Path) -> str:
    errors = io.StringIO()
    with pytest.raises(CommandError):
        call_command("verify_ledger", manifest=[manifest], stderr=errors)
    return errors.getvalue()
