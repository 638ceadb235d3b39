"""GET /dashboard/cdp/events: the live debugger."""

import re
from typing import Any

import pytest
from django.test import Client

from cdp.models import Event, RejectedItem
from cdp.services.profiles import void_events
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/cdp/events"
HTMX = {"HX-Request": "true"}


def names(browser: Client, **query: str) -> list[str]:
    return [row.arrival.name for row in browser.get(URL, query).context["rows"]]


def poll_of(content: bytes) -> str:
    """The address that the live list asks next."""
    found = re.search(rb'id="arrivals" hx-get="([^"]+)"', content)
    return found[1].decode().replace("&amp;", "&") if found else ""


class TestList:
    def test_it_works(self, as_bob: Client, order: Event, refused: RejectedItem) -> None:
        page = as_bob.get(URL)
        text = page.content.decode()
        assert page.status_code == 200
        assert sorted(row.arrival.name for row in page.context["rows"]) == ["purchase", "signup"]
        assert "sent as “Order Completed”" in text
        assert f"/dashboard/cdp/profiles/{order.profile_id}" in text
        assert "Test source" in text
        assert refused.reason in text and "missing_identity" in text

    def test_it_checks_ownership(self, as_charlie: Client, order: Event, refused: RejectedItem) -> None:
        page = as_charlie.get(URL)
        assert page.context["nothing_yet"]
        assert b"signup" not in page.content

    def test_by_outcome(self, as_bob: Client, order: Event, refused: RejectedItem) -> None:
        assert names(as_bob, outcome="accepted") == ["purchase"]
        assert names(as_bob, outcome="rejected") == ["signup"]
        assert len(names(as_bob, outcome="nonsense")) == 2

    def test_by_part_of_the_name_as_counted_or_as_sent(
        self, as_bob: Client, order: Event, refused: RejectedItem
    ) -> None:
        assert names(as_bob, name="PURCH") == ["purchase"]
        assert names(as_bob, name="order com") == ["purchase"]
        assert names(as_bob, name="sign") == ["signup"]

    @pytest.mark.parametrize("name", ["%", "_", "'", "x" * 5000, "🦊", "\\"])
    def test_odd_names_find_nothing(self, as_bob: Client, order: Event, name: str) -> None:
        page = as_bob.get(URL, {"name": name})
        assert page.status_code == 200
        assert not page.context["rows"]
        assert b"Nothing like this" in page.content

    def test_it_shows_the_last_hundred(self, as_bob: Client, tell: Tell) -> None:
        for number in range(103):
            tell("visit", user="anna", message_id=f"visit-{number}")
        rows = as_bob.get(URL).context["rows"]
        assert [row.arrival.event.message_id for row in rows] == [f"visit-{number}" for number in range(102, 2, -1)]

    def test_flags_and_voids_are_marked(
        self, as_bob: Client, workspace: Workspace, tell: Tell, order: Event, now: Any
    ) -> None:
        tell("visit", user="anna", hours_ago=-30)
        void_events(workspace=workspace, message_ids=["order-1"], reason="test", by=SYSTEM, now=now)
        text = as_bob.get(URL).content.decode()
        assert "future time" in text
        assert "Voided" in text

    def test_the_first_event_is_explained(self, as_alice: Client, as_bob: Client) -> None:
        page = as_alice.get(URL).content.decode()
        assert "Send your first event" in page
        assert "YOUR_WRITE_KEY" in page
        assert "/dashboard/settings/sources" in page.split("<main")[1]
        assert "/dashboard/settings/sources" not in as_bob.get(URL).content.decode().split("<main")[1]

    def test_what_was_sent_stays_text(self, as_bob: Client, tell: Tell) -> None:
        tell("<script>alert(1)</script>", user="anna", note="<img src=x>")
        page = as_bob.get(URL).content
        assert b"<script>alert" not in page and b"<img src=x>" not in page

    def test_it_asks_little_of_the_database(
        self, as_bob: Client, tell: Tell, order: Event, refused: RejectedItem, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            tell("visit", user=f"user-{number}")
        with django_assert_max_num_queries(12):
            as_bob.get(URL)


class TestLive:
    def test_nothing_new_answers_nothing(self, as_bob: Client, order: Event) -> None:
        poll = poll_of(as_bob.get(URL).content)
        assert as_bob.get(poll, headers=HTMX).status_code == 204

    def test_something_new_brings_the_list(self, as_bob: Client, order: Event, tell: Tell) -> None:
        poll = poll_of(as_bob.get(URL).content)
        tell("signup", user="ben")
        answer = as_bob.get(poll, headers=HTMX)
        assert answer.status_code == 200
        assert b"signup" in answer.content and b"<html" not in answer.content
        assert as_bob.get(poll_of(answer.content), headers=HTMX).status_code == 204

    def test_the_filter_stays(self, as_bob: Client, order: Event, tell: Tell) -> None:
        poll = poll_of(as_bob.get(URL, {"outcome": "rejected", "name": "sign"}).content)
        tell("visit", user="ben")
        assert as_bob.get(poll, headers=HTMX).status_code == 204
        tell("signup")
        assert b"signup" in as_bob.get(poll, headers=HTMX).content

    def test_opened_rows_are_kept(self, as_bob: Client, order: Event) -> None:
        content = as_bob.get(URL).content.decode()
        assert re.search(rf'<tbody id="arrival-e{order.pk}"[^>]* hx-preserve>', content)

    def test_it_can_be_switched_off(self, as_bob: Client, order: Event) -> None:
        assert poll_of(as_bob.get(URL, {"live": "0"}).content) == ""
        assert poll_of(as_bob.get(URL, {"live": ["0", "1"]}).content) != ""

    def test_it_asks_little_of_the_database(
        self, as_bob: Client, order: Event, django_assert_max_num_queries: Any
    ) -> None:
        poll = poll_of(as_bob.get(URL).content)
        with django_assert_max_num_queries(6):
            as_bob.get(poll, headers=HTMX)
