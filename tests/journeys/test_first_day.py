"""The first day: sign up, point an SDK at Stratum, build the tutorial's funnel, and see it change."""

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.journeys.conftest import Look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEPS = ["page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase"]

VISITS = {
    "buys": """async () => {
        await shop.page('Landing Page');
        await shop.track('Product Viewed', { product_id: 'p1', price: 49.9 });
        await shop.track('Product Added', { product_id: 'p1', quantity: 1 });
        await shop.identify('anna', { email: 'Anna@Example.com', first_name: 'Anna' });
        await shop.track('Checkout Started', { value: 49.9 });
        await shop.track('Order Completed', { order_id: 'o1', revenue: 49.9, currency: 'EUR' });
    }""",
    "looks": """async () => {
        await shop.reset();
        await shop.page('Landing Page');
        await shop.track('Product Viewed', { product_id: 'p2' });
    }""",
}


def complains(line: ConsoleMessage) -> bool:
    """A preview that a newer one replaced, or whose row has gone, and a form that was refused are no errors."""
    replaced = line.text.startswith(("htmx:sendAbort", "htmx:afterRequest", "htmx:oobErrorNoTarget"))
    refused = "422 (Unprocessable Entity)" in line.text
    return line.type == "error" and not replaced and not refused


def sign_up(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/signup")
    page.get_by_label("Your name").fill("Mara Marketer")
    page.get_by_label("E-mail").fill("mara@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_label("Company or team").fill("Mara's Shop")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


def add_source(page: Page) -> str:
    """The text of a new write key for browsers."""
    page.get_by_role("link", name="Sources").click()
    page.get_by_label("Name").fill("Website")
    page.get_by_role("checkbox", name="Used in browsers or apps").check()
    page.get_by_role("button", name="Create write key").click()
    return page.locator("#new-write-key").inner_text().strip()


def visit_shop(page: Page, shop: str, stratum: str, key: str, visit: str) -> None:
    """One visitor, in a window of their own."""
    window = page.context.new_page()
    with window.expect_request_finished(lambda request: "/v1/" in request.url):
        window.goto(f"{shop}/index.html#{stratum.removeprefix('http://')} {key}")
        window.evaluate(VISITS[visit])
    window.wait_for_load_state("networkidle")
    window.close()


def build_funnel(page: Page) -> None:
    """As the tutorial has it: Create Funnel, a name, the steps in order."""
    page.get_by_role("link", name="Funnels").first.click()
    page.get_by_role("link", name="Create Funnel").first.click()
    page.get_by_label("Funnel name").fill("Purchase Funnel")
    for number, event in enumerate(STEPS):
        if number >= 2:
            page.get_by_role("button", name="Add step").click()
        page.locator(f"#steps-{number}-event-0").fill(event)
    page.get_by_role("button", name="Save funnel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Purchase Funnel")


def expect_counts(page: Page, *counts: str) -> None:
    """The page asks anew by itself, and may meet the visit half way."""
    expect(page.locator(".funnel-numbers strong")).to_have_text(list(counts))


def test_the_main_job(page: Page, live_server: LiveServer, shop: str, look: Look) -> None:
    stratum = live_server.url
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if complains(line) else None)

    sign_up(page, stratum)
    look("home")
    key = add_source(page)
    look("sources")
    visit_shop(page, shop, stratum, key, "buys")

    page.get_by_role("link", name="Events", exact=True).click()
    expect(page.get_by_text("purchase").first).to_be_visible()
    look("events")

    page.get_by_role("link", name="Profiles").click()
    page.get_by_role("link", name="Anna").first.click()
    expect(page.get_by_text("anna@example.com").first).to_be_visible()
    look("profile")

    build_funnel(page)
    expect_counts(page, *["1"] * 5)
    look("funnel")

    visit_shop(page, shop, stratum, key, "looks")
    expect_counts(page, "2", "2", "1", "1", "1")
    expect(page.locator(".funnel-drop").nth(1)).to_contain_text("1 lost (50% drop-off)")

    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Purchase Funnel")
    expect_counts(page, "2", "2", "1", "1", "1")
    look("builder")
    assert problems == [], "\n".join(problems)
