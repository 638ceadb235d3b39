"""/dashboard/data-quality/audit-logs."""

import json

import pytest
from django.test import Client

from tests.trustlayer.conftest import SUMMER, Write
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger

URL = "/dashboard/data-quality/audit-logs"


def test_it_works(as_bob: Client, book: list[LedgerEntry]) -> None:
    page = as_bob.get(URL).content.decode()
    for words in ("Summer Sale 2026", "+15% budget", "EMQ score 3.2 (below 4.0 threshold)", "5 entries", "No. 7"):
        assert words in page
    assert page.count('class="entry"') == 5


def test_an_empty_book_says_what_it_is_for(as_bob: Client) -> None:
    assert "Nothing was decided yet" in as_bob.get(URL).content.decode()


def test_filters_are_in_the_address(as_bob: Client, book: list[LedgerEntry]) -> None:
    page = as_bob.get(URL, {"decision": ["HOLD", "BLOCK"], "health_max": "40"}).content.decode()
    assert "2 entries" in page
    assert "Summer Sale" not in page
    assert 'value="HOLD,BLOCK"' in page


def test_a_fragment_is_the_results_alone(as_bob: Client, book: list[LedgerEntry]) -> None:
    part = as_bob.get(URL, {"q": "cart"}, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="audit-results">')
    assert "1 entry" in part


def test_nonsense_is_told(as_bob: Client, book: list[LedgerEntry]) -> None:
    answer = as_bob.get(URL, {"health_min": "many"})
    assert answer.status_code == 422
    assert "whole number from 0 to 100" in answer.content.decode()


def test_typed_dates_win_over_the_range(as_bob: Client, book: list[LedgerEntry]) -> None:
    page = as_bob.get(URL, {"range": "7d", "from": "2025-12-20", "to": "2025-12-31"}).content.decode()
    assert "1 entry" in page


def test_markup_in_names_is_text(as_bob: Client, write: Write) -> None:
    evil = ledger.Entity("Campaign", "1", "<script>alert(1)</script>", "meta", "")
    write("PASS", entity=evil)
    page = as_bob.get(URL).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_every_number_of_a_chart_is_in_its_table(as_bob: Client, book: list[LedgerEntry]) -> None:
    answer = as_bob.get(URL)
    chart = answer.context["charts"][0]
    assert [row.cells for row in chart.rows] == [("2", "40.0%"), ("1", "20.0%"), ("2", "40.0%")]
    assert chart.spec["data"][0]["customdata"][1] == "?decision=HOLD"
    assert [chart.id for chart in answer.context["charts"]] == [
        *("decision-share", "decision-trend", "block-reasons", "entity-types")
    ]


def test_a_bar_leads_to_what_it_counts(as_bob: Client, book: list[LedgerEntry]) -> None:
    reasons = as_bob.get(URL).context["charts"][2]
    assert as_bob.get(f"{URL}?{reasons.rows[0].query}").context["total"] == 2
    trend = as_bob.get(URL, {"range": "30d"}).context["charts"][1]
    assert as_bob.get(f"{URL}?{trend.rows[0].query}").context["total"] == 0
    assert as_bob.get(f"{URL}?{trend.rows[-2].query}").context["total"] == 1


def test_pages_go_back_and_forth(as_bob: Client, write: Write) -> None:
    for _ in range(53):
        write()
    first = as_bob.get(URL)
    assert len(first.context["lines"]) == 50
    second = as_bob.get(first.context["next_url"])
    assert [line.entry.seq for line in second.context["lines"]] == [3, 2, 1]
    assert [line.entry.seq for line in as_bob.get(second.context["previous_url"]).context["lines"]][-1] == 4


def test_new_entries_are_announced(as_bob: Client, book: list[LedgerEntry], write: Write) -> None:
    quiet = as_bob.get(f"{URL}/new", {"seen": "7"}).content.decode()
    assert "new entr" not in quiet
    assert "seen=7" in quiet
    write("HOLD")
    assert "1 new entry" in as_bob.get(f"{URL}/new", {"seen": "7"}).content.decode()
    assert "new entr" not in as_bob.get(f"{URL}/new", {"seen": "7", "decision": "PASS"}).content.decode()


class TestEntry:
    def test_it_shows_the_evidence(self, as_bob: Client, write: Write) -> None:
        entry = write(
            "BLOCK",
            evidence={
                "thresholds": {"pass_at": 70, "block_below": 40, "emq_block": 4.0},
                "signals": [{"name": "emq", "status": "critical", "value": 3.2, "score": 12, "weight": 30}],
                "checks": [{"name": "budget_cap", "passed": False, "sentence": "Over the cap"}],
            },
        )
        page = as_bob.get(f"{URL}/{entry.pk}").content.decode()
        for words in ("Event Match Quality", "critical", "Over the cap", entry.entry_hash, "passes from 70"):
            assert words in page
        part = as_bob.get(f"{URL}/{entry.pk}", headers={"HX-Request": "true"}).content.decode()
        assert part.strip().startswith('<div class="entry-evidence">')

    def test_a_stranger_sees_nothing(self, as_charlie: Client, book: list[LedgerEntry]) -> None:
        assert as_charlie.get(f"{URL}/{book[0].pk}").status_code == 404
        assert "Summer Sale" not in as_charlie.get(URL).content.decode()


class TestVerify:
    def test_a_whole_book(self, as_bob: Client, book: list[LedgerEntry]) -> None:
        page = as_bob.post(f"{URL}/verify", follow=True).content.decode()
        assert "All 7 entries hold together" in page

    def test_a_manifest_is_kept_elsewhere(self, as_bob: Client, as_charlie: Client, write: Write) -> None:
        write()
        b"".join(as_bob.get("/dashboard/exports/audit_logs", {"format": "csv"}).streaming_content)
        signed = as_bob.get(URL).context["checkpoints"][0]
        manifest = as_bob.get(f"{URL}/manifests/{signed.pk}")
        assert json.loads(manifest.content)["seq"] == 2
        assert as_charlie.get(f"{URL}/manifests/{signed.pk}").status_code == 404


def test_a_plan_without_it_says_so(as_bob: Client, workspace, book: list[LedgerEntry]) -> None:
    workspace.plan = "starter"
    workspace.save()
    assert as_bob.get(URL).status_code == 403


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_strange_place_is_the_beginning(as_bob: Client, book: list[LedgerEntry], name: str) -> None:
    assert len(as_bob.get(URL, {name: "9" * 30}).context["lines"]) == 5


def test_the_summer_sale_is_found_by_its_id(as_bob: Client, book: list[LedgerEntry]) -> None:
    assert as_bob.get(URL, {"entity": SUMMER.id}).context["total"] == 1
