"""Impatient hands: what is clicked twice happens once, and what is typed in one tab lands where it was typed."""

from datetime import datetime

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.models import Funnel
from stratum.workspaces.models import Member, User, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, as_alice: Client, workspace: Workspace) -> Page:
    session = {"name": "sessionid", "value": as_alice.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([session])  # type: ignore[list-item]
    return page


def test_a_double_click_on_save_saves_one_funnel(at_work: Page, live_server: LiveServer) -> None:
    at_work.goto(f"{live_server.url}/dashboard/cdp/funnels/new")
    at_work.get_by_label("Funnel name").fill("Once")
    for number, event in enumerate(["page_view", "purchase"]):
        at_work.locator(f"#steps-{number}-event-0").fill(event)
    at_work.get_by_role("button", name="Save funnel").dblclick(no_wait_after=True)
    expect(at_work.get_by_role("heading", level=1)).to_have_text("Once")
    assert Funnel.objects.count() == 1


def test_back_at_the_builder_everything_can_be_pressed_again(at_work: Page, live_server: LiveServer) -> None:
    at_work.goto(f"{live_server.url}/dashboard/cdp/funnels/new")
    at_work.get_by_label("Funnel name").fill("Once")
    for number, event in enumerate(["page_view", "purchase"]):
        at_work.locator(f"#steps-{number}-event-0").fill(event)
    at_work.get_by_role("button", name="Save funnel").click()
    expect(at_work.get_by_role("heading", level=1)).to_have_text("Once")
    at_work.go_back()
    expect(at_work.get_by_role("button", name="Save funnel")).to_be_enabled()


def test_a_tab_left_behind_saves_nothing(
    at_work: Page, live_server: LiveServer, alice: User, other_workspace: Workspace, now: datetime
) -> None:
    Member.objects.create(workspace=other_workspace, user=alice, role="owner", joined_at=now)
    at_work.goto(f"{live_server.url}/dashboard/cdp/funnels/new")
    at_work.get_by_label("Funnel name").fill("Mine")
    for number, event in enumerate(["page_view", "purchase"]):
        at_work.locator(f"#steps-{number}-event-0").fill(event)
    at_work.evaluate(
        """async () => {
            const body = new URLSearchParams({ workspace: 'other' });
            const token = document.querySelector('[name=csrfmiddlewaretoken]').value;
            await fetch('/dashboard/workspaces/switch', { method: 'POST', body, headers: { 'X-CSRFToken': token } });
        }"""
    )
    at_work.get_by_role("button", name="Save funnel").click()
    expect(at_work.get_by_role("main")).to_contain_text("Another tab has switched to “Other”")
    assert not Funnel.objects.exists()
