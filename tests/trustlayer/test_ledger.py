"""The book: entries in a chain that never forks, that nobody changes unseen, and that any export can contradict."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import cycle
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from stratum.lib.refusal import Invalid
from stratum.workspaces.models import Workspace
from tests import factories
from trustlayer import chain
from trustlayer.models import Checkpoint, LedgerEntry, LedgerHead, Unchangeable
from trustlayer.services import checkpoints, ledger, verification
from trustlayer.services.ledger import Draft, Entity

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
SUMMER = Entity("Campaign", "120", "Summer Sale 2026", "meta", "act_1")


def draft(number: int = 1, **fields: Any) -> Draft:
    usual: dict[str, Any] = {
        "decision": "PASS",
        "signal_health": 85,
        "reason": "All signals healthy, automation approved",
        "reason_code": "healthy",
        "action": "budget_increase",
        "entity": SUMMER,
        "change": "+15% budget",
        "evidence": {"change": {"before": Decimal("100.50"), "after": 115.575}, "number": number, "note": "größer"},
    }
    return Draft(**{**usual, **fields})


def write(workspace: Workspace, many: int = 1) -> list[LedgerEntry]:
    drafts = [draft(number) for number in range(many)]
    return ledger.append(workspace=workspace, drafts=drafts, now=NOW)


@pytest.fixture
def tampering() -> Callable[[str, list[Any]], None]:
    """Somebody with full rights in the database, who takes the guard away first."""

    def run(statement: str, parameters: list[Any]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE trustlayer_ledgerentry DISABLE TRIGGER trustlayer_written_once")
            cursor.execute(statement, parameters)
            cursor.execute("ALTER TABLE trustlayer_ledgerentry ENABLE TRIGGER trustlayer_written_once")

    return run


def broken_at(workspace: Workspace, *manifests: dict[str, Any]) -> int | None:
    result = verification.check(workspace, manifests)
    return result.broken.seq if result.broken else None


def rehash(workspace: Workspace, first: int, run: Callable[[str, list[Any]], None]) -> None:
    """What a patient forger does: every hash from there on is made to fit, the head too."""
    entries = (
        LedgerEntry.objects.filter(workspace=workspace, seq__gte=first).order_by("seq").values("pk", *chain.FIELDS)
    )
    before = LedgerEntry.objects.filter(workspace=workspace, seq__lt=first).order_by("-seq").first()
    previous = before.entry_hash if before else chain.BEGINNING
    rows = []
    for entry in entries:
        key = entry.pop("pk")
        entry["prev_hash"] = previous
        previous = chain.entry_hash({**entry, "id": str(entry["id"])})
        rows.append((entry["prev_hash"], previous, key))
    for prev_hash, entry_hash, key in reversed(rows):
        run(
            "UPDATE trustlayer_ledgerentry SET prev_hash = %s, entry_hash = %s WHERE id = %s",
            [prev_hash, entry_hash, key],
        )
    LedgerHead.objects.filter(workspace=workspace).update(entry_hash=previous)


# Writing


def test_entries_are_numbered_and_chained(workspace: Workspace) -> None:
    entries = [*write(workspace, 2), *write(workspace, 1)]
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.prev_hash for entry in entries] == [chain.BEGINNING, entries[0].entry_hash, entries[1].entry_hash]
    assert broken_at(workspace) is None


def test_an_entry_tells_all_of_it(workspace: Workspace) -> None:
    write(workspace)
    entry = LedgerEntry.objects.get(workspace=workspace)
    assert (entry.entity, entry.change, entry.decision) == ("Campaign: Summer Sale 2026", "+15% budget", "PASS")
    assert ledger.read_evidence(entry)["change"] == {"after": "115.575", "before": "100.5"}


def test_each_workspace_has_a_book_of_its_own(workspace: Workspace) -> None:
    other = factories.WorkspaceFactory()
    write(workspace, 3)
    assert [entry.seq for entry in write(other)] == [1]
    assert verification.check(workspace).entries == 3


def test_an_entry_is_there_exactly_when_its_transaction_is(workspace: Workspace) -> None:
    def half_done() -> None:
        with transaction.atomic():
            write(workspace)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_done()
    assert [entry.seq for entry in write(workspace)] == [1]
    assert broken_at(workspace) is None


def test_nothing_to_write_is_nothing_written(workspace: Workspace) -> None:
    assert ledger.append(workspace=workspace, drafts=[], now=NOW) == []
    assert not LedgerHead.objects.filter(workspace=workspace).exists()


@pytest.mark.django_db(transaction=True)
def test_eight_writers_at_once_never_fork_the_chain() -> None:
    workspace = factories.WorkspaceFactory()

    def work() -> None:
        try:
            for _ in range(10):
                write(workspace)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = verification.check(workspace)
    assert (result.entries, result.last, result.broken) == (80, 80, None)


# Refusing


def test_the_orm_refuses_to_change_or_delete(workspace: Workspace) -> None:
    entry = write(workspace)[0]
    for attempt in (
        entry.save,
        entry.delete,
        LedgerEntry.objects.filter(pk=entry.pk).delete,
        lambda: LedgerEntry.objects.filter(pk=entry.pk).update(decision="BLOCK"),
    ):
        with pytest.raises(Unchangeable):
            attempt()


@pytest.mark.parametrize(
    "statement", ["UPDATE trustlayer_ledgerentry SET reason = 'x'", "DELETE FROM trustlayer_ledgerentry"]
)
def test_the_database_refuses_too(workspace: Workspace, statement: str) -> None:
    write(workspace)
    refused = pytest.raises((InternalError, IntegrityError), match="never changed or deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert broken_at(workspace) is None


# Tampering


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("decision", "BLOCK"), ("signal_health", 99), ("reason", "Fine"), ("blocked_reason", "x"), ("user", "Bob")],
        *[("timestamp", NOW + timedelta(microseconds=1)), ("evidence", "{}"), ("change", "+90% budget")],
        *[
            ("is_dry_run", True),
            ("policy_version", 7),
            ("entity_name", "Other"),
            ("platform", "google"),
            ("kind", "policy"),
        ],
        *[("action", "set_budget"), ("account", ""), ("actor_id", "4"), ("actor_type", "user"), ("action_id", "a")],
        *[("request_id", "r"), ("reason_code", "c"), ("entity", "e"), ("entity_type", "Ad"), ("entity_id", "9")],
        *[("id", "00000000-0000-4000-8000-000000000000"), ("entry_hash", "f" * 64), ("prev_hash", "f" * 64)],
    ],
)
def test_any_change_of_any_field_is_found(
    workspace: Workspace, tampering: Callable[[str, list[Any]], None], column: str, value: object
) -> None:
    write(workspace, 5)
    tampering(f'UPDATE trustlayer_ledgerentry SET "{column}" = %s WHERE seq = 3', [value])
    assert broken_at(workspace) == 3


def test_every_field_is_tried() -> None:
    columns = {field.column for field in LedgerEntry._meta.get_fields() if hasattr(field, "column")}
    assert columns == {*chain.FIELDS, "entry_hash", "workspace_id"}


def test_a_removed_entry_is_found(workspace: Workspace, tampering: Callable[[str, list[Any]], None]) -> None:
    write(workspace, 5)
    tampering("DELETE FROM trustlayer_ledgerentry WHERE seq = %s", [2])
    assert verification.check(workspace).broken == chain.Broken(2, "Entry 2 is missing: after 1 comes 3.")


def test_a_removed_end_is_found(workspace: Workspace, tampering: Callable[[str, list[Any]], None]) -> None:
    write(workspace, 5)
    tampering("DELETE FROM trustlayer_ledgerentry WHERE seq > %s", [3])
    assert broken_at(workspace) == 4


def test_two_entries_in_each_others_place_are_found(
    workspace: Workspace, tampering: Callable[[str, list[Any]], None]
) -> None:
    write(workspace, 5)
    tampering("UPDATE trustlayer_ledgerentry SET seq = 100 WHERE seq = %s", [2])
    tampering("UPDATE trustlayer_ledgerentry SET seq = 2 WHERE seq = %s", [3])
    tampering("UPDATE trustlayer_ledgerentry SET seq = 3 WHERE seq = %s", [100])
    assert broken_at(workspace) == 2


def test_a_rewritten_chain_contradicts_the_checkpoint_behind_it(
    workspace: Workspace, tampering: Callable[[str, list[Any]], None]
) -> None:
    write(workspace, 3)
    checkpoints.sign(workspace=workspace, reason="daily", now=NOW)
    write(workspace, 2)
    tampering("UPDATE trustlayer_ledgerentry SET decision = 'PASS', reason = 'Fine' WHERE seq = %s", [2])
    rehash(workspace, 2, tampering)
    assert broken_at(workspace) == 3


def test_a_rewritten_chain_with_its_checkpoint_contradicts_an_export(
    workspace: Workspace, tampering: Callable[[str, list[Any]], None]
) -> None:
    write(workspace, 3)
    checkpoint = checkpoints.sign(workspace=workspace, reason="export", now=NOW)
    assert checkpoint is not None
    manifest = checkpoints.manifest_of(checkpoint)
    assert broken_at(workspace, manifest) is None
    tampering("UPDATE trustlayer_ledgerentry SET reason = 'Fine' WHERE seq = %s", [2])
    rehash(workspace, 2, tampering)
    Checkpoint.objects.all().delete()
    assert broken_at(workspace) is None, "the database alone agrees with itself"
    result = verification.check(workspace, [manifest])
    assert result.broken is not None and result.broken.seq == 3
    assert "the export of 2026-05-04 12:00 UTC knows another one" in result.broken.sentence


def test_a_forged_checkpoint_is_found(workspace: Workspace) -> None:
    entries = write(workspace, 3)
    Checkpoint.objects.create(
        workspace=workspace, seq=3, entry_hash=entries[2].entry_hash, at=NOW, reason="daily", signature="Zm9yZ2Vk"
    )
    result = verification.check(workspace)
    assert result.broken is not None and "did not sign" in result.broken.sentence


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"seq": 2}, "/signature"),
        ({"workspace": "elsewhere"}, "/workspace"),
        ({"signature": "?"}, ""),
        ({"seq": None}, ""),
    ],
)
def test_a_strange_manifest_is_refused(workspace: Workspace, change: dict[str, Any], pointer: str) -> None:
    write(workspace, 3)
    checkpoint = checkpoints.sign(workspace=workspace, reason="export", now=NOW)
    assert checkpoint is not None
    with pytest.raises(Invalid) as caught:
        verification.check(workspace, [{**checkpoints.manifest_of(checkpoint), **change}])
    assert caught.value.faults[0].pointer == pointer


def test_an_empty_book_has_nothing_to_sign(workspace: Workspace) -> None:
    assert checkpoints.sign(workspace=workspace, reason="daily", now=NOW) is None
    assert broken_at(workspace) is None


# The command


def run_command(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_ledger", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_the_command_tells_of_every_workspace(workspace: Workspace) -> None:
    write(workspace, 2)
    assert f"{workspace.slug}: 2 entries hold together, the last is 2." in run_command()


def test_the_command_names_the_broken_entry(
    workspace: Workspace, tampering: Callable[[str, list[Any]], None], tmp_path: Any
) -> None:
    write(workspace, 3)
    checkpoint = checkpoints.sign(workspace=workspace, reason="export", now=NOW)
    assert checkpoint is not None
    file = tmp_path / "export.json"
    file.write_text(json.dumps({"manifest": checkpoints.manifest_of(checkpoint), "entries": []}))
    assert "3 entries hold together" in run_command("--manifest", str(file))
    tampering("UPDATE trustlayer_ledgerentry SET reason = 'Fine' WHERE seq = %s", [2])
    with pytest.raises(CommandError, match="Broken"):
        run_command("--manifest", str(file))


# The canonical form

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_reading_it_again_changes_nothing(value: object) -> None:
    text = chain.evidence_text({"value": value})
    assert chain.evidence_text(json.loads(text)) == text


def test_the_form_is_the_one_that_is_documented() -> None:
    entry: dict[str, Any] = dict.fromkeys(chain.FIELDS, "") | {
        "seq": 1,
        "timestamp": NOW,
        "signal_health": None,
        "is_dry_run": False,
        "evidence": chain.evidence_text({"b": 1.50, "a": "größer"}),
    }
    text = chain.canonical(entry)
    assert json.loads(text) == {
        **entry,
        "timestamp": "2026-05-04T12:00:00.123456Z",
        "evidence": {"a": "größer", "b": "1.5"},
    }
    assert text == json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40), min_size=5),
    number=st.none() | st.integers(0, 2**62),
    flag=st.booleans(),
)
def test_the_quick_hash_of_a_row_is_the_canonical_one(texts: list[str], number: int | None, flag: bool) -> None:
    words = cycle(texts)
    entry: dict[str, Any] = {name: next(words) for name in chain.FIELDS}
    entry |= {"seq": 7, "signal_health": number, "policy_version": number, "is_dry_run": flag, "blocked_reason": None}
    entry["evidence"] = chain.evidence_text({"told": texts, "value": 0.1})
    entry["timestamp"] = datetime(2026, 5, 4, 12, 0, 0, 5, tzinfo=UTC)
    row = [chain.instant(entry[name]) if name == "timestamp" else entry[name] for name in chain.ROW]
    assert chain.row_hash([*row, "its claim"]) == chain.entry_hash(entry)
