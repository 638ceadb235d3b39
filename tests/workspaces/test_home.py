"""The first page: registered cards, and first steps that tick themselves."""

import pytest
from django.template import Template

from stratum.workspaces import registry
from stratum.workspaces.context import address
from stratum.workspaces.registry import FirstStep, HomeCard
from tests import factories


@pytest.fixture
def card(monkeypatch):
    template = Template("<p>{{ card.facts }} things</p>")
    found = HomeCard("things", "Things", template, lambda workspace, now: f"{workspace.slug} {now.year}", "build")
    monkeypatch.setitem(registry.home_cards, "things", found)


def test_it_works(as_alice, card):
    page = as_alice.get("/dashboard")
    assert page.status_code == 200
    assert b"<p>acme 2026 things</p>" in page.content


def test_getting_into_a_workspace_takes_three_queries(as_alice, alice, django_assert_num_queries):
    with django_assert_num_queries(3):  # session, user, memberships with their workspaces
        as_alice.get("/dashboard/jobs/00000000-0000-4000-8000-000000000000/cancel")


def test_a_card_is_for_those_with_its_right(as_role, card):
    assert b"things</p>" not in as_role("viewer").get("/dashboard/").content


def test_first_steps_tick_themselves(as_alice, workspace):
    def done() -> dict[str, bool]:
        return {step.label: step.done for step in as_alice.get("/dashboard/").context["checklist"].steps}

    assert done()["Add a source"] is False
    factories.write_key(workspace)
    assert done()["Add a source"] is True


def test_the_list_goes_when_all_is_done(as_alice, monkeypatch):
    monkeypatch.setattr(registry, "first_steps", registry.Registry())
    registry.first_steps.register(FirstStep("one", "One", "Do it.", "home", lambda workspace: True))
    assert b"First steps" not in as_alice.get("/dashboard/").content


def test_a_step_links_only_where_one_may_go(as_role):
    page = as_role("viewer").get("/dashboard/")
    step = next(step for step in page.context["checklist"].steps if step.label == "Add a source")
    assert step.url is None


def test_nothing_is_registered_twice():
    names = registry.Registry()
    names.register(registry.Meter("segments", lambda workspace: 0))
    with pytest.raises(ValueError, match="registered twice"):
        names.register(registry.Meter("segments", lambda workspace: 0))


def test_the_front_door_leads_home(client):
    assert client.get("/")["Location"] == "/dashboard/"


@pytest.mark.parametrize("section", ["cdp", "autopilot", "settings", "settings/integrations"])
def test_a_section_leads_to_its_first_page(as_alice, section):
    answer = as_alice.get(f"/dashboard/{section}", follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[0][0].startswith(f"/dashboard/{section}/")


def test_data_quality_is_the_trust_layer_too(as_alice):
    assert as_alice.get("/dashboard/trust-layer")["Location"] == "/dashboard/data-quality"
    kept = as_alice.get("/dashboard/trust-layer/audit-logs", {"decision": "HOLD"})["Location"]
    assert kept == "/dashboard/data-quality/audit-logs?decision=HOLD"
    found = as_alice.get("/dashboard/go", {"q": "trust layer"}).content.decode()
    assert "/dashboard/data-quality/audit-logs" in found


def test_the_menu_marks_where_one_is_and_what_is_planned(as_alice):
    menu = {section.label: section for section in as_alice.get("/dashboard/settings/team").context["menu"]}
    settings = {entry.label: entry for entry in menu["Settings"].items}
    assert menu["Settings"].active and settings["Team"].active and not settings["Plan"].active
    assert not menu["Home"].active
    assert settings["Notifications"].url == "/dashboard/settings/notifications"
    assert address("no_such_page") is None
