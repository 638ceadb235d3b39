"""Every page that can be read, in a browser on both screens: nothing moves by itself, nothing is too wide."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from cdp.services import demo
from stratum.workspaces.models import Member, Workspace
from tests.addresses import filled, routes
from tests.journeys.conftest import SCREENS
from tests.operations.conftest import furnish

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MOST_SHIFT = 0.1  # of Core Web Vitals
LEAST_PAGES = {"demo": 75, "new": 45}  # so that none falls out unseen
SETTLED = "() => !document.querySelector('[data-lazy], .htmx-request')"
WATCH = """
    window.moved = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.hadRecentInput) {
          const where = entry.sources.map((s) => s.node && s.node.nodeType === 1 ? s.node.outerHTML.slice(0, 90) : '');
          window.moved.push([entry.value, where.join(' | ')]);
        }
      }
    }).observe({ type: 'layout-shift', buffered: true });
"""


@pytest.fixture
def team(request: pytest.FixtureRequest, now: datetime) -> Workspace:
    """The demo workspace, with something on every page; or that of a team which has just signed up."""
    if request.param == "new":
        request.getfixturevalue("alice")
        return request.getfixturevalue("workspace")  # type: ignore[no-any-return]
    build = {"profiles": 60, "events": 800, "workers": 1, "days": 2}
    workspace = demo.build(now=now, progress=lambda done, total: None, **build).workspace
    furnish(workspace, now)
    return workspace


@pytest.fixture
def inside(page: Page, live_server: LiveServer, team: Workspace) -> Page:
    cookie = browser_of(team).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.add_init_script(WATCH)
    return page


def browser_of(team: Workspace) -> Client:
    browser = Client()
    browser.force_login(Member.objects.get(workspace=team, role="owner").user)
    return browser


def pages(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Name and address of whatever answers with a whole page."""
    browser = browser_of(workspace)
    for name, address in routes():
        place = None if address.startswith("api/") or name == "logout" else filled(address, workspace)
        if place is not None and is_page(browser, place):
            yield name, place


def is_page(browser: Client, address: str) -> bool:
    with closing(browser.get(address)) as answer:
        is_html = answer["Content-Type"].startswith("text/html") and not answer.streaming
        return answer.status_code == 200 and is_html and b"<html" in answer.content


@pytest.mark.parametrize("team", ["demo", "new"], indirect=True)
def test_nothing_moves_by_itself(inside: Page, live_server: LiveServer, team: Workspace) -> None:
    found = dict(pages(team))
    assert len(found) >= LEAST_PAGES["demo" if team.holds_sample_data else "new"], sorted(found)
    troubles = []
    for screen, size in SCREENS.items():
        inside.set_viewport_size(size)  # type: ignore[arg-type]
        for name, address in found.items():
            inside.goto(live_server.url + address, wait_until="load")
            inside.wait_for_function(SETTLED)
            inside.wait_for_timeout(150)  # a few frames, in which something could move
            moved = inside.evaluate("window.moved")
            if (total := sum(value for value, _ in moved)) > MOST_SHIFT:
                troubles.append(f"{name} on the {screen}: {total:.2f}: {[where for _, where in moved]}")
            wide = inside.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if wide > 0:
                troubles.append(f"{name} on the {screen} is {wide} px too wide")
    assert not troubles, "\n".join(troubles)
