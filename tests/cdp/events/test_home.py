"""What the customer data rooms show on the first page."""

from datetime import UTC, datetime
from typing import Any

from django.test import Client

from cdp import home
from cdp.queries.engine import engine_of
from cdp.tasks import project_all
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, teller

URL = "/dashboard/"


def steps(browser: Client) -> dict[str, bool]:
    return {step.label: step.done for step in browser.get(URL).context["checklist"].steps}


def test_the_cards_count(as_bob: Client, workspace: Workspace, tell: Tell, now: datetime) -> None:
    for hours_ago in (0.5, 1, 20, 24 * 6, 24 * 8):
        tell("visit", user="anna", hours_ago=hours_ago)
    tell("visit", user="ben", hours_ago=11.5)  # half past one at night in Berlin: today
    shown = home.event_days(workspace, now)
    assert (shown.today, shown.total) == (3, 5)
    assert [day.events for day in shown.days] == [1, 0, 0, 0, 0, 1, 3]
    assert home.profile_count(workspace, now) == 2
    page = as_bob.get(URL).content.decode()
    assert "5 in the last 7 days" in page


def test_days_are_local_when_the_clock_changes(workspace: Workspace) -> None:
    """Berlin's 29 March 2026 has 23 hours: it begins at 23:00 UTC and ends at 22:00 UTC."""
    evening = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)
    tell = teller(workspace, evening)
    for day, hour in ((28, 22), (28, 23), (29, 21), (29, 22)):
        ago = evening - datetime(2026, 3, day, hour, 30, tzinfo=UTC)
        tell("visit", user="anna", hours_ago=ago.total_seconds() / 3600)
    assert [day.events for day in home.event_days(workspace, evening).days][-3:] == [1, 2, 1]


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
    assert home.event_days(other_workspace, now).total == 0
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
