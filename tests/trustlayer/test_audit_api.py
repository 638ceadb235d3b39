"""/api/v1/trust-layer/audit-logs."""

from datetime import datetime

import pytest
from django.test import Client

from stratum.workspaces.models import Workspace
from tests.trustlayer.conftest import Write
from trustlayer.models import LedgerEntry
from trustlayer.services import checkpoints, verification

URL = "/api/v1/trust-layer/audit-logs"


def test_it_works(as_bob: Client, book: list[LedgerEntry]) -> None:
    answer = as_bob.get(URL, {"decision": "BLOCK", "range": "7d"}).json()
    assert (answer["count"], answer["next"], answer["previous"]) == (1, None, None)
    entry = answer["results"][0]
    assert entry["entity"] == "Campaign: Brand Awareness Q1"
    assert entry["blocked_reason"] == "EMQ score 2.9 (below 4.0 threshold)"
    assert entry["entity_ref"] == {
        "type": "Campaign",
        "id": "9",
        "name": "Brand Awareness Q1",
        "platform": "google",
        "account": "555",
    }
    assert as_bob.get(f"{URL}/{entry['id']}").json() == entry


@pytest.mark.parametrize(
    ("like", "told"),
    [
        (
            "PASS",
            {
                "decision": "PASS",
                "signal_health": 85,
                "reason": "All signals healthy, automation approved",
                "action": "budget_increase",
                "entity": "Campaign: Summer Sale 2026",
                "change": "+15% budget",
            },
        ),
        (
            "HOLD",
            {
                "decision": "HOLD",
                "signal_health": 62,
                "reason": "Signal health below threshold (70), action queued for manual review",
                "action": "pause_adset",
                "entity": "Ad Set: Retargeting - Cart Abandoners",
            },
        ),
        (
            "BLOCK",
            {
                "decision": "BLOCK",
                "signal_health": 35,
                "reason": "Critical signal degradation, automation blocked",
                "action": "scale_budget",
                "entity": "Campaign: Brand Awareness Q1",
                "blocked_reason": "EMQ score 3.2 (below 4.0 threshold)",
            },
        ),
    ],
)
def test_an_entry_reads_as_in_the_manual(as_bob: Client, write: Write, like: str, told: dict[str, object]) -> None:
    write(like)
    entry = as_bob.get(URL).json()["results"][0]
    assert {name: entry[name] for name in told} == told


def test_cursors_lead_through_all_of_it(as_bob: Client, write: Write) -> None:
    for _ in range(5):
        write()
    seen, address = [], f"{URL}?limit=2&decision=PASS"
    while address:
        answer = as_bob.get(address).json()
        seen += [entry["seq"] for entry in answer["results"]]
        address = answer["next"]
        write()
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query",
    ["colour=red", "cursor=xyz", "cursor=before.x", "limit=0", "decision=MAYBE", "from=soon", "health_min=200"],
)
def test_nonsense_is_refused(as_bob: Client, book: list[LedgerEntry], query: str) -> None:
    answer = as_bob.get(f"{URL}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("method", ["put", "patch", "delete", "post"])
def test_nothing_can_be_changed(as_alice: Client, book: list[LedgerEntry], method: str) -> None:
    for address in (URL, f"{URL}/{book[0].pk}"):
        answer = getattr(as_alice, method)(address, {}, content_type="application/json")
        assert answer.status_code == 405
        assert "written once" in answer.json()["detail"]
    assert LedgerEntry.objects.count() == 7


def test_analytics(as_bob: Client, book: list[LedgerEntry]) -> None:
    answer = as_bob.get(f"{URL}/analytics", {"range": "30d"}).json()
    assert (answer["total"], answer["decisions"], answer["per"]) == (4, {"PASS": 1, "HOLD": 1, "BLOCK": 2}, "day")
    assert answer["block_reasons"] == [{"reason": "EMQ score … (below 4.0 threshold)", "count": 2}]
    assert answer["counts"]["entity_type"] == {"Campaign": 3, "Ad Set": 1}


class TestVerify:
    def test_a_whole_book(self, as_bob: Client, book: list[LedgerEntry]) -> None:
        answer = as_bob.get(f"{URL}/verify").json()
        assert (answer["whole"], answer["entries"], answer["head"]) == (True, 7, book[-1].entry_hash)

    def test_with_a_manifest(
        self, as_bob: Client, workspace: Workspace, book: list[LedgerEntry], now: datetime
    ) -> None:
        signed = checkpoints.sign(workspace=workspace, reason="test", now=now)
        assert signed is not None
        body = {"manifests": [checkpoints.manifest_of(signed)]}
        assert as_bob.post(f"{URL}/verify", body, content_type="application/json").json()["whole"] is True
        body["manifests"][0]["seq"] = 3
        refused = as_bob.post(f"{URL}/verify", body, content_type="application/json")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/signature")

    def test_a_long_book_is_read_by_a_job(
        self,
        as_bob: Client,
        book: list[LedgerEntry],
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks,
    ) -> None:
        monkeypatch.setattr(verification.ask, "__kwdefaults__", {**verification.ask.__kwdefaults__, "most": 3})
        with django_capture_on_commit_callbacks(execute=True):
            answer = as_bob.get(f"{URL}/verify")
        assert answer.status_code == 202
        job = as_bob.get(answer["Location"]).json()
        assert (job["state"], job["result"]["entries"]) == ("succeeded", 7)


def test_a_stranger_sees_another_book(as_charlie: Client, book: list[LedgerEntry]) -> None:
    assert as_charlie.get(URL).json()["results"] == []
    assert as_charlie.get(f"{URL}/{book[0].pk}").status_code == 404
    assert as_charlie.get(f"{URL}/analytics").json()["total"] == 0
