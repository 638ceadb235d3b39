"""The funnel pages as people and their browsers meet them."""

import csv
import html
import io
import json
import re
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from cdp.models import Funnel
from cdp.services import funnels as services
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.funnels.conftest import Did, MakeFunnel

HTMX = {"HX-Request": "true"}
FORM = {
    "name": "Sign-up",
    "steps": "2",
    "steps-0-event": "page_view",
    "steps-1-event": "signed_up",
    "steps-1-gap_count": "2",
    "steps-1-gap_unit": "H",
    "window_count": "14",
    "window_unit": "D",
    "counting": "unique",
    "mode": "ordered",
    "exclusions": "0",
    "days": "7",
}


def text(response: Any) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def page(name: str, funnel: Funnel | None = None) -> str:
    return reverse(name, args=[funnel.pk] if funnel else [])


class TestList:
    def test_it_works(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", "purchase")
        did("ben", "page_view")
        shown = text(as_bob.get("/dashboard/cdp/funnels/numbers", {"sort": "name"}))
        assert "Purchase Funnel" in shown
        assert "Landing Page → purchase" in shown
        assert "50% of 2" in shown
        assert "Alice" in shown

    def test_the_page_itself_asks_for_its_numbers_once(self, as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
        did("anna", "page_view", "purchase")
        for name in ("One", "Two"):
            make_funnel(name=name)
        answer = as_bob.get(page("funnel_list"), {"sort": "name"})
        whole = answer.content.decode()
        assert whole.count('hx-get="/dashboard/cdp/funnels/numbers?sort=name" hx-trigger="load"') == 1
        assert "100% of 1" not in text(answer)
        numbers = as_bob.get(page("funnel_numbers"), {"sort": "name"}, headers=HTMX)
        assert text(numbers).count("100% of 1") == 2
        assert b"hx-trigger" not in numbers.content and b"<html" not in numbers.content

    def test_nothing_is_asked_for_an_empty_list(self, as_bob: Client, workspace: Workspace) -> None:
        assert b"funnels/numbers" not in as_bob.get(page("funnel_list")).content

    def test_what_cannot_be_counted_is_said_in_the_list(
        self, as_bob: Client, funnel: Funnel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def closed(*_: object, **__: object) -> None:
            raise Refusal("engine", "The engine is away.")

        monkeypatch.setattr("cdp.queries.funnels.cards", closed)
        shown = text(as_bob.get(page("funnel_numbers"), headers=HTMX))
        assert "The engine is away." in shown and "Not available" in shown and funnel.name in shown

    def test_it_checks_ownership(self, as_charlie: Client, funnel: Funnel) -> None:
        for name in ("funnel_list", "funnel_numbers"):
            assert "Purchase Funnel 2 steps" not in text(as_charlie.get(page(name)))

    def test_nothing_yet(self, as_bob: Client, workspace: Workspace) -> None:
        shown = text(as_bob.get(page("funnel_list")))
        assert "See where customers drop off" in shown
        assert "Use the template “Purchase Funnel”" in shown

    def test_a_viewer_is_offered_nothing_he_may_not_do(self, as_role: Callable[[str], Client]) -> None:
        assert "Create Funnel" not in text(as_role("viewer").get(page("funnel_list")))

    def test_search_answers_a_fragment(self, as_bob: Client, make_funnel: MakeFunnel) -> None:
        make_funnel(name="Sign-up")
        make_funnel(name="Purchase")
        answer = as_bob.get(page("funnel_list"), {"q": "sign"}, headers=HTMX)
        assert "Sign-up" in text(answer)
        assert "Purchase" not in text(answer)
        assert b"<html" not in answer.content
        assert "Clear filters" in text(as_bob.get(page("funnel_list"), {"q": "nothing like it"}))

    def test_it_is_sorted(self, as_bob: Client, make_funnel: MakeFunnel) -> None:
        for name in ("Beta", "Alpha"):
            make_funnel(name=name)
        by_name = text(as_bob.get(page("funnel_list"), {"sort": "name"}))
        assert by_name.index("Alpha") < by_name.index("Beta")
        assert as_bob.get(page("funnel_list"), {"sort": "; drop"}).status_code == 200

    def test_it_offers_every_template(self, as_bob: Client, funnel: Funnel) -> None:
        shown = text(as_bob.get(page("funnel_list")))
        for name in ("Ad Click to Purchase", "E-mail to Order", "Sign-up to First Order", "Visit to Lead"):
            assert name in shown

    def test_the_archive(self, as_bob: Client, funnel: Funnel) -> None:
        as_bob.post(page("funnel_archive", funnel))
        assert "Purchase Funnel" in text(as_bob.get(page("funnel_list"), {"archived": "1"}))

    @pytest.mark.parametrize("query", ["?page=99", "?page=x", "?q=%27%22%3C", "?archived=maybe", "?q=" + "x" * 2000])
    def test_odd_addresses(self, as_bob: Client, funnel: Funnel, query: str) -> None:
        assert as_bob.get(page("funnel_list") + query).status_code == 200

    def test_more_funnels_cost_no_more_queries(
        self, as_bob: Client, make_funnel: MakeFunnel, did: Did, django_assert_max_num_queries: Any
    ) -> None:
        did("anna", "page_view")
        make_funnel(name="First")
        as_bob.get(page("funnel_list"))
        as_bob.get(page("funnel_numbers"), headers=HTMX)
        for more in (0, 9):
            for number in range(more):
                make_funnel(name=f"Funnel {number}")
            with django_assert_max_num_queries(7):
                as_bob.get(page("funnel_list"))
            with django_assert_max_num_queries(7):
                as_bob.get(page("funnel_numbers"), headers=HTMX)


class TestDetail:
    def test_it_works(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", "purchase", every=300)
        did("ben", "page_view")
        did("cleo", "page_view", hours_ago=24 * 20)
        shown = text(as_bob.get(page("funnel_detail", funnel)))
        for words in (
            "33.3%", "Overall Conversion", "3 100%", "2 lost (66.7% drop-off)", "33.3% convert", "1 33.3%",
            "avg. 5 min, median 5 min", "Still in progress", "Avg. Time to Convert", "Drop-off Rate", "Step Conversion",
            "Conversion Rate", "As of 15 Jan 2026, 13:00:00 (Europe/Berlin)", "entered 17 Dec 2025 – 15 Jan 2026",
            "Conversion Window 7 days", "Unique users",
            "Of 3 users who entered between 17 Dec 2025 and 15 Jan 2026, 1 converted (33.3%).",
            "Most were lost between Landing Page and purchase: 2 (66.7%).",
        ):  # fmt: skip
            assert words in shown, words

    def test_it_checks_ownership(self, as_charlie: Client, funnel: Funnel) -> None:
        assert as_charlie.get(page("funnel_detail", funnel)).status_code == 404

    def test_what_is_not_there(self, as_bob: Client, workspace: Workspace) -> None:
        assert as_bob.get(reverse("funnel_detail", args=[uuid4()])).status_code == 404

    def test_the_range_is_in_the_address(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view", hours_ago=24 * 40)
        assert "No users entered" in text(as_bob.get(page("funnel_detail", funnel)))
        assert "1 100%" in text(as_bob.get(page("funnel_detail", funnel), {"days": "90"}))
        old = as_bob.get(page("funnel_detail", funnel), {"from": "2025-12-01", "to": "2025-12-10"}, headers=HTMX)
        assert "entered 1 Dec 2025 – 10 Dec 2025" in text(old)
        assert old["HX-Push-Url"] == f"{page('funnel_detail', funnel)}?from=2025-12-01&to=2025-12-10"
        assert b"every 5s" not in old.content  # nothing new can enter a range that is over

    @pytest.mark.parametrize(
        "query", ["?days=0", "?days=x", "?days=99999", "?from=soon", "?from=2026-02-01&to=2026-01-01"]
    )
    def test_ranges_that_cannot_be(self, as_bob: Client, funnel: Funnel, query: str) -> None:
        answer = as_bob.get(page("funnel_detail", funnel) + query)
        assert answer.status_code == 400
        assert "notice-danger" in answer.content.decode()

    def test_it_changes_live(self, as_bob: Client, funnel: Funnel, did: Did) -> None:
        did("anna", "page_view")
        first = as_bob.get(page("funnel_detail", funnel)).content.decode()
        found = re.search(r'hx-get="([^"]+)" hx-trigger="every 5s"', first)
        assert found
        poll = found[1].replace("&amp;", "&")
        still = as_bob.get(poll, headers=HTMX)
        assert (still["HX-Retarget"], still["HX-Reswap"]) == ("#funnel-as-of", "outerHTML")
        assert "lost" not in text(still)
        did("anna", "purchase", hours_ago=1)
        assert "100% convert" in text(as_bob.get(poll, headers=HTMX))

    def test_live_is_a_switch(self, as_bob: Client, funnel: Funnel) -> None:
        off = as_bob.get(page("funnel_detail", funnel), {"live": "0"})
        assert b"every 5s" not in off.content
        both = as_bob.get(page("funnel_detail", funnel) + "?live=0&live=1")
        assert b"every 5s" in both.content

    def test_it_warns(self, as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
        did("anna", "page_view")
        twice = make_funnel(steps=[{"event": "page_view"}, {"event": "page_view"}, {"event": "purchse"}])
        shown = text(as_bob.get(page("funnel_detail", twice), {"from": "2026-01-14", "to": "2026-01-15"}))
        assert "Steps 1 and 2 are the same" in shown
        assert "“purchse” was not seen in the last 30 days" in shown
        assert "The Conversion Window (7 days) is longer than the Date Range" in shown
        assert "“page_view” was not seen" not in shown

    def test_names_are_only_text(self, as_bob: Client, make_funnel: MakeFunnel) -> None:
        funnel = make_funnel(name="<script>alert(1)</script>", steps=[{"event": "<b>"}, {"event": "b", "label": "<i>"}])
        for name in ("funnel_detail", "funnel_edit"):
            answer = as_bob.get(page(name, funnel)).content.decode()
            assert "<script>alert" not in answer
            assert "<i>" not in answer

    def test_its_queries(self, as_bob: Client, funnel: Funnel, did: Did, django_assert_num_queries: Any) -> None:
        did("anna", "page_view", "purchase")
        as_bob.get(page("funnel_detail", funnel))
        with django_assert_num_queries(7):
            as_bob.get(page("funnel_detail", funnel))

    def test_an_archived_one_can_be_restored(self, as_bob: Client, funnel: Funnel) -> None:
        as_bob.post(page("funnel_archive", funnel))
        shown = text(as_bob.get(page("funnel_detail", funnel)))
        assert "This funnel is archived" in shown
        assert "Restore" in shown

    def test_a_viewer_sees_and_changes_nothing(self, as_role: Callable[[str], Client], funnel: Funnel) -> None:
        shown = text(as_role("viewer").get(page("funnel_detail", funnel)))
        assert "Overall Conversion" in shown
        assert "Archive" not in shown
        assert "CSV" not in shown

    def test_a_smaller_plan_shows_what_was_built_and_builds_no_more(
        self, as_bob: Client, funnel: Funnel, workspace: Workspace
    ) -> None:
        workspace.plan = "starter"
        workspace.save()
        assert "Overall Conversion" in text(as_bob.get(page("funnel_detail", funnel)))
        assert funnel.name in text(as_bob.get(reverse("funnel_list")))
        refused = as_bob.get(reverse("funnel_new"))
        assert refused.status_code == 403
        assert "Professional" in text(refused)


class TestCsv:
    def test_it_works(self, as_bob: Client, make_funnel: MakeFunnel, did: Did) -> None:
        did("anna", "page_view", "purchase", every=90)
        did("ben", "page_view")
        funnel = make_funnel(steps=[{"event": "page_view", "label": "=SUM(A1)"}, {"event": "purchase"}])
        answer = as_bob.get(page("funnel_csv", funnel), {"days": "7"})
        assert answer["Content-Disposition"] == 'attachment; filename="funnel-steps-2026-01-09-2026-01-15.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert [row["users"] for row in rows] == ["2", "1"]
        assert rows[0]["label"] == "'=SUM(A1)"
        assert (rows[1]["conversion_rate"], rows[1]["median_seconds"]) == ("0.5", "90.0")

    def test_it_checks_ownership(self, as_charlie: Client, funnel: Funnel) -> None:
        assert as_charlie.get(page("funnel_csv", funnel)).status_code == 404

    def test_it_needs_the_right_to_export(self, as_role: Callable[[str], Client], funnel: Funnel) -> None:
        assert as_role("viewer").get(page("funnel_csv", funnel)).status_code == 403

    def test_a_range_that_cannot_be(self, as_bob: Client, funnel: Funnel) -> None:
        assert as_bob.get(page("funnel_csv", funnel), {"days": "x"}).status_code == 422


class TestNew:
    def test_it_works(self, as_bob: Client, workspace: Workspace) -> None:
        shown = text(as_bob.get(page("funnel_new")))
        for words in (
            "Create Funnel", "Event Name", "Time Window", "Conversion Window", "Counting Method", "Unique users",
            "Total events", "Date Range", "Recommended: 7 to 30 days",
        ):  # fmt: skip
            assert words in shown, words
        answer = as_bob.post(page("funnel_new"), FORM)
        funnel = Funnel.objects.get(workspace=workspace)
        assert answer["Location"] == f"{page('funnel_detail', funnel)}?days=7"
        assert funnel.definition == {
            "steps": [{"event": "page_view"}, {"event": "signed_up", "max_gap": "PT2H"}],
            "mode": "ordered",
            "window": "P14D",
            "counting": "unique",
            "exclusions": [],
        }
        assert str(funnel.created_by) == "Bob"

    def test_pickers_know_what_was_seen(self, as_bob: Client, did: Did) -> None:
        did("anna", "page_view", ("purchase", {"category": "Shoes"}))
        did("ben", "page_view")
        answer = as_bob.get(page("funnel_new")).content.decode()
        assert '<option value="page_view">2 in 30 days</option>' in answer
        assert '"purchase": {"category": ["Shoes"]' in answer

    def test_the_template_fills_the_form_and_shows_its_result(self, as_bob: Client, did: Did) -> None:
        did("anna", "page_view")
        answer = as_bob.get(page("funnel_new"), {"template": "purchase"})
        assert 'value="initiate_checkout"' in answer.content.decode()
        assert "1 100%" in text(answer)

    def test_errors_stand_at_their_fields(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "name": "", "steps-1-event": "", "window_count": "900"})
        assert answer.status_code == 422
        body = answer.content.decode()
        for slot, sentence in (
            ("name", "Give the funnel a name."),
            ("steps-1-event", "Choose an event"),
            ("window", "Choose a window between"),
        ):
            found = re.search(rf'id="error-{slot}"[^>]*>(.*?)</div>', body, re.DOTALL)
            assert found and sentence in found[1]
        assert body.count('aria-invalid="true"') == 3
        assert not Funnel.objects.exists()

    def test_a_21st_step_is_refused_where_the_steps_are(self, as_bob: Client, workspace: Workspace) -> None:
        events = {f"steps-{index}-event": "page_view" for index in range(21)}
        answer = as_bob.post(page("funnel_new"), {**FORM, "steps-1-gap_count": "", "steps": "21", **events})
        assert answer.status_code == 422
        assert "A funnel has at most 20 steps; this one has 21." in text(answer)

    @pytest.mark.parametrize("count", ["0", "400"])
    def test_windows_out_of_bounds(self, as_bob: Client, workspace: Workspace, count: str) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "window_count": count})
        found = re.search(r'id="error-window"[^>]*>(.*?)</div>', answer.content.decode(), re.DOTALL)
        assert found and "Choose a window between 1 second (PT1S) and 366 days" in found[1]

    def test_a_removed_step_comes_back_without_javascript(self, as_bob: Client, workspace: Workspace) -> None:
        form = {**FORM, "steps": "3", "steps-2-event": "purchase", "steps-2-label": "Order"}
        removed = as_bob.post(page("funnel_new"), {**form, "do": "remove_step:2"}).content.decode()
        hidden = dict(re.findall(r'name="(removed-[^"]+)" value="([^"]*)"', removed))
        assert hidden["removed-label"] == "Order"
        again = as_bob.post(page("funnel_new"), {**FORM, **hidden, "do": "undo"}).content.decode()
        assert 'name="steps-2-event" value="purchase"' in again

    def test_a_taken_name_is_told_at_the_name(self, as_bob: Client, funnel: Funnel) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "name": "Purchase Funnel"})
        assert answer.status_code == 422
        assert "There is already a funnel called “Purchase Funnel”" in text(answer)

    def test_total_events_are_shown_as_attempts(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "counting": "totals"}, follow=True)
        assert "Attempts · Conversion Rate" in text(answer)
        assert Funnel.objects.get().definition["counting"] == "totals"

    def test_buttons_work_without_javascript(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "do": "add_step"})
        assert answer.status_code == 200
        assert 'name="steps-2-event"' in answer.content.decode()
        assert 'value="signed_up"' in answer.content.decode()
        assert not Funnel.objects.exists()

    def test_buttons_with_javascript_get_the_fields(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(page("funnel_new"), {**FORM, "do": "down:0"}, headers=HTMX)
        assert answer["HX-Trigger-After-Settle"] == "builder-changed"
        body = answer.content.decode()
        assert "<html" not in body
        assert body.index('value="signed_up"') < body.index('value="page_view"')

    def test_a_viewer_may_not(self, as_role: Callable[[str], Client], workspace: Workspace) -> None:
        viewer = as_role("viewer")
        assert viewer.get(page("funnel_new")).status_code == 403
        assert viewer.post(page("funnel_new"), FORM).status_code == 403

    def test_forms_of_any_kind(self, as_bob: Client, workspace: Workspace) -> None:
        for form in ({}, {"steps": "x"}, {**FORM, "exclusions": "1"}, {**FORM, "mode": "x"}, {**FORM, "name": "a\0"}):
            assert as_bob.post(page("funnel_new"), form).status_code == 422


class TestPreview:
    def test_it_works(self, as_bob: Client, did: Did) -> None:
        did("anna", "page_view", "signed_up")
        did("ben", "page_view")
        answer = as_bob.post(page("funnel_preview"), FORM, headers=HTMX)
        assert answer.status_code == 200
        assert "1 lost (50% drop-off)" in text(answer)
        assert "HX-Reswap" not in answer
        assert not Funnel.objects.exists()

    def test_the_definition_as_code(self, as_bob: Client, workspace: Workspace) -> None:
        body = html.unescape(
            as_bob.post(page("funnel_preview"), {**FORM, "name": "Bob's"}, headers=HTMX).content.decode()
        )
        found = re.search(r'<code id="funnel-json">(.*?)</code>.*?<code id="funnel-curl">(.*?)</code>', body, re.DOTALL)
        assert found
        assert json.loads(found[1])["steps"][1] == {"event": "signed_up", "max_gap": "PT2H"}
        words = shlex.split(found[2].replace("\\\n", " "))
        assert words[:4] == ["curl", "-X", "POST", "http://testserver/api/v1/cdp/funnels"]
        assert json.loads(words[-1])["name"] == "Bob's"

    def test_warnings_stand_at_their_steps(self, as_bob: Client, did: Did) -> None:
        did("anna", "page_view")
        form = {**FORM, "steps": "4", "steps-1-event": "page_view", "steps-2-event": "", "steps-3-event": "purchse"}
        body = as_bob.post(page("funnel_preview"), form, headers=HTMX).content.decode()
        for step, sentence in ((1, "are the same"), (2, "leaves this step out"), (3, "was not seen")):
            found = re.search(rf'id="warning-steps-{step}"[^>]*>(.*?)</div>', body, re.DOTALL)
            assert found and sentence in found[1], step

    def test_it_sees_only_its_own_workspace(self, as_charlie: Client, did: Did) -> None:
        did("anna", "page_view", "signed_up")
        assert "No users entered" in text(as_charlie.post(page("funnel_preview"), FORM, headers=HTMX))

    def test_a_step_still_empty_is_no_error(self, as_bob: Client, did: Did) -> None:
        did("anna", "page_view", "signed_up")
        answer = as_bob.post(page("funnel_preview"), {**FORM, "steps": "3", "steps-2-event": ""}, headers=HTMX)
        assert "100% convert" in text(answer)
        waiting = as_bob.post(page("funnel_preview"), {**FORM, "steps-1-event": ""}, headers=HTMX)
        assert "Choose an event for at least two steps" in text(waiting)

    def test_errors_go_to_their_fields_and_the_last_result_stays(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(page("funnel_preview"), {**FORM, "steps-1-gap_count": "soon"}, headers=HTMX)
        assert (answer.status_code, answer["HX-Reswap"]) == (200, "none")
        body = answer.content.decode()
        assert re.search(r'id="error-steps-1-gap" hx-swap-oob="true">.*?Write a number', body, re.DOTALL)
        assert re.search(r'id="error-window" hx-swap-oob="true" hidden>', body)

    def test_a_range_that_cannot_be(self, as_bob: Client, workspace: Workspace) -> None:
        form = {**FORM, "days": "custom", "from": "2026-02-01", "to": "2026-01-01"}
        answer = as_bob.post(page("funnel_preview"), form, headers=HTMX)
        assert "ends before it starts" in text(answer)

    def test_its_queries(self, as_bob: Client, did: Did, django_assert_num_queries: Any) -> None:
        did("anna", "page_view", "signed_up")
        as_bob.post(page("funnel_preview"), FORM, headers=HTMX)
        with django_assert_num_queries(3):
            as_bob.post(page("funnel_preview"), FORM, headers=HTMX)


class TestEdit:
    def test_it_works(self, as_bob: Client, funnel: Funnel) -> None:
        form = as_bob.get(page("funnel_edit", funnel))
        assert 'value="Landing Page"' in form.content.decode()
        answer = as_bob.post(page("funnel_edit", funnel), {**FORM, "name": "Renamed"})
        assert answer.status_code == 302
        funnel.refresh_from_db()
        assert (funnel.name, funnel.version, funnel.definition["window"]) == ("Renamed", 2, "P14D")

    def test_it_checks_ownership(self, as_charlie: Client, funnel: Funnel) -> None:
        assert as_charlie.get(page("funnel_edit", funnel)).status_code == 404
        assert as_charlie.post(page("funnel_edit", funnel), FORM).status_code == 404

    def test_somebody_was_faster(
        self, as_bob: Client, funnel: Funnel, by_alice: Actor, workspace: Workspace, now: Any
    ) -> None:
        opened = re.search(r'name="expected" value="([^"]+)"', as_bob.get(page("funnel_edit", funnel)).content.decode())
        assert opened
        archived = services.archive(workspace=workspace, by=by_alice, funnel_id=funnel.pk, now=now)
        services.restore(workspace=workspace, by=by_alice, funnel_id=funnel.pk, now=now)
        Funnel.objects.filter(pk=archived.pk).update(updated_at=now + timedelta(seconds=1))
        answer = as_bob.post(page("funnel_edit", funnel), {**FORM, "expected": opened[1].replace("&quot;", '"')})
        assert answer.status_code == 422
        assert "Somebody changed this funnel" in text(answer)

    def test_mode_counting_and_exclusions_are_shown_and_kept(self, as_bob: Client, make_funnel: MakeFunnel) -> None:
        kept = {"mode": "strict", "counting": "totals", "exclusions": [{"event": "refund", "between": [0, 1]}]}
        funnel = make_funnel(**kept)
        body = as_bob.get(page("funnel_edit", funnel)).content.decode()
        for checked in ('value="strict" checked', 'value="totals" checked', 'name="exclusions-0-event" value="refund"'):
            assert checked in body, checked
        form = {
            "exclusions": "1",
            "exclusions-0-event": "refund",
            "exclusions-0-after": "0",
            "exclusions-0-before": "1",
        }
        as_bob.post(page("funnel_edit", funnel), {**FORM, **form, "mode": "strict", "counting": "totals"})
        funnel.refresh_from_db()
        assert {name: funnel.definition[name] for name in kept} == kept


class TestActions:
    def test_archive_with_undo(self, as_bob: Client, funnel: Funnel) -> None:
        answer = as_bob.post(page("funnel_archive", funnel), follow=True)
        assert "“Purchase Funnel” is archived." in text(answer)
        assert f'action="{page("funnel_restore", funnel)}"' in answer.content.decode()
        assert "“Purchase Funnel” is back." in text(as_bob.post(page("funnel_restore", funnel), follow=True))
        funnel.refresh_from_db()
        assert funnel.archived_at is None

    def test_duplicate_opens_the_copy(self, as_bob: Client, funnel: Funnel) -> None:
        answer = as_bob.post(page("funnel_duplicate", funnel))
        copy = Funnel.objects.exclude(pk=funnel.pk).get()
        assert (answer["Location"], copy.name) == (page("funnel_edit", copy), "Purchase Funnel (copy)")

    def test_the_template_is_one_click(self, as_bob: Client, workspace: Workspace) -> None:
        answer = as_bob.post(reverse("funnel_from_template", args=["purchase"]))
        funnel = Funnel.objects.get()
        assert answer["Location"].startswith(page("funnel_detail", funnel))
        assert [step["event"] for step in funnel.definition["steps"]] == [
            "page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase",
        ]  # fmt: skip
        assert as_bob.post(reverse("funnel_from_template", args=["nothing"])).status_code == 404

    @pytest.mark.parametrize("name", ["funnel_archive", "funnel_duplicate", "funnel_restore"])
    def test_it_checks_ownership(
        self, as_charlie: Client, as_role: Callable[[str], Client], as_bob: Client, funnel: Funnel, name: str
    ) -> None:
        assert as_charlie.post(page(name, funnel)).status_code == 404
        assert as_role("viewer").post(page(name, funnel)).status_code == 403
        assert as_bob.get(page(name, funnel)).status_code == 405
        assert Funnel.objects.count() == 1
        funnel.refresh_from_db()
        assert funnel.archived_at is None


def test_everything_needs_a_login(client: Client, funnel: Funnel) -> None:
    for name in ("funnel_list", "funnel_new"):
        assert client.get(page(name))["Location"].startswith("/login")
    for name in ("funnel_detail", "funnel_edit", "funnel_csv"):
        assert client.get(page(name, funnel))["Location"].startswith("/login")
