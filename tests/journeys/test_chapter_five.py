"""Chapter 5 of the tutorial: Dry-Run Mode, Test (Dry-Run), its result line by line, approval, rules, the history."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from autopilot.models import Action
from autopilot.services import sample
from autopilot.states import State
from cdp.services import demo_trust
from integrations.services import sample as platforms
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def demo(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """The demo workspace's signals, its sandboxes, and what the autopilot did with them so far."""
    demo_trust.tell(workspace=workspace, seed=2026, now=now)
    platforms.build(workspace, now)
    sample.build(workspace, now)


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def test_chapter_five(page: Page, stratum: str, look: Look) -> None:
    # 5.2, method 1: Settings > Autopilot, Dry-Run Mode ON.
    page.goto(f"{stratum}/dashboard/")
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Autopilot", exact=True).click()
    expect(page.get_by_role("heading", name="Autopilot", level=1)).to_be_visible()
    page.get_by_role("checkbox", name="Dry-Run Mode").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("all automations simulate only, nothing is executed")).to_be_visible()
    look("autopilot-settings")
    page.get_by_role("checkbox", name="Dry-Run Mode").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("all automations simulate only, nothing is executed")).to_have_count(0)

    # 5.2, method 2: Autopilot > Action Queue, find the action, Test (Dry-Run) instead of Approve.
    menu.get_by_role("link", name="Action Queue").click()
    expect(page.get_by_role("heading", name="Action Queue", level=1)).to_be_visible()
    look("action-queue")
    page.get_by_role("link", name="Campaign: Holiday Promo 2026", exact=True).click()
    look("action")
    page.get_by_role("button", name="Test (Dry-Run)").click()

    # 5.3, line by line.
    text = page.locator("#dry-run-text")
    for line in (
        "DRY-RUN RESULTS",
        "Action: Increase budget by 20%",
        'Entity: Campaign "Holiday Promo 2026"',
        "Current Budget: $500/day",
        "Proposed Budget: $600/day",
        "Pre-flight Checks:",
        "(PASS)",
        "✓ Budget Cap: $600 < $1000 limit (PASS)",
        "✓ Daily Spend Limit: $",
        "✓ Cooldown Period: ",
        "Projected Impact:",
        "- Estimated additional conversions: ",
        "- Projected ROAS change: +",
        "✓ Meta API: Ready to accept change",
        "✓ No conflicting rules detected",
        "Result: Action WOULD EXECUTE if approved",
    ):
        expect(text).to_contain_text(line)
    # $100/day in the manual; days differ a little.
    expect(text).to_contain_text(re.compile(r"- Estimated additional spend: \$(9[7-9]|10[0-3])/day"))
    look("dry-run-result")
    expect(page.get_by_role("heading", name="Pre-flight Checks")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Executed and read back: budget $500/day → $600/day.", exact=True)).to_be_visible()
    done = Action.objects.get(entity__name="Holiday Promo 2026", state=State.SUCCEEDED)
    assert (done.expected_before["value"], done.target) == ("500", "600")

    # 5.4: test a rule before enabling it.
    menu.get_by_role("link", name="Rules").click()
    look("rules")
    page.get_by_role("link", name="Budget pacing", exact=True).click()
    page.get_by_role("button", name="Test (Dry-Run)").click()
    expect(page.get_by_text("times among")).to_be_visible()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("The rule is on")).to_be_visible()
    look("rule")

    # 5.5: Autopilot > Dry-Run History.
    menu.get_by_role("link", name="Dry-Run History").click()
    expect(page.get_by_role("heading", name="Predicted vs. actual")).to_be_visible()
    expect(page.get_by_role("heading", name="Checks that fail most")).to_be_visible()
    look("dry-run-history")
    failing = page.get_by_role("table", name="Failed checks by rule, most often first")
    expect(failing).to_contain_text("Scale winners")
    rows = page.locator("#dry-run-rows")
    page.get_by_label("Outcome").select_option("resolved")
    expect(rows).to_contain_text("inside")
    page.get_by_label("Outcome").select_option("executed")
    expect(rows).to_contain_text("Performance Max - Camping")
    page.get_by_label("Verdict").select_option("WOULD_EXECUTE")
    expect(rows).to_contain_text("Holiday Promo 2026")
    page.emulate_media(color_scheme="dark")
    look("dry-run-history-dark")
