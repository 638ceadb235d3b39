"""Chapter 4.1 of the tutorial: why decisions were made. Signals with their evidence, the history, and the policy."""

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
from tests.trustlayer.conftest import BRAND
from tests.trustlayer.test_signal_health_page import WELL
from trustlayer.services import history, judging, readings
from trustlayer.services.judging import Proposal
from trustlayer.services.readings import NewReading

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
DAYS = 40
BAD = range(10, 14)  # days ago on which Google could match nobody


@pytest.fixture(autouse=True)
def story(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """Forty days of two platforms; Google has a bad half week, and is not well today either."""
    for ago in range(DAYS, -1, -1):
        at = now - timedelta(days=ago, seconds=5)
        told = [
            NewReading(name, value, at, platform, platform, reported=True, evidence={"sentence": f"{name} of the day"})
            for platform in ("meta", "google")
            for name, value in (WELL | ({"emq": 3.2} if platform == "google" and ago in (0, *BAD) else {})).items()
        ]
        readings.report(workspace=workspace, readings=told, now=at)
        history.record(workspace=workspace, now=at)
    judging.decide(workspace=workspace, by=by_alice, proposals=[Proposal("scale_budget", BRAND)], now=now)


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def test_why_a_decision_was_made(page: Page, stratum: str, look: Look, tmp_path: Path) -> None:
    page.goto(f"{stratum}/dashboard/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Signal Health").click()
    expect(page.get_by_role("heading", name="Signal Health", level=1)).to_be_visible()
    expect(page.get_by_role("heading", name="Signals of Google")).to_be_visible()
    expect(page.get_by_text("EMQ score 3.2 (below 4.0 threshold): it has to reach 6.0.")).to_be_visible()
    look("signal-health")

    page.get_by_role("link", name="Meta 100 of 100").click()
    expect(page.get_by_role("heading", name="Signals of Meta")).to_be_visible()
    expect(page.get_by_text("All signals healthy, automation approved.")).to_be_visible()

    page.get_by_role("list", name="Days").get_by_role("link", name="60 days").click()
    expect(page).to_have_url(re.compile("days=60"))
    page.locator("#history summary").click()
    expect(page.get_by_role("table", name="Signal health at the end of each day")).to_contain_text("39")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    file = tmp_path / "health.csv"
    download.value.save_as(file)
    assert file.read_text().startswith("day,platform,score,lowest,highest,emq")


def test_the_policy_is_changed(page: Page, stratum: str, look: Look) -> None:
    page.goto(f"{stratum}/dashboard/data-quality")
    page.get_by_role("link", name="Policy").click()
    expect(page.get_by_role("heading", name="Trust Gate", level=1)).to_be_visible()
    page.get_by_label("PASS from", exact=True).fill("30")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Blocking below 40 and passing from 30 cross")).to_be_visible()
    look("trust-gate-refused")
    page.get_by_label("PASS from", exact=True).fill("80")
    page.get_by_label("Pass again from").fill("85")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Version 2 of the policy is in force.")).to_be_visible()
    expect(page.get_by_role("table", name="Versions of the policy, the newest first")).to_contain_text(
        "pass_at: 70 → 80"
    )
    look("trust-gate")

    page.goto(f"{stratum}/dashboard/data-quality/audit-logs?kind=all")
    expect(page.get_by_text("Alice changed the gate policy: pass_at, resume_at")).to_be_visible()
    expect(
        page.get_by_text("Critical signal degradation, automation blocked: EMQ score 3.2 (below 4.0 threshold)")
    ).to_be_visible()
