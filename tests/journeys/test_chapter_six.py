"""Chapter 6 of the tutorial against a Pipedrive on this machine: connect, choose, map, schedule, sync, monitor."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.conf import LazySettings, settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.models import Segment
from cdp.services import segments, system_traits
from cdp.services.trait_values import keep_current
from integrations.models import PipedriveConnection
from integrations.sandbox import server
from integrations.sandbox.pipedrive import FakePipedrive, founded
from integrations.sandbox.pipedrive import deals as fake_deals
from integrations.sandbox.pipedrive import persons as fake_persons
from integrations.services.pipedrive import runs
from stratum.lib import clock
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.cdp.people import teller
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TOKEN = "0123456789abcdef0123456789abcdef01234567"
WRONG = "f" * 40
TABLE_OF_6_3 = [
    ("CDP Profiles", "Persons", "Bidirectional"),
    ("Events", "Activities", "Stratum → Pipedrive"),
    ("Segments", "Labels/Filters", "Stratum → Pipedrive"),
    ("Attribution", "Custom Fields", "Stratum → Pipedrive"),
    ("Deals", "Revenue Data", "Pipedrive → Stratum"),
]
ATTRIBUTION = (
    "Stratum - Ad Platform (Text)",
    "Stratum - Campaign (Text)",
    "Stratum - First Touch Source (Text)",
    "Stratum - Attribution Revenue (Monetary)",
)


@pytest.fixture
def fake(settings: LazySettings) -> Iterator[FakePipedrive]:
    """Ben is known to sales already, and a deal of his is won."""
    company = FakePipedrive(founded(TOKEN, currency="EUR", id=42, name="Acme Sales", domain="acme"), now=clock.now)
    ben = fake_persons.add(company.world, {"name": "Ben Sales", "emails": [{"value": "ben@example.com"}]})
    fake_deals.add(company.world, title="Ten tents", value=900, currency="EUR", status="won", person_id=ben["id"])
    with server.serving(company.answer) as url:
        settings.PIPEDRIVE_URL = url
        yield company


@pytest.fixture
def people(workspace: Workspace, by_alice: Actor, now: datetime) -> Segment:
    tell = teller(workspace, now)
    tell("identify", user="anna", email="anna@example.com", first_name="Anna", last_name="Berg", phone="+491512345678")
    tell("identify", user="ben", email="ben@example.com", first_name="Ben", last_name="Holm")
    tell("purchase", user="anna", revenue=120, currency="EUR", context={"campaign": {"source": "google"}})
    system_traits.ensure(workspace, now=now)
    keep_current(workspace, now=now)
    return segments.create(
        workspace=workspace, by=by_alice, name="VIP", description="", condition={"type": "all"}, now=now
    )


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def dark(page: Page, look: Look, name: str) -> None:
    page.emulate_media(color_scheme="dark")
    look(f"{name}-dark")
    page.emulate_media(color_scheme="light")


def test_chapter_six(
    page: Page, stratum: str, look: Look, fake: FakePipedrive, people: Segment, workspace: Workspace
) -> None:
    # 6.2 Connecting Pipedrive, and the table of 6.3
    page.goto(f"{stratum}/dashboard/")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Integrations").last.click()
    expect(page).to_have_url(f"{stratum}/dashboard/settings/integrations/crm")
    for row in TABLE_OF_6_3:
        for cell in row:
            expect(page.get_by_role("row", name=row[0]).get_by_text(cell, exact=True)).to_be_visible()
    look("crm-intro")
    page.get_by_role("link", name="Connect Pipedrive").click()
    page.locator("#api-token").fill(WRONG)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("does not accept this API token")).to_be_visible()
    look("crm-connect-wrong")
    page.locator("#api-token").fill(TOKEN)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("Connected to Acme Sales")).to_be_visible()
    expect(page.get_by_text("the token ends in 4567")).to_be_visible()

    # Select data to sync
    expect(page.get_by_role("heading", name="Select data to sync")).to_be_visible()
    page.get_by_role("checkbox", name="Events", exact=True).check()
    page.get_by_role("list", name="Events").get_by_role("checkbox", name="purchase").check()
    page.get_by_role("list", name="Segments").get_by_role("checkbox", name="VIP").check()
    look("crm-data")
    dark(page, look, "crm-data")
    page.get_by_role("button", name="Save and continue").click()

    # 6.4 Field mapping, 6.5 attribution fields
    missing = page.get_by_role("list", name="Missing custom fields")
    for name in ATTRIBUTION:
        expect(missing.get_by_text(name)).to_be_visible()
    page.get_by_role("button", name="Create in Pipedrive").first.click()
    expect(page.get_by_text("Created in Pipedrive: ")).to_be_visible()
    made = {one["field_name"]: one["field_type"] for one in fake.company.fields}
    assert (made["LTV"], made["Last Purchase"]) == ("monetary", "date")
    assert made["Stratum - Attribution Revenue"] == "monetary"
    expect(page.get_by_label("Stratum field of line 1", exact=True)).to_have_value("email")
    look("crm-mapping")
    dark(page, look, "crm-mapping")
    page.get_by_role("button", name="Add a line").click()
    last = page.locator(".mapping select[name$=-local]").count()
    page.get_by_label(f"Stratum field of line {last}", exact=True).select_option("created_at")
    page.get_by_label(f"Pipedrive field of line {last}", exact=True).select_option(label="LTV (Monetary)")
    expect(page.get_by_text("Monetary cannot hold a date")).to_be_visible()
    page.get_by_role("button", name=f"Remove line {last}", exact=True).click()
    expect(page.get_by_text("Monetary cannot hold a date")).to_be_hidden()
    page.get_by_role("button", name="Save and continue").click()

    # 6.6 Sync schedule, and ten records before the first sync
    expect(page.get_by_role("radio", name="Real-time")).to_be_disabled()
    expect(page.get_by_role("radio", name="Daily")).to_be_checked()
    page.get_by_role("button", name="Show what would happen").click()
    preview = page.locator("#crm-preview")
    expect(preview.get_by_text("Anna Berg").first).to_be_visible()
    expect(preview.get_by_role("row", name="Anna").get_by_text("Created")).to_be_visible()
    assert len(fake.company.persons) == 1, "a preview writes nothing"
    look("crm-preview")
    page.get_by_role("button", name="Start the first sync").click()

    # 6.7 Sync monitoring
    expect(page.get_by_role("heading", name="Sync Status")).to_be_visible()
    expect(page.get_by_text("First sync").first).to_be_visible()
    names = {one["name"] for one in fake.company.persons.values()}
    assert any("Anna" in name for name in names)
    assert len([one for one in fake.company.persons.values() if not one["is_deleted"]]) == 2, "Ben was found"
    for word in ("Last sync", "Records synced", "Errors", "Sync queue depth"):
        expect(page.get_by_text(word, exact=True).first).to_be_visible()
    look("crm-status")
    dark(page, look, "crm-status")
    page.get_by_role("table", name="Runs, the latest first").get_by_role("link").first.click()
    expect(page.get_by_role("table", name="Records of this run")).to_contain_text("Anna")
    look("crm-run")

    # Who is it? The profile knows its person.
    page.get_by_role("link", name=re.compile("Anna")).first.click()
    expect(page.get_by_role("heading", name="Pipedrive")).to_be_visible()
    expect(page.get_by_text("Last synced")).to_be_visible()
    look("crm-profile")

    # One profile, with every call
    page.goto(f"{stratum}/dashboard/integrations/pipedrive?tab=test")
    page.get_by_label("Profile number or e-mail address").fill("anna@example.com")
    page.get_by_role("button", name="Test", exact=True).click()
    calls = page.get_by_role("region", name="Calls")
    calls.get_by_text("GET /api/v2/persons/").first.click()
    expect(calls.get_by_text('"first_name": "Anna"').first).to_be_visible()
    look("crm-test")
    dark(page, look, "crm-test")

    page.goto(f"{stratum}/dashboard/integrations/pipedrive")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("The dry run has started")).to_be_visible()
    for tab in ("Rejected", "Conflicts", "Duplicates", "Tokens"):
        line = page.get_by_role("navigation", name="Lists of the sync").get_by_role("link", name=tab)
        line.click()
        expect(line).to_have_attribute("aria-current", "page")
    look("crm-tokens")
    page.goto(f"{stratum}/dashboard/settings/integrations/crm")
    look("crm-settings")
    dark(page, look, "crm-settings")


def test_a_token_that_died_is_replaced(
    page: Page, stratum: str, look: Look, fake: FakePipedrive, people: Segment, workspace: Workspace, by_alice: Actor
) -> None:
    page.goto(f"{stratum}/dashboard/settings/integrations/crm/connect")
    page.locator("#api-token").fill(TOKEN)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("Connected to Acme Sales")).to_be_visible()
    fake.company.token = "9" * 40
    runs.start_sync(workspace=workspace, by=by_alice, now=clock.now())
    assert PipedriveConnection.objects.get().state == "needs_attention"
    page.goto(f"{stratum}/dashboard/integrations/pipedrive")
    expect(page.get_by_role("alert")).to_contain_text("Pipedrive refuses the API token")
    look("crm-status-attention")
    page.get_by_role("link", name="Replace the token").click()
    page.locator("#api-token").fill("9" * 40)
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_text("Connected to Acme Sales")).to_be_visible()
    assert PipedriveConnection.objects.get().state == "connected"
