"""What the customer data rooms show on the first page."""

from datetime import datetime
from typing import Any

from django.test import Client
from django.urls import reverse

from cdp import home
from cdp.queries.engine import engine_of
from cdp.tasks import project_all
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell

URL = "/dashboard/"


def steps(browser: Client) -> dict[str, bool]:
    return {step.label: step.done for step in browser.get(URL).context["checklist"].steps}


def test_profiles_are_counted(as_bob: Client, workspace: Workspace, tell: Tell, now: datetime) -> None:
    tell("visit", user="anna")
    tell("visit", user="ben")
    assert home.profile_count(workspace, now) == 2
    assert "People and visitors" in as_bob.get(URL).content.decode()


def test_events_stand_there_once(as_bob: Client, tell: Tell) -> None:
    """As a figure with its line and day by day, not as a card beside it too."""
    tell("visit", user="anna")
    page = as_bob.get(URL)
    assert [tile.kpi.name for tile in page.context["shown_tiles"]].count("events") == 1
    assert "Events" not in [card.title for card in page.context["cards"]]


def test_an_empty_workspace_has_cards_too(as_bob: Client, workspace: Workspace) -> None:
    page = as_bob.get(URL)
    assert page.status_code == 200
    assert b"Build a funnel" in page.content


def test_the_first_steps_tick_themselves(as_alice: Client, workspace: Workspace, tell: Tell, now: datetime) -> None:
    assert steps(as_alice)["Send your first event"] is False
    assert steps(as_alice)["Build a funnel"] is False
    tell("visit", user="anna")
    workspace.funnels.create(name="A", definition={}, created_at=now, updated_at=now, archived_at=now)
    assert steps(as_alice)["Send your first event"] is True
    assert steps(as_alice)["Build a funnel"] is True


def test_a_plan_without_funnels_says_so(as_bob: Client, workspace: Workspace) -> None:
    Workspace.objects.update(plan="starter")
    assert b"part of the Professional plan" in as_bob.get(URL).content


def test_nothing_of_another_workspace_is_counted(
    other_workspace: Workspace, tell: Tell, now: datetime, as_charlie: Client
) -> None:
    tell("visit", user="anna")
    assert home.profile_count(other_workspace, now) == 0


def test_the_task_brings_every_engine_up_to_date(
    workspace: Workspace, other_workspace: Workspace, tell: Tell, now: datetime
) -> None:
    tell("visit", user="anna")
    tell("visit", user="zoe", where=other_workspace)
    project_all()
    assert engine_of(workspace).stored().events == 1
    assert engine_of(other_workspace).stored().events == 1


def test_it_asks_little_of_the_database(as_bob: Client, tell: Tell, django_assert_max_num_queries: Any) -> None:
    tell("visit", user="anna")
    as_bob.get(URL)
    with django_assert_max_num_queries(30):
        as_bob.get(URL)
    figures = reverse("home_figures")
    as_bob.get(figures, headers={"HX-Request": "true"})
    with django_assert_max_num_queries(12):
        as_bob.get(figures, headers={"HX-Request": "true"})
