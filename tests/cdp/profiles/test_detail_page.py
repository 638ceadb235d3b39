"""GET /dashboard/cdp/profiles/<number>, and its timeline."""

import re
from typing import Any

import pytest
from django.test import Client

from cdp.models import Profile
from cdp.services import profiles as services
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/cdp/profiles"


class TestDetail:
    def test_it_works(self, as_bob: Client, anna: Profile) -> None:
        page = as_bob.get(f"{URL}/{anna.pk}")
        text = page.content.decode()
        assert page.status_code == 200
        assert "Anna Berg" in text and "anna@example.com" in text and "Customer" in text
        assert ("plan", "pro") in page.context["attributes"]
        assert [line.event.name for line in page.context["lines"]] == ["purchase", "identify", "page_view"]
        assert page.context["lines"][0].summary == "revenue 49.9 · currency EUR"
        assert f"/api/v1/cdp/profiles/{anna.pk}" in text

    def test_it_checks_ownership(self, as_charlie: Client, anna: Profile) -> None:
        page = as_charlie.get(f"{URL}/{anna.pk}")
        assert page.status_code == 404
        assert b"anna" not in page.content.lower()

    @pytest.mark.parametrize("number", ["0", "1", "9" * 18, "9" * 30, "text", "-1", "1.5"])
    def test_a_number_that_is_none_is_404(self, as_bob: Client, anna: Profile, number: str) -> None:
        assert as_bob.get(f"{URL}/{number}").status_code == 404

    def test_the_number_of_a_merged_profile_leads_to_its_survivor(
        self, as_bob: Client, merged: tuple[Profile, Profile]
    ) -> None:
        survivor, loser = merged
        assert as_bob.get(f"{URL}/{loser.pk}")["Location"] == f"{URL}/{survivor.pk}"

    def test_an_erased_one_is_404_and_says_so_without_data(
        self, as_bob: Client, workspace: Workspace, anna: Profile, now: Any
    ) -> None:
        services.erase(workspace=workspace, profile=anna, by=SYSTEM, now=now)
        page = as_bob.get(f"{URL}/{anna.pk}")
        assert page.status_code == 404
        assert b"was erased" in page.content
        assert b"anna" not in page.content.lower()

    def test_attributes_of_any_shape_can_be_read(self, as_bob: Client, tell: Tell, anna: Profile) -> None:
        tell("identify", user="anna", tags=["a", "b"], address={"city": "Köln"}, vip=True, note="<b>bold</b>")
        text = as_bob.get(f"{URL}/{anna.pk}").content.decode()
        assert "Köln" in text
        assert "&lt;b&gt;bold&lt;/b&gt;" in text

    def test_a_name_that_is_markup_stays_text(self, as_bob: Client, tell: Tell, visitor: Profile) -> None:
        tell("identify", visitor="cookie-1", name="<script>alert(1)</script>")
        assert b"<script>alert" not in as_bob.get(f"{URL}/{visitor.pk}").content

    def test_it_asks_little_of_the_database(
        self, as_bob: Client, tell: Tell, anna: Profile, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(40):
            tell("view_content", user="anna", hours_ago=number)
        with django_assert_max_num_queries(15):
            as_bob.get(f"{URL}/{anna.pk}")

    def test_only_admins_are_offered_to_erase(self, as_alice: Client, as_bob: Client, anna: Profile) -> None:
        assert b"/erase" in as_alice.get(f"{URL}/{anna.pk}").content
        assert b"/erase" not in as_bob.get(f"{URL}/{anna.pk}").content


class TestTimeline:
    @pytest.fixture
    def busy(self, tell: Tell, anna: Profile) -> Profile:
        for number in range(40):
            tell("view_content", user="anna", hours_ago=number / 10, number=number)
        return anna

    def test_it_goes_on_where_it_ended(self, as_bob: Client, busy: Profile) -> None:
        first = as_bob.get(f"{URL}/{busy.pk}")
        rest = as_bob.get(f"{URL}/{busy.pk}", {"before": first.context["more"]}, headers={"HX-Request": "true"})
        shown = [set(re.findall(rb"/cdp/events/(\d+)", part.content)) for part in (first, rest)]
        assert [len(events) for events in shown] == [30, 13]
        assert not shown[0] & shown[1]
        assert b"Earlier events" in first.content and b"Earlier events" not in rest.content
        assert b"<html" not in rest.content

    def test_events_of_one_instant_are_all_shown(self, as_bob: Client, tell: Tell, anna: Profile) -> None:
        for _ in range(35):
            tell("view_content", user="anna", hours_ago=1)
        first = as_bob.get(f"{URL}/{anna.pk}").context
        rest = as_bob.get(f"{URL}/{anna.pk}", {"before": first["more"]}).context
        assert len({line.event.pk for line in (*first["lines"], *rest["lines"])}) == 38

    def test_it_begins_a_day_once(self, as_bob: Client, busy: Profile) -> None:
        first = as_bob.get(f"{URL}/{busy.pk}").context
        rest = as_bob.get(f"{URL}/{busy.pk}", {"before": first["more"]}).context
        days = [str(line.day) for line in (*first["lines"], *rest["lines"]) if line.day]
        assert days == ["2026-01-15", "2026-01-13"]

    def test_a_voided_event_is_marked(self, as_bob: Client, workspace: Workspace, tell: Tell, now: Any) -> None:
        tell("purchase", user="eve", message_id="order-1")
        services.void_events(workspace=workspace, message_ids=["order-1"], reason="test order", by=SYSTEM, now=now)
        page = as_bob.get(f"{URL}", {"q": "eve"}).context["profiles"][0]
        assert page.facts.events == 0
        assert b"Voided" in as_bob.get(f"{URL}/{page.id}").content

    @pytest.mark.parametrize("before", ["text", "1", "1-", "-", "9" * 18 + "-1", "1-x", "0-0-0", "١-١"])
    def test_a_place_that_is_none_is_refused(self, as_bob: Client, anna: Profile, before: str) -> None:
        answer = as_bob.get(f"{URL}/{anna.pk}", {"before": before})
        assert answer.status_code == 400
        assert b"no such place" in answer.content
