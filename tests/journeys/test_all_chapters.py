"""A new team's first day through all chapters: from sign-up to a customer whom sales see. No page is a dead end."""

import base64
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
import requests
from django.conf import LazySettings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.definitions.trait_templates import TEMPLATES
from cdp.tasks import project_all
from integrations.sandbox import demo, server
from integrations.sandbox.meta import FakeMeta
from integrations.sandbox.pipedrive import FakePipedrive, founded
from integrations.services import ad_sync
from stratum.lib import clock
from stratum.workspaces.tasks import tick
from tests.integrations.conftest import META_SECRETS
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import add_source, build_funnel, complains, expect_counts, sign_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TOKEN = "0123456789abcdef0123456789abcdef01234567"
WAY = ["page_view", "view_content", "add_to_cart", "initiate_checkout", "purchase"]
REACHED = {"anna": 5, "ben": 5, "cleo": 3, "dora": 2, "emil": 1}  # steps


@pytest.fixture
def sales(settings: LazySettings) -> Iterator[FakePipedrive]:
    company = FakePipedrive(founded(TOKEN, currency="EUR", id=42, name="Acme Sales", domain="acme"), now=clock.now)
    with server.serving(company.answer) as url:
        settings.PIPEDRIVE_URL = url
        yield company


@pytest.fixture(autouse=True)
def meta(settings: LazySettings, monkeypatch: pytest.MonkeyPatch, now: datetime) -> Iterator[FakeMeta]:
    monkeypatch.setattr(ad_sync, "BACKFILL", 20)
    fake = FakeMeta(demo.meta(now), now=lambda: clock.now())
    fake.world.token = META_SECRETS["access_token"]
    with server.serving(fake.answer) as url:
        settings.META_API_URL = f"{url}/v26.0"
        yield fake


def test_a_new_team_goes_through_all_chapters(
    page: Page, live_server: LiveServer, look: Look, sales: FakePipedrive, now: datetime
) -> None:
    stratum = live_server.url
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if complains(line) else None)

    sign_up(page, stratum)
    send(stratum, add_source(page), now)
    invite(page, stratum)
    chapter_two(page)
    chapter_three(page, stratum)
    chapter_seven(page, stratum)
    connect_meta(page, stratum)
    chapter_four_health(page, stratum)
    chapter_five(page, stratum)
    chapter_four_log(page, stratum)
    chapter_six(page, stratum, sales)

    page.goto(f"{stratum}/dashboard/")
    expect(page.get_by_role("heading", name="First steps")).to_have_count(0)
    for words in ("Purchase Funnel", "Buyers"):
        expect(page.get_by_text(words).first).to_be_visible()
    look("all-chapters-home")
    assert problems == [], "\n".join(problems)


def beat() -> None:
    """What a worker does by itself every few seconds and every minute."""
    project_all()
    tick()


def send(stratum: str, key: str, now: datetime) -> None:
    """As a server's SDK does, in one batch."""
    credentials = base64.b64encode(f"{key}:".encode()).decode()
    answer = requests.post(
        f"{stratum}/v1/batch",
        data=orjson.dumps({"batch": list(told(now))}),
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text


def told(now: datetime) -> Iterator[dict[str, Any]]:
    for who, steps in REACHED.items():
        yield {"type": "identify", "userId": who, "traits": {"first_name": who.title(), "email": f"{who}@example.com"}}
        for number, event in enumerate(WAY[:steps]):
            at = now - timedelta(days=2, minutes=10 - number)
            bought = {"order_id": f"o-{who}", "revenue": 120, "currency": "EUR"} if event == "purchase" else {}
            properties = {"path": "/", **bought}
            body = {"event": event, "properties": properties, "timestamp": at.isoformat()}
            yield {"type": "track", "userId": who, "messageId": f"{who}-{number}", **body}


def invite(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/settings/team")
    page.get_by_label("E-mail").fill("ines@example.com")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("ines@example.com").first).to_be_visible()


def chapter_two(page: Page) -> None:
    build_funnel(page)
    expect_counts(page, "5", "4", "3", "2", "2")
    page.get_by_role("link", name="Breakdown").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Purchase Funnel")


def chapter_three(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/cdp/computed-traits/new")
    page.locator(".view-switch").get_by_text("YAML").click()
    page.get_by_label("Definition as YAML").fill(TEMPLATES["total_spend_30d"].yaml)
    page.get_by_role("button", name="Save and compute").click()
    expect(page.locator(".profile-line")).to_contain_text("Live")
    expect(page.get_by_role("row", name="Anna").locator("td.number")).to_have_text("120.00 EUR")


def chapter_seven(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/cdp/segments/builder")
    page.get_by_role("textbox", name="Name", exact=True).fill("Buyers")
    page.get_by_text("Edit as JSON").click()
    condition = {"type": "profile", "field": "traits.total_spend_30d", "op": "gte", "value": 100}
    page.get_by_label("The condition as the API writes it").fill(orjson.dumps(condition).decode())
    page.get_by_role("button", name="Use this JSON").click()
    expect(page.locator("#segment-preview")).to_contain_text("2 profiles")
    page.get_by_role("button", name="Create Segment").last.click()
    expect(page.get_by_role("heading", name="Buyers")).to_be_visible()
    beat()
    page.reload()
    expect(page.get_by_text("2 profiles").first).to_be_visible()


def connect_meta(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/integrations/ad-platforms/connect/meta")
    page.get_by_label("Access token").fill(META_SECRETS["access_token"])
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("checkbox").first.check()
    page.get_by_role("button", name="Save and sync").click()
    expect(page.get_by_text("Complete").first).to_be_visible()


def chapter_four_health(page: Page, stratum: str) -> None:
    beat()
    page.goto(f"{stratum}/dashboard/data-quality")
    expect(page.get_by_role("heading", name="Signal Health", level=1)).to_be_visible()


def chapter_five(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/autopilot/actions")
    page.get_by_role("link", name="Propose Action").first.click()
    campaign = page.locator("#entity option", has_text="Campaign:").first
    page.locator("#entity").select_option(campaign.get_attribute("value"))
    page.locator("#action").select_option("budget_increase")
    page.locator("#percent").fill("10")
    page.get_by_role("button", name="Propose").click()
    page.get_by_role("button", name="Test (Dry-Run)").click()
    expect(page.locator("#dry-run-text")).to_contain_text("DRY-RUN RESULTS")
    page.goto(f"{stratum}/dashboard/autopilot/dry-runs")
    expect(page.locator("#dry-run-rows")).to_contain_text(re.compile(r"/day → \$"))


def chapter_four_log(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}/dashboard/data-quality/audit-logs")
    expect(page.get_by_text(re.compile("dry.run", re.IGNORECASE)).first).to_be_visible()
    with page.expect_download() as caught:
        page.locator("summary", has_text="Export").first.click()
        page.get_by_role("link", name="CSV").first.click()
    assert "budget_increase" in caught.value.path().read_text()


def chapter_six(page: Page, stratum: str, sales: FakePipedrive) -> None:
    page.goto(f"{stratum}/dashboard/settings/integrations/crm")
    page.get_by_role("link", name="Connect Pipedrive").click()
    page.locator("#api-token").fill(TOKEN)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("Connected to Acme Sales")).to_be_visible()
    page.get_by_role("list", name="Segments").get_by_role("checkbox", name="Buyers").check()
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_role("button", name="Create in Pipedrive").first.click()
    expect(page.get_by_text("Created in Pipedrive: ")).to_be_visible()
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_role("button", name="Start the first sync").click()
    expect(page.get_by_role("heading", name="Sync Status")).to_be_visible()
    expect(page.get_by_text("First sync").first).to_be_visible()
    names = {one["name"] for one in sales.company.persons.values()}
    assert {"Anna", "Ben", "Cleo"} <= {name.split()[0] for name in names}
