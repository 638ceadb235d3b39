"""GET /dashboard/cdp/profiles."""

import csv
import io
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from cdp.models import Profile
from cdp.queries.profiles import Recent
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/cdp/profiles"


def found(browser: Client, words: str) -> list[str]:
    return [card.name for card in browser.get(URL, {"q": words}).context["profiles"]]


class TestList:
    def test_it_works(self, as_bob: Client, anna: Profile, ben: Profile, visitor: Profile) -> None:
        page = as_bob.get(URL)
        assert page.status_code == 200
        cards = page.context["profiles"]
        assert [card.name for card in cards] == [f"Visitor {visitor.pk}", "ben@example.com", "Anna Berg"]
        assert [card.lifecycle_stage for card in cards] == ["anonymous", "known", "customer"]
        assert [card.facts.events for card in cards] == [1, 1, 2]
        assert f"{URL}/{anna.pk}".encode() in page.content

    def test_it_checks_ownership(self, as_charlie: Client, anna: Profile) -> None:
        page = as_charlie.get(URL)
        assert not page.context["profiles"]
        assert not found(as_charlie, "anna")
        assert not found(as_charlie, str(anna.pk))

    def test_nobody_yet_is_another_state_than_nothing_found(self, as_bob: Client, workspace: Workspace) -> None:
        assert b"Nobody is here yet" in as_bob.get(URL).content
        assert b"starts like this" in as_bob.get(URL, {"q": "zoe"}).content

    def test_those_never_seen_come_last(self, as_bob: Client, anna: Profile, tell: Tell) -> None:
        tell("identify", user="eve", email="eve@example.com", hours_ago=1)
        assert [card.name for card in as_bob.get(URL).context["profiles"]] == ["Anna Berg", "eve@example.com"]

    def test_pages(self, as_bob: Client, tell: Tell) -> None:
        for number in range(27):
            tell("view_content", user=f"user-{number:02}", hours_ago=30 - number)
        first, second = as_bob.get(URL), as_bob.get(URL, {"page": 2})
        assert len(first.context["profiles"]) == 25
        assert [card.name for card in second.context["profiles"]] == ["user-01", "user-00"]
        assert b"27 profiles" in first.content

    def test_some_are_in_the_order_of_all(self, workspace: Workspace, tell: Tell, now: datetime) -> None:
        """However many are asked for, and where several were seen at the same instant."""
        for number in range(40):
            tell("view_content", user=f"user-{number:02}", hours_ago=number % 3)
        whole = Recent(workspace, now)[0:40]
        assert len(set(whole)) == 40
        for stop in (0, 1, 3, 25, 40, 50):
            assert Recent(workspace, now)[0:stop] == whole[:stop]
        read_on = Recent(workspace, now)
        assert [read_on[start : start + 3] for start in range(0, 40, 3)] == [
            whole[start : start + 3] for start in range(0, 40, 3)
        ]

    @pytest.mark.parametrize("page", ["0", "-1", "text", "9" * 30, ""])
    def test_a_page_that_is_none_shows_one_that_is(self, as_bob: Client, anna: Profile, page: str) -> None:
        assert len(as_bob.get(URL, {"page": page}).context["profiles"]) == 1

    def test_it_asks_little_of_the_database(
        self, as_bob: Client, tell: Tell, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            tell("view_content", user=f"user-{number}")
        as_bob.get(URL)
        with django_assert_max_num_queries(12):
            as_bob.get(URL)

    def test_htmx_gets_the_rows_alone(self, as_bob: Client, anna: Profile) -> None:
        fragment = as_bob.get(URL, {"q": "anna"}, headers={"HX-Request": "true"})
        assert b"Anna Berg" in fragment.content
        assert b"<html" not in fragment.content

    def test_numbers_of_profiles_carry_no_thousands_separator(
        self, as_alice: Client, workspace: Workspace, now: datetime
    ) -> None:
        Profile.objects.create(id=1_234_567, workspace=workspace, created_at=now)
        for address in ("", "/1234567", "/1234567/erase"):
            text = as_alice.get(f"{URL}{address}").content.decode()
            assert "1234567" in text and "1,234,567" not in text


class TestSearch:
    @pytest.mark.parametrize(
        "words", ["anna", "ann", "ANNA@example.com", " anna@ex ", "anna@example.com"], ids=lambda words: words.strip()
    )
    def test_by_identifier(self, as_bob: Client, anna: Profile, ben: Profile, words: str) -> None:
        assert found(as_bob, words) == ["Anna Berg"]

    @pytest.mark.parametrize("words", ["+4915123456789", "+49 151 23456789", "+49151"])
    def test_by_phone_however_it_is_written(self, as_bob: Client, anna: Profile, ben: Profile, words: str) -> None:
        assert found(as_bob, words) == ["ben@example.com"]

    def test_by_cookie(self, as_bob: Client, anna: Profile, visitor: Profile) -> None:
        assert found(as_bob, "cookie-1") == [f"Visitor {visitor.pk}"]

    def test_by_number(self, as_bob: Client, anna: Profile, ben: Profile) -> None:
        assert found(as_bob, str(ben.pk)) == ["ben@example.com"]

    def test_the_number_of_a_merged_profile_finds_its_survivor(
        self, as_bob: Client, merged: tuple[Profile, Profile]
    ) -> None:
        assert found(as_bob, str(merged[1].pk)) == ["dora@example.com"]

    def test_the_exact_one_comes_first(self, as_bob: Client, tell: Tell) -> None:
        for name in ("maria", "mar", "mary"):
            tell("view_content", user=name)
        assert found(as_bob, "mar") == ["mar", "maria", "mary"]

    @pytest.mark.parametrize("words", ["%", "_", "'", '"; --', "9" * 40, "-1", "٣", "\\", "x" * 5000, "🦊"])
    def test_odd_input_finds_nothing(self, as_bob: Client, anna: Profile, words: str) -> None:
        page = as_bob.get(URL, {"q": words})
        assert page.status_code == 200
        assert not page.context["profiles"]


class TestExport:
    def rows(self, browser: Client, **query: str) -> list[dict[str, str]]:
        answer = browser.get(f"{URL}/export", query)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))

    def test_it_works(self, as_bob: Client, anna: Profile, visitor: Profile) -> None:
        rows = self.rows(as_bob)
        assert [row["profile"] for row in rows] == [str(visitor.pk), str(anna.pk)]
        assert rows[1] == {
            "profile": str(anna.pk),
            "name": "Anna Berg",
            "user_id": "anna",
            "email": "anna@example.com",
            "phone": "",
            "lifecycle_stage": "customer",
            "events": "2",
            "first_seen": "2026-01-13T10:00:00+00:00",
            "last_seen": "2026-01-13T12:00:00+00:00",
        }

    def test_it_exports_what_is_filtered(self, as_bob: Client, anna: Profile, ben: Profile) -> None:
        assert [row["name"] for row in self.rows(as_bob, q="ben")] == ["ben@example.com"]

    def test_it_checks_ownership(self, as_charlie: Client, anna: Profile) -> None:
        assert self.rows(as_charlie) == []

    def test_a_viewer_may_not(self, as_role: Any, anna: Profile) -> None:
        viewer = as_role("viewer")
        assert viewer.get(f"{URL}/export").status_code == 403
        assert f"{URL}/export".encode() not in viewer.get(URL).content

    def test_no_cell_is_a_formula(self, as_bob: Client, tell: Tell, ben: Profile) -> None:
        tell("identify", user="=cmd|' /C calc'!A0", name="@SUM(A1)")
        rows = {row["name"]: row for row in self.rows(as_bob)}
        assert rows["'@SUM(A1)"]["user_id"] == "'=cmd|' /C calc'!A0"
        assert rows["ben@example.com"]["phone"] == "+4915123456789"
