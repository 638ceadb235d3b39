"""Chapter 3 of the tutorial, Computed Traits, word by word: from the pasted YAML to a value that follows an event."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.definitions.trait_templates import TEMPLATES
from cdp.models import Identifier
from cdp.services import ingest, traits
from cdp.tasks import project_all
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HERE = "/dashboard/cdp/computed-traits"
WAIT_S = 90
ORDERS = [  # who, days ago, revenue, category
    ("anna", 3, 120.0, "Tents"),
    ("anna", 10, 80.0, "Tents"),
    ("anna", 60, 40.0, "Boots"),
    ("ben", 5, 30.0, "Boots"),
    ("cleo", 100, 300.0, "Climbing"),
]


def order(who: str, at: datetime, revenue: float, category: str) -> dict[str, Any]:
    properties = {"revenue": revenue, "category": category, "currency": "EUR"}
    return {"type": "track", "event": "purchase", "userId": who, "timestamp": at.isoformat(), "properties": properties}


@pytest.fixture(autouse=True)
def orders(workspace: Workspace, now: datetime) -> None:
    items = [order(who, now - timedelta(days=ago), revenue, category) for who, ago, revenue, category in ORDERS]
    items += [{"type": "identify", "userId": who, "traits": {"first_name": who.title()}} for who in ("anna", "ben")]
    items += [{"type": "track", "event": "page_view", "userId": f"reader-{who}"} for who in range(5)]
    assert not ingest.ingest(workspace=workspace, source=None, items=items, received_at=now).rejected


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    """Its address, with Alice signed in. No page complains in the console."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def paste(page: Page, stratum: str, name: str) -> None:
    """The YAML as the tutorial prints it, into an empty builder."""
    page.goto(f"{stratum}{HERE}/new")
    page.locator(".view-switch").get_by_text("YAML").click()
    expect(page.get_by_label("Definition as YAML")).to_be_visible()
    page.get_by_label("Definition as YAML").fill(TEMPLATES[name].yaml)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save and compute").click()
    expect(page.locator(".profile-line")).to_contain_text("Live")


def value_of(page: Page, who: str) -> Any:
    return page.get_by_role("row", name=who).locator("td.number")


def test_create_total_spend(page: Page, stratum: str, look: Look) -> None:
    """§3.2 and §3.3: navigate, choose the type, configure, set conditions."""
    page.goto(stratum + "/dashboard")
    page.locator("#sidebar").get_by_role("link", name="Computed Traits").click()
    expect(page).to_have_url(stratum + HERE)
    look("chapter-three-empty")
    page.get_by_role("link", name="Create Computed Trait").first.click()
    for kind in ("Aggregation", "Most Frequent", "First/Last", "Unique Count"):
        expect(page.locator(".type-card").filter(has_text=kind).first).to_be_visible()

    page.locator(".view-switch").get_by_text("YAML").click()
    page.get_by_label("Definition as YAML").fill(TEMPLATES["total_spend_30d"].yaml)
    page.get_by_role("button", name="Fill in the form").click()
    expect(page.locator("#name")).to_have_value("total_spend_30d")
    expect(page.locator("#fn")).to_have_value("sum")
    expect(page.locator("#part-0-event-0")).to_have_value("purchase")
    expect(page.locator("#property_name")).to_have_value("revenue")
    expect(page.locator("#frequency")).to_have_value("daily")
    expect(page.locator("#part-0-seen-0")).to_have_text("3 in 30 days")

    preview = page.locator("#trait-preview")
    expect(preview).to_contain_text("2 of 8 profiles")
    expect(preview.locator(".sample-list")).to_contain_text("200.00 EUR")
    preview.get_by_text("2 events counted").click()
    expect(preview.locator(".why-list").first).to_contain_text("120")
    look("chapter-three-builder")

    page.get_by_role("button", name="Filter by Event Properties").click()
    page.locator("#part-0-property-0").fill("category")
    page.get_by_label("Value", exact=True).fill("Tents")
    expect(preview).to_contain_text("1 of 8 profiles")
    page.get_by_role("button", name="Remove this filter").click()
    expect(preview).to_contain_text("2 of 8 profiles")
    save(page)
    expect(value_of(page, "Anna")).to_have_text("200.00 EUR")
    look("chapter-three-values")


EXAMPLES = {
    "purchase_frequency_30d": "2",
    "favorite_category": "Tents",
    "days_since_purchase": "3 days",
    "average_order_value": "80.00 EUR",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_work_as_printed(page: Page, stratum: str, name: str) -> None:
    """§3.4: pasted, previewed, saved, computed."""
    paste(page, stratum, name)
    expect(page.locator("#trait-preview .sample-list")).to_contain_text(EXAMPLES[name])
    save(page)
    expect(value_of(page, "Anna")).to_have_text(EXAMPLES[name])


def test_a_value_follows_an_event(page: Page, stratum: str, workspace: Workspace, look: Look) -> None:
    """§3.1: it updates automatically as new events arrive, and the profile says why."""
    paste(page, stratum, "purchase_frequency_30d")
    save(page)
    anna = Identifier.objects.get(workspace=workspace, kind="user_id", value="anna").profile_id
    profile = f"{stratum}/dashboard/cdp/profiles/{anna}"
    page.goto(profile)
    block = page.locator(".trait-block > li").filter(has_text="purchase_frequency_30d")
    expect(block.locator("strong").first).to_have_text("2")
    block.get_by_text("Why?").first.click()
    expect(block.locator(".why-list li")).to_have_count(2)
    look("chapter-three-profile")

    arrived = datetime.now(tz=None).astimezone()
    item = order("anna", arrived, 55.0, "Boots")
    ingest.ingest(workspace=workspace, source=None, items=[item], received_at=arrived)
    until = time.monotonic() + WAIT_S
    while block.locator("strong").first.inner_text() != "3" and time.monotonic() < until:
        project_all()  # what the worker does every two seconds
        page.goto(profile)
    expect(block.locator("strong").first).to_have_text("3")


def test_management(page: Page, stratum: str, workspace: Workspace, by_alice: Actor, now: datetime, look: Look) -> None:
    """§3.6: backfill, preview, versioning, dependencies; §3.5: analysis."""
    paste(page, stratum, "purchase_frequency_30d")
    save(page)
    page.get_by_role("button", name="Backfill").click()
    expect(page.locator(".profile-line")).to_contain_text("Live")
    page.get_by_role("link", name="Backfills").click()
    expect(page.locator("tbody tr").first).to_contain_text("Done")

    page.get_by_role("link", name="Edit").click()
    page.locator("#part-0-window_count, [name=part-0-window_count]").first.fill("90")
    expect(page.locator("#trait-preview")).to_contain_text("Would change")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".trait-sentence")).to_contain_text("90 days")
    page.get_by_role("link", name="Versions").click()
    newest = page.locator(".version-list > li").first
    expect(newest).to_contain_text("Serves")
    expect(newest.locator("del")).to_have_text("30 days")
    expect(newest.locator("ins")).to_have_text("90 days")
    look("chapter-three-versions")
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.locator(".trait-sentence")).to_contain_text("30 days")

    page.get_by_role("link", name="Analysis").click()
    expect(page.locator(".chart-canvas svg.main-svg").first).to_be_visible()
    look("chapter-three-analysis")

    asks = {"type": "profile", "field": "traits.purchase_frequency_30d", "op": "gte", "value": 2}
    body = {"name": "loyal_days", "kind": "last", "event": "purchase", "property": "timestamp", "profile_filter": asks}
    traits.create(workspace=workspace, by=by_alice, body=body, now=now)
    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Delete").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("cannot be deleted while something uses it")).to_be_visible()
    expect(page.get_by_role("link", name="loyal_days").first).to_be_visible()
    look("chapter-three-dependencies")
    page.goto(stratum + HERE)
    look("chapter-three-list")
