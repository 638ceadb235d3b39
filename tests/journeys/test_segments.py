"""People behind a number become a segment, and a page as it is set becomes a view."""

import re
from datetime import datetime

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel
from cdp.services import funnels
from stratum.reports.models import SavedView
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import teller
from tests.journeys.conftest import Look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FUNNEL = {"name": "Purchases", "steps": [{"event": "page_view"}, {"event": "purchase"}]}


@pytest.fixture
def at_work(page: Page, live_server: LiveServer, as_alice: Client) -> Page:
    session = {"name": "sessionid", "value": as_alice.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([session])  # type: ignore[list-item]
    return page


@pytest.fixture
def funnel(workspace: Workspace, now: datetime) -> Funnel:
    """Anna, Ben and Cora looked; Ben and Cora bought."""
    tell = teller(workspace, now)
    for who in ("anna", "ben", "cora"):
        tell("identify", user=who, hours_ago=5, email=f"{who}@example.com")
        tell("page_view", user=who, hours_ago=4)
    for who in ("ben", "cora"):
        tell("purchase", user=who, hours_ago=3, revenue=9)
    return funnels.create(workspace=workspace, by=SYSTEM, draft=parse_draft(FUNNEL), now=now)


def test_people_of_a_funnel_become_a_segment(
    at_work: Page, live_server: LiveServer, funnel: Funnel, look: Look
) -> None:
    page = at_work
    page.goto(f"{live_server.url}/dashboard/cdp/funnels/{funnel.pk}")
    page.locator(".funnel-numbers a").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("2 ")
    page.get_by_role("button", name="Create segment").click()
    page.get_by_label("Name").fill("Buyers")
    page.locator("#people-segment").get_by_role("button", name="Create segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Buyers")
    members = page.get_by_role("region", name="Members").get_by_role("rowheader")
    expect(members).to_have_text(["cora@example.com", "ben@example.com"])
    look("segment")

    page.get_by_label("People").fill("anna@example.com\nnobody@example.com")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Nobody has: nobody@example.com")).to_be_visible()
    look("segment-refused")
    page.get_by_label("Leave this one out").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(members).to_have_count(3)
    page.get_by_role("button", name="Remove ben@example.com from this segment").click()
    expect(members).to_have_text(["cora@example.com", "anna@example.com"])

    page.get_by_role("link", name="anna@example.com", exact=True).click()
    page.get_by_role("region", name="Segments").get_by_role("link", name="Buyers").click()
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Segments")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Buyers")
    page.get_by_role("link", name="Segments", exact=True).first.click()
    expect(page.get_by_role("rowheader", name="Buyers")).to_be_visible()
    look("segments")
    page.get_by_role("link", name="Create Segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Create Segment")
    look("segment-new")


def test_a_view_is_saved_opened_and_deleted_with_undo(
    at_work: Page, live_server: LiveServer, funnel: Funnel, look: Look
) -> None:
    page = at_work
    page.goto(f"{live_server.url}/dashboard/cdp/profiles")
    page.get_by_label("Search").fill("ben")
    expect(page.get_by_role("rowheader")).to_have_text(["ben@example.com"])
    page.wait_for_url(re.compile(r"q=ben"))
    menu = page.locator("details.saved-views")
    menu.locator("summary").click()
    menu.get_by_label("Name of the view").fill("Only Ben")
    menu.get_by_role("button", name="Save this view").click()
    expect(menu.locator("summary")).to_have_text("Only Ben")

    page.get_by_label("Search").fill("anna")
    expect(page.get_by_role("rowheader")).to_have_text(["anna@example.com"])
    expect(menu.locator("summary")).to_have_text("Saved views")
    menu.locator("summary").click()
    look("saved-views")
    menu.get_by_role("link", name="Only Ben").click()
    expect(page.get_by_role("rowheader")).to_have_text(["ben@example.com"])

    menu.locator("summary").click()
    menu.get_by_role("button", name="Delete the view Only Ben").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The view “Only Ben” is back.")).to_be_visible()
    expect(menu.locator("summary")).to_have_text("Only Ben")
    assert SavedView.objects.get().deleted_at is None


def test_exports_wait_on_their_page(at_work: Page, live_server: LiveServer, look: Look) -> None:
    at_work.goto(f"{live_server.url}/dashboard/settings/exports")
    expect(at_work.get_by_text("No exports")).to_be_visible()
    look("exports")
