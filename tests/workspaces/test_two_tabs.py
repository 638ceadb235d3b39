"""Somebody in two workspaces, with a tab open in each: nothing lands in the wrong one."""

import pytest

from cdp.models import Funnel
from stratum.workspaces.models import Member

FORM = {
    "name": "Mine",
    "steps": "2",
    "steps-0-event": "a",
    "steps-1-event": "b",
    "mode": "ordered",
    "window_count": "7",
    "window_unit": "D",
    "counting": "unique",
    "exclusions": "[]",
}
NEW = "/dashboard/cdp/funnels/new"


@pytest.fixture
def switched(as_alice, alice, workspace, other_workspace, now):
    """Alice's browser, which has just switched to the other workspace."""
    Member.objects.create(workspace=other_workspace, user=alice, role="owner", joined_at=now)
    as_alice.post("/dashboard/workspaces/switch", {"workspace": "other", "sent_from": "acme"})
    return as_alice


def test_a_page_says_which_workspace_it_shows(switched):
    assert b'data-workspace="other"' in switched.get(NEW).content


def test_a_form_of_the_old_tab_changes_nothing(switched):
    answer = switched.post(NEW, {**FORM, "sent_from": "acme"})
    assert answer.status_code == 409
    assert "switched to “Other”" in answer.content.decode()
    assert not Funnel.objects.exists()


def test_nor_does_a_button_of_it(switched):
    answer = switched.post(NEW, FORM, headers={"HX-Request": "true", "X-Workspace": "acme"})
    assert answer.status_code == 409
    assert not Funnel.objects.exists()


def test_what_the_old_tab_shows_is_loaded_anew(switched):
    answer = switched.get("/dashboard/cdp/profiles", headers={"HX-Request": "true", "X-Workspace": "acme"})
    assert answer["HX-Refresh"] == "true"


@pytest.mark.parametrize("sent_from", ["other", ""])
def test_the_new_tab_works(switched, other_workspace, sent_from):
    assert switched.post(NEW, {**FORM, "sent_from": sent_from}).status_code == 302
    assert Funnel.objects.get().workspace == other_workspace
