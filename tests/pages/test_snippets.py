"""The shared snippets, as templates include them."""

from types import SimpleNamespace as Thing

import pytest
from django import forms
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.template import engines
from django.test import RequestFactory


def render(snippet: str, with_: str = "", **context: object) -> str:
    source = f'{{% include "_shared/{snippet}.html"{" with " + with_ if with_ else ""} %}}'
    request = RequestFactory().get("/somewhere?sort=name&page=2")
    return engines["django"].from_string(source).render(context, request)


class Naming(forms.Form):
    name = forms.CharField(help_text="Shown in lists.")
    note = forms.CharField(required=False)


class TestFields:
    def test_label_help_and_field_belong_together(self):
        html = render("_form_field", field=Naming()["name"])
        assert '<label class="field-label" for="id_name">Name</label>' in html
        assert 'aria-describedby="id_name_helptext"' in html
        assert 'id="id_name_helptext"' in html

    def test_what_is_wrong_is_said_beside_the_field(self):
        html = render("_form_field", field=Naming({"name": ""})["name"])
        assert 'aria-invalid="true"' in html
        assert 'aria-describedby="id_name_helptext id_name_error"' in html
        assert "This field is required." in html

    def test_what_may_stay_empty_says_so(self):
        assert "optional" in render("_form_field", field=Naming()["note"])
        assert "optional" not in render("_form_field", field=Naming()["name"])


class TestMeter:
    def test_it_shows_what_is_left(self):
        html = render("_meter", 'label="Segments" used=12 limit=50')
        assert "12 of 50" in html
        assert 'width="24"' in html

    def test_it_warns_from_80_percent(self):
        assert "used" not in render("_meter", 'label="Segments" used=39 limit=50')
        assert "80% used" in render("_meter", 'label="Segments" used=40 limit=50')

    def test_it_says_when_full_and_how_to_go_on(self):
        html = render("_meter", 'label="Segments" used=50 limit=50 action_url="/plan"')
        assert "Full" in html
        assert 'href="/plan"' in html

    def test_it_knows_no_limit(self):
        html = render("_meter", 'label="Events" used=1200 limit=None')
        assert "1,200, no limit" in html
        assert "<svg" not in html


class TestPager:
    def test_a_numbered_page_keeps_the_rest_of_the_address(self):
        page = Thing(
            has_other_pages=True,
            has_previous=True,
            has_next=True,
            previous_page_number=1,
            next_page_number=3,
            number=2,
            paginator=Thing(num_pages=3),
        )
        html = render("_pager", page=page)
        assert 'href="?sort=name&amp;page=3"' in html
        assert "Page 2 of 3" in html

    def test_a_cursor_has_only_its_neighbours(self):
        html = render("_pager", next_url="/events?cursor=abc")
        assert 'rel="next" href="/events?cursor=abc"' in html
        assert "Previous" not in html

    def test_a_single_page_has_none(self):
        assert render("_pager", page=Thing(has_other_pages=False)).strip() == ""


class TestProgress:
    def job(self, **changes: object) -> Thing:
        return Thing(
            **{"id": "7", "done": 50, "total": 200, "state": "running", "message": "", "finished_at": None, **changes}
        )

    def test_it_asks_again_while_running(self):
        html = render("_progress", url="/jobs/7", job=self.job())
        assert 'hx-get="/jobs/7" hx-trigger="load delay:1s"' in html
        assert 'max="200" value="50"' in html

    @pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
    def test_it_stops_asking_at_the_end(self, state: str):
        html = render("_progress", url="/jobs/7", job=self.job(state=state, finished_at="now", error="Disk full."))
        assert "hx-get" not in html
        assert ("Disk full." in html) == (state == "failed")


class TestToasts:
    def test_a_message_may_offer_undo(self):
        html = render("_toasts", messages=[Message(constants.SUCCESS, "Archived.", extra_tags="/funnels/1/restore")])
        assert "Archived." in html
        assert 'action="/funnels/1/restore"' in html

    def test_most_messages_do_not(self):
        html = render("_toasts", messages=[Message(constants.ERROR, "That name is taken.")])
        assert "<form" not in html.split("<template")[0]
        assert 'role="alert"' in html

    def test_a_message_is_text(self):
        html = render("_toasts", messages=[Message(constants.INFO, "<b>Bold</b>")])
        assert "<b>" not in html


class TestMenu:
    def test_what_is_not_built_is_no_link(self):
        entries = [
            Thing(label="Funnels", url="/funnels", active=True, planned=False),
            Thing(label="RFM", url=None, active=False, planned=True),
        ]
        html = render("_sidebar", menu=[Thing(label="CDP", icon="users", url=None, active=True, items=entries)])
        assert '<a class="nav-entry" href="/funnels" aria-current="page">' in html
        assert "planned-mark" in html.split("RFM")[1]
        assert html.count('class="nav-entry"') == 1

    def test_a_page_without_a_menu_still_stands(self):
        assert "Stratum" in render("_sidebar")


def test_a_person_may_change_workspaces():
    here, there = Thing(slug="acme", name="Acme"), Thing(slug="other", name="Other")
    html = render("_workspace_switcher", workspace=here, workspaces=[here, there])
    assert 'name="workspace" value="acme" class="menu-entry" aria-current="true"' in html
    assert 'name="workspace" value="other" class="menu-entry"><span>Other' in html


def test_sample_data_is_marked():
    assert "sample data" in render("_sample_banner", workspace=Thing(holds_sample_data=True))
    assert render("_sample_banner", workspace=Thing(holds_sample_data=False)).strip() == ""


def test_a_definition_is_tied_to_its_term():
    html = render("_definition", 'id="conversion" term="Conversion" text="Share of users."')
    assert 'aria-describedby="definition-conversion"' in html
    assert 'role="tooltip" id="definition-conversion"' in html
