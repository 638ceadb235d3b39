"""RFM in a browser: the grid, a cell's people, a segment of a group, and other cut-offs."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.services import ingest, segment_members
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HERE = "/dashboard/cdp/rfm"


@pytest.fixture(autouse=True)
def shop(workspace: Workspace, now: datetime) -> None:
    """Sixty customers: the higher the number, the more, the later and the dearer the orders."""
    items = [
        {
            "type": "track",
            "event": "purchase",
            "userId": f"user-{who}",
            "timestamp": (now - timedelta(days=61 - who, hours=order)).isoformat(),
            "properties": {"revenue": 10 * who, "currency": "EUR"},
        }
        for who in range(1, 61)
        for order in range(1 + (who - 1) // 12)
    ]
    assert not ingest.ingest(workspace=workspace, source=None, items=items, received_at=now).rejected


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    refused = "422 (Unprocessable Entity)"  # wrong cut-offs, on purpose
    page.on("console", lambda line: found.append(line.text) if complains(line) and refused not in line.text else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def test_from_the_grid_to_people_and_a_segment(
    page: Page, stratum: str, workspace: Workspace, look: Look, now: datetime
) -> None:
    page.goto(f"{stratum}/dashboard/cdp/profiles")
    page.get_by_role("link", name="RFM").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("RFM")
    look("rfm")
    page.get_by_role("link", name="Recency 5, frequency 5: 12 customers").click()
    expect(page.locator(".page-subheading")).to_have_text("12 customers")
    look("rfm-people")
    page.go_back()
    page.get_by_role("link", name="Champions", exact=True).click()
    size = page.locator(".page-subheading").inner_text().split()[0]
    page.get_by_role("button", name="Create segment").click()
    expect(page.get_by_text("is saved. Its members are there in a moment.")).to_be_visible()
    segment_members.keep_current(workspace, now=now)
    page.reload()
    expect(page.locator(".page-subheading")).to_contain_text(f"{size} profiles")

    page.goto(f"{stratum}{HERE}")
    page.get_by_label("Orders, at least").fill("5 4 3 3")
    page.get_by_role("button", name="Save cut-offs").click()
    expect(page.get_by_text("Give four different numbers, the largest first.")).to_be_visible()
    page.get_by_label("Orders, at least").fill("5 4 3 2")
    page.get_by_role("button", name="Save cut-offs").click()
    expect(page.get_by_text("The cut-offs are saved.")).to_be_visible()
