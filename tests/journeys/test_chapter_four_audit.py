"""Chapter 4.2 to 4.7 of the tutorial: the audit log opened, filtered, read to the evidence, counted, exported."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains
from tests.trustlayer.conftest import DECIDED
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIGNALS = [{"name": "emq", "status": "critical", "value": 3.2, "score": 12, "weight": 30, "source": "meta"}]
LIKE = ["PASS"] * 8 + ["HOLD"] * 3 + ["BLOCK"]


@pytest.fixture(autouse=True)
def book(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """Sixty decisions over twenty days."""
    for number in range(60):
        draft = Draft(**DECIDED[LIKE[number % 12]], by=by_alice, evidence={"signals": SIGNALS})
        ledger.append(workspace=workspace, drafts=[draft], now=now - timedelta(hours=8 * (60 - number)))


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def test_the_audit_log(page: Page, stratum: str, look: Look, tmp_path: Path) -> None:
    page.goto(f"{stratum}/dashboard/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Audit Logs").click()
    expect(page.get_by_role("heading", name="Audit Logs", level=1)).to_be_visible()
    expect(page.get_by_text("60 entries", exact=True)).to_be_visible()
    look("audit-logs")

    page.get_by_role("link", name="Last 7 days").click()
    expect(page).to_have_url(f"{stratum}/dashboard/data-quality/audit-logs?range=7d")
    page.get_by_role("list", name="Decision").get_by_role("link", name="BLOCK").click()
    page.get_by_label("Highest health").fill("69")
    page.get_by_label("Highest health").press("Tab")
    expect(page).to_have_url(re.compile("(?=.*health_max=69)(?=.*decision=BLOCK)(?=.*range=7d)"))

    page.locator(".entry-more summary").first.click()
    expect(page.get_by_role("table", name="Signals at the decision")).to_contain_text("Event Match Quality")
    look("audit-log-evidence")

    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON with manifest").click()
    file = tmp_path / "export.json"
    download.value.save_as(file)
    document = json.loads(file.read_bytes())
    assert {entry["decision"] for entry in document["entries"]} == {"BLOCK"}
    assert document["manifest"]["filters"] == {"range": "7d", "decision": "BLOCK", "health_max": "69"}

    page.goto(f"{stratum}/dashboard/data-quality/audit-logs")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("entries hold together")).to_be_visible()


def test_a_click_on_a_slice_filters(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/data-quality/audit-logs")
    page.locator("[data-chart=decision-share] .slice").nth(1).click()
    expect(page.locator(".list-head")).to_contain_text("15 entries")
    expect(page).to_have_url(f"{stratum}/dashboard/data-quality/audit-logs?decision=HOLD")
