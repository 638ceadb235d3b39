"""The funnel builder by keyboard, by hand and by pointer."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.journeys.conftest import Look
from tests.journeys.test_first_day import sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EVENTS = ["page_view", "add_to_cart", "purchase"]


def open_builder(page: Page, stratum: str) -> None:
    """With three steps, chosen by the keyboard alone once the name has the focus."""
    sign_up(page, stratum)
    page.goto(f"{stratum}/dashboard/cdp/funnels/new")
    expect(page.get_by_label("Funnel name")).to_be_focused()
    page.keyboard.type("By keyboard")
    page.get_by_role("button", name="Add step").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#steps-2-event-0")).to_be_focused()
    for number, event in enumerate(EVENTS):
        page.locator(f"#steps-{number}-event-0").focus()
        page.keyboard.type(event)


def expect_order(page: Page, *events: str) -> None:
    expect(page.locator("[data-place]")).to_have_count(len(events))
    for number, event in enumerate(events):
        expect(page.locator(f"#steps-{number}-event-0")).to_have_value(event)


def test_by_keyboard(page: Page, live_server: LiveServer) -> None:
    open_builder(page, live_server.url)
    page.keyboard.press("Alt+ArrowUp")
    expect_order(page, "page_view", "purchase", "add_to_cart")
    expect(page.locator("#steps-1-event-0")).to_be_focused()
    expect(page.locator("#builder-status")).to_have_text("purchase is now step 2 of 3.")
    page.keyboard.press("Alt+ArrowDown")
    expect_order(page, *EVENTS)
    expect(page.locator("#steps-2-event-0")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")


def test_by_dragging(page: Page, live_server: LiveServer) -> None:
    open_builder(page, live_server.url)
    handle = page.locator("[data-formset-handle]").nth(2)
    handle.scroll_into_view_if_needed()
    handle.hover()
    page.mouse.down()
    expect(page.locator(".rows-sorting")).to_have_count(1)
    first = page.locator("[data-place]").first.bounding_box()
    assert first
    page.mouse.move(first["x"] + 20, first["y"] + 2, steps=10)
    page.mouse.up()
    expect_order(page, "purchase", "page_view", "add_to_cart")


def test_remove_and_undo_exclusions_and_mode(page: Page, live_server: LiveServer, look: Look) -> None:
    open_builder(page, live_server.url)
    page.get_by_role("button", name="Remove step 2").click()
    expect_order(page, "page_view", "purchase")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.keyboard.press("Enter")
    expect_order(page, *EVENTS)
    page.get_by_role("button", name="Add exclusion").click()
    expect(page.locator("#exclusions-0-event-0")).to_be_focused()
    page.keyboard.type("refund")
    page.locator("#exclusions-0-before").select_option("1")
    page.get_by_role("radio", name="In this order, nothing in between").check()
    expect(page.locator("#funnel-json")).to_contain_text('"between": [')
    expect(page.locator("#funnel-json")).to_contain_text('"mode": "strict"')
    look("builder-exclusions")

    page.route("**/funnels/preview", lambda route: route.abort())
    page.locator("#window").fill("14")
    expect(page.locator("#preview-trouble")).to_be_visible()
    expect(page.locator("#funnel-json")).to_contain_text('"window": "P7D"')  # the last good one stays
    page.unroute("**/funnels/preview")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#funnel-json")).to_contain_text('"window": "P14D"')
    expect(page.locator("#preview-trouble")).to_be_hidden()

    page.locator("#exclusions-0-after").select_option("2")
    page.get_by_role("button", name="Save funnel").click()
    expect(page.locator("#error-exclusions-0-between")).to_contain_text("must lie between an earlier and a later step")
    expect(page.locator("#exclusions-0-after")).to_be_focused()
