"""Home and the list of funnels: numbers that come after the page move nothing, come once, and fail where they stand."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cdp.services import demo
from stratum.workspaces.models import Workspace
from tests.journeys.conftest import SCREENS
from tests.journeys.test_every_page import WATCH, browser_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = {"/dashboard/": "/dashboard/figures", "/dashboard/cdp/funnels": "/dashboard/cdp/funnels/numbers"}
TOLD = {"/dashboard/": ".kpi-line path", "/dashboard/cdp/funnels": ".list-rate strong"}
# Heights of what stands on the page, below which something would have moved.
TALL = "() => [...document.querySelectorAll('main .card, main .table-stack tr')].map((one) => Math.round(one.getBoundingClientRect().height))"


@pytest.fixture
def shop(now: object) -> Workspace:
    build = {"profiles": 150, "events": 3_000, "workers": 1, "days": 2}
    return demo.build(now=now, progress=lambda done, total: None, **build).workspace  # type: ignore[arg-type]


@pytest.fixture
def inside(context: BrowserContext, live_server: LiveServer, shop: Workspace) -> Page:
    cookie = browser_of(shop).cookies["sessionid"]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    context.add_init_script(WATCH)
    return context.new_page()


@pytest.mark.parametrize(
    ("address", "screen"), [("/dashboard/", "desktop"), ("/dashboard/", "phone"), ("/dashboard/cdp/funnels", "desktop")]
)
def test_nothing_moves_when_they_come(inside: Page, live_server: LiveServer, address: str, screen: str) -> None:
    held: list[Route] = []
    inside.route(f"**{PAGES[address]}*", lambda route: held.append(route))
    inside.set_viewport_size(SCREENS[screen])  # type: ignore[arg-type]
    inside.goto(live_server.url + address)
    inside.wait_for_function("() => document.querySelector('[data-lazy].htmx-request')")
    before = inside.evaluate(TALL)
    expect(inside.locator(TOLD[address])).to_have_count(0)
    inside.evaluate("() => { window.moved.length = 0; }")
    held[0].continue_()
    expect(inside.locator(TOLD[address]).first).to_be_visible()
    expect(inside.locator("[data-lazy], [aria-busy]")).to_have_count(0)
    assert inside.evaluate(TALL) == before
    assert inside.evaluate("window.moved") == []
    assert len(held) == 1


@pytest.mark.parametrize("address", PAGES)
def test_a_failure_is_said_there(inside: Page, live_server: LiveServer, address: str) -> None:
    inside.route(f"**{PAGES[address]}*", lambda route: route.abort())
    inside.goto(live_server.url + address)
    again = inside.get_by_role("link", name="Show the numbers")
    expect(inside.get_by_text("The numbers could not be loaded.")).to_be_visible()
    inside.unroute(f"**{PAGES[address]}*")
    again.click()
    expect(inside.locator(TOLD[address]).first).to_be_visible()
    expect(again).to_have_count(0)
