"""Chapter 2 of the tutorial, the Funnel Builder, word by word, in a shop a tenth of the size of its example (§2.5)."""

import csv
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Download, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.definitions.funnel_templates import TEMPLATES
from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel
from cdp.services import funnels, ingest
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEPS = [
    ("page_view", "Landing Page"),
    ("view_content", "Product Page"),
    ("add_to_cart", "Add to Cart"),
    ("initiate_checkout", "Checkout"),
    ("purchase", "Purchase"),
]
REACHED = [1_000, 600, 300, 120, 90]
BEFORE_A_DAY, REACHED_BEFORE = 34, [34, 20, 10, 8, 6]  # the weeks before the range: checkout lost far fewer
DAYS, DAYS_BEFORE = range(1, 29), range(31, 101)
CAMPAIGNS = {"meta": ("facebook", "Spring Sale"), "google": ("google", "Brand Search")}
BATCH = 2_000


@dataclass(frozen=True)
class Visitor:
    name: str
    entered: datetime
    steps: int
    platform: str
    device: str

    def events(self, minutes: random.Random) -> Iterator[dict[str, Any]]:
        moment = self.entered
        source, campaign = CAMPAIGNS[self.platform]
        for place, (event, _) in enumerate(STEPS[: self.steps]):
            yield {
                "type": "track",
                "userId": self.name,
                "event": event,
                "messageId": f"{self.name}-{place}",
                "timestamp": moment.isoformat(),
                "properties": {"path": "/"} if place == 0 else {"category": "shoes", "value": 49.9},
                "context": {
                    "device": {"type": self.device},
                    "campaign": {"source": source, "medium": "cpc", "name": campaign},
                },
            }
            moment += timedelta(minutes=minutes.randrange(2, 40))


def visitors(now: datetime) -> Iterator[Visitor]:
    chance = random.Random(2)
    depths = [_depth(REACHED, who) for who in range(REACHED[0])]
    chance.shuffle(depths)
    for who, depth in enumerate(depths):
        yield _visitor(f"user-{who}", now - timedelta(days=DAYS[who % len(DAYS)]), depth, chance)
    for day in DAYS_BEFORE:
        for who in range(BEFORE_A_DAY):
            entered = now - timedelta(days=day)
            yield _visitor(f"earlier-{day}-{who}", entered, _depth(REACHED_BEFORE, who), chance)


def _depth(reached: list[int], who: int) -> int:
    return sum(who < count for count in reached)


def _visitor(name: str, entered: datetime, depth: int, chance: random.Random) -> Visitor:
    """Desktops buy more often; platforms make no difference."""
    mobile = chance.random() < (0.2 if depth == len(STEPS) else 0.65)
    platform = "meta" if chance.random() < 0.6 else "google"
    return Visitor(name, entered, depth, platform, "mobile" if mobile else "desktop")


@pytest.fixture
def events(workspace: Workspace, now: datetime) -> None:
    """What the tutorial's example needs, names of those who buy, and visits of another page, which are no entries."""
    minutes = random.Random(3)
    seen = list(visitors(now))
    items = [event for one in seen for event in one.events(minutes)]
    items += [_named(one) for one in seen if one.steps == len(STEPS) and one.name.startswith("user-")]
    items += [
        {"type": "track", "event": "page_view", "userId": f"reader-{who}", "properties": {"path": "/blog"}}
        for who in range(20)
    ]
    for first in range(0, len(items), BATCH):
        receipt = ingest.ingest(workspace=workspace, source=None, items=items[first : first + BATCH], received_at=now)
        assert not receipt.rejected


def _named(one: Visitor) -> dict[str, Any]:
    number = one.name.removeprefix("user-")
    traits = {"email": f"buyer-{number}@example.com", "first_name": "Buyer", "last_name": f"No. {number}"}
    return {"type": "identify", "userId": one.name, "traits": traits, "timestamp": one.entered.isoformat()}


@pytest.fixture
def problems(page: Page) -> Iterator[None]:
    """No page complains in the console."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    yield
    assert found == [], "\n".join(found)


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User, problems: None) -> str:
    """Its address, with Alice signed in."""
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    return live_server.url


@pytest.fixture
def funnel(workspace: Workspace, by_alice: Actor, now: datetime, events: None) -> Funnel:
    """The tutorial's, as the builder saves it."""
    body = TEMPLATES["purchase"].body
    landing, *others = body["steps"]
    steps = [{**landing, "where": {"property": "path", "op": "eq", "value": "/"}}, *others]
    return funnels.create(workspace=workspace, by=by_alice, draft=parse_draft({**body, "steps": steps}), now=now)


def open_funnel(page: Page, stratum: str, funnel: Funnel, tab: str = "") -> None:
    page.goto(f"{stratum}/dashboard/cdp/funnels/{funnel.pk}")
    if tab:
        open_tab(page, tab)


def open_tab(page: Page, name: str) -> None:
    """A page of its own, whole before anything is chosen on it."""
    with page.expect_navigation():
        page.locator(".tab-links").get_by_role("link", name=name).click()
    expect(page.locator(".tab-links [aria-current]")).to_have_text(name)


def choice(page: Page, label: str) -> Locator:
    """The select with that label."""
    return page.get_by_role("combobox", name=label, exact=True)


def downloaded(page: Page, button: str, *, role: Any = "link") -> Download:
    with page.expect_download() as found:
        page.get_by_role(role, name=button, exact=True).click()
    return found.value


def rows_of(download: Download) -> list[list[str]]:
    return list(csv.reader(Path(download.path()).read_text("utf-8-sig").splitlines()))


# 2.2 to 2.5


def test_create_the_first_funnel(page: Page, stratum: str, events: None, look: Look) -> None:
    page.goto(stratum + "/dashboard")
    page.locator("#sidebar").get_by_role("link", name="Funnels").click()
    expect(page).to_have_url(f"{stratum}/dashboard/cdp/funnels")
    expect(page.locator(".page-pretitle")).to_have_text("CDP")
    page.get_by_role("link", name="Create Funnel").first.click()
    define_steps(page)
    configure_steps(page)
    set_parameters(page)
    look("chapter-two-builder")
    page.get_by_role("button", name="Save funnel").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Purchase Funnel")
    expect_example_output(page)
    expect_metrics(page)
    look("chapter-two-steps")
    page.get_by_role("link", name="Funnels").last.click()
    expect(page.get_by_role("row", name="Purchase Funnel")).to_contain_text("9% of 1,000")


def define_steps(page: Page) -> None:
    """§2.3 step 1."""
    page.get_by_label("Funnel name").fill("Purchase Funnel")
    for number, (event, label) in enumerate(STEPS):
        if number >= 2:
            page.get_by_role("button", name="Add step").click()
        page.locator(f"#steps-{number}-event-0").fill(event)
        page.locator(f"#steps-{number}-label").fill(label)
    expect(page.locator("#funnel-preview .funnel-numbers strong").first).to_have_text("1,020")


def configure_steps(page: Page) -> None:
    """§2.3 step 2: Event Properties keep the blog's readers out, a Time Window keeps everybody in."""
    first = page.get_by_role("group", name="Step 1", exact=True)
    expect(first.get_by_label("Event Name")).to_have_value("page_view")
    first.get_by_role("button", name="Filter by Event Properties").click()
    first.get_by_label("Property", exact=True).fill("path")
    first.get_by_label("Operator").select_option("eq")
    first.get_by_label("Value", exact=True).fill("/")
    expect(page.locator("#funnel-preview .funnel-numbers strong").first).to_have_text("1,000")
    page.get_by_label("Time Window of step 5").fill("1")
    page.get_by_role("group", name="Step 5", exact=True).get_by_label("Unit of the Time Window").select_option(
        label="hours"
    )
    expect(page.locator("#funnel-json")).to_contain_text('"max_gap": "PT1H"')


def set_parameters(page: Page) -> None:
    """§2.3 step 3, as recommended."""
    expect(page.get_by_text("Recommended: 7 to 30 days").last).to_be_visible()
    page.get_by_label("Conversion Window", exact=True).fill("7")
    page.get_by_role("radio", name="Unique users").check()
    choice(page, "Date Range").select_option("30")
    expect(page.locator("#funnel-json")).to_contain_text('"window": "P7D"')


def expect_example_output(page: Page) -> None:
    """§2.5: bars, red arrows, percentages."""
    steps = page.locator(".funnel-step")
    expect(steps.locator(".funnel-name > span:nth-child(2)")).to_have_text([label for _, label in STEPS])
    expect(steps.locator("strong")).to_have_text(["1,000", "600", "300", "120", "90"])
    expect(steps.locator(".funnel-numbers > span")).to_have_text(["100%", "60%", "30%", "12%", "9%"])
    drops = page.locator(".funnel-drop")
    expect(drops.locator(".funnel-kept")).to_have_text(["60% convert", "50% convert", "40% convert", "75% convert"])
    expect(drops.locator(".funnel-lost")).to_have_text(
        [
            "400 lost (40% drop-off)",
            "300 lost (50% drop-off)",
            "180 lost (60% drop-off)",
            "30 lost (25% drop-off)",
        ]
    )
    expect(drops.locator(".funnel-arrow")).to_have_count(4)
    red = page.evaluate(
        "() => getComputedStyle(document.querySelector('.funnel-arrow')).stroke.match(/\\d+/g).map(Number)"
    )
    assert red[0] > 2 * max(red[1:3]), f"the arrow is not red: {red}"
    boxes = [bar.bounding_box() for bar in page.locator(".funnel-bar .bar-fill").all()]
    widths = [box["width"] for box in boxes if box]
    assert [round(width / widths[0], 2) for width in widths] == [1.0, 0.6, 0.3, 0.12, 0.09]


def expect_metrics(page: Page) -> None:
    """§2.4: every metric with its definition."""
    headline = page.locator(".result-headline")
    expect(headline).to_contain_text("Overall Conversion")
    expect(headline.locator("dd")).to_have_text("9%")
    expect(page.locator(".result-stats").get_by_role("button", name="Avg. Time to Convert")).to_be_visible()
    page.get_by_text("Show as a table").click()
    for metric in ("Conversion Rate", "Drop-off Rate", "Step Conversion"):
        term = page.locator(".result-table").get_by_role("button", name=metric)
        term.focus()
        expect(page.locator(f"#{term.get_attribute('aria-describedby')}")).to_be_visible()
    cells = page.locator(".result-table tbody tr").last.locator("th, td")
    expect(cells).to_contain_text(["5. Purchase", "90", "9%", "75%", "25% (30)"])


# 2.6, and from a number to its people, to a segment, to its breakdown


def test_break_down(page: Page, stratum: str, funnel: Funnel, look: Look) -> None:
    open_funnel(page, stratum, funnel, "Breakdown")
    for name, values in {
        "Platform": ["meta", "google"],
        "Device": ["mobile", "desktop"],
        "Campaign": ["Spring Sale", "Brand Search"],
    }.items():
        expect_breakdown(page, name, values)
    look("chapter-two-breakdown")

    page.get_by_role("link", name="Steps", exact=True).click()
    page.get_by_role("link", name="90 users at Purchase: show them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("90 users reached 5. Purchase")
    expect(page.locator("tbody tr").first).to_contain_text("@example.com")
    look("chapter-two-people")
    people = rows_of(downloaded(page, "CSV"))
    assert people[0][:4] == ["profile", "name", "user_id", "email"]
    assert len(people) == 1 + 90

    page.get_by_role("button", name="Create segment").click()
    dialog = page.get_by_role("dialog", name="Create segment from these")
    dialog.get_by_label("Name").fill("Buyers")
    dialog.get_by_role("button", name="Create segment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Buyers")
    expect(page.get_by_text("90 profiles").first).to_be_visible()

    open_funnel(page, stratum, funnel, "Breakdown")
    choice(page, "Breakdown").select_option(label="Buyers")
    page.get_by_role("row", name="Not in the segment").wait_for()
    members = page.get_by_role("row", name="In the segment", exact=False).filter(has_not_text="Not in")
    expect(members.locator("[data-label^='Step']")).to_contain_text(["90"] * 5)
    expect(choice(page, "Attribution")).to_be_hidden()
    look("chapter-two-segment")


def expect_breakdown(page: Page, name: str, values: list[str]) -> None:
    choice(page, "Breakdown").select_option(label=name)
    expect(page.locator(".breakdown-table thead th").first).to_have_text(name)
    rows = page.locator(".breakdown-table tbody tr")
    expect(rows.locator("th")).to_have_text(values)
    entered = rows.locator("[data-label='Step 1'] a").all_inner_texts()
    assert sum(int(count.replace(",", "")) for count in entered) == REACHED[0]
    expect(page.locator(".chart-canvas svg.main-svg").first).to_be_visible()


# 2.7


def test_insights(page: Page, stratum: str, funnel: Funnel, look: Look) -> None:
    open_funnel(page, stratum, funnel, "Insights")
    drop = page.locator("article").filter(has_text="Unusually many leave between “Add to Cart” and “Checkout”")
    expect(drop).to_have_count(1)
    look("chapter-two-insights")
    drop.get_by_text("Evidence").click()
    expect(drop.get_by_text("Beta-binomial")).to_be_visible()
    look("chapter-two-evidence")
    device = page.locator("article").filter(has_text="converts better than the rest")
    expect(device.locator("h2")).to_contain_text("Device “desktop”")
    expect(device).to_contain_text("See what is easier on this device")
    device.get_by_role("link", name="Show the breakdown").click()
    expect(page.locator(".tab-links [aria-current]")).to_have_text("Breakdown")
    expect(choice(page, "Breakdown")).to_have_value("device")
    page.go_back()
    expect(page.locator("article").filter(has_text="Device “desktop”")).to_be_visible()


# What lies beside: comparison, trend, times, totals, downloads


def test_other_sights(page: Page, stratum: str, funnel: Funnel, look: Look) -> None:
    open_funnel(page, stratum, funnel)
    page.get_by_role("checkbox", name="Compare with the period before").check()
    expect(page.locator(".result-headline")).to_contain_text("17.6% before")
    expect(page.locator(".result-headline .change")).to_have_text("−8.6 pp")
    look("chapter-two-compare")

    open_tab(page, "Trend")
    choice(page, "By").select_option("week")
    expect(page.locator(".chart-canvas svg.main-svg").first).to_be_visible()
    expect(page.locator(".chart figcaption")).to_contain_text("Overall Conversion by week of entry")
    look("chapter-two-trend")
    page.go_back()
    expect(choice(page, "By")).to_have_value("")

    open_tab(page, "Time to convert")
    choice(page, "Time").select_option("1")
    expect(page.locator(".result-stats dd").first).to_have_text("600")
    look("chapter-two-times")

    open_tab(page, "Steps")
    choice(page, "Counting Method").select_option("totals")
    expect(page).to_have_url(re.compile("counting=totals"))
    expect(page.locator(".result-legend")).to_contain_text("Attempts")
    choice(page, "Counting Method").select_option("")
    expect(page.locator(".result-legend")).to_contain_text("Users")


def test_take_it_along(page: Page, stratum: str, funnel: Funnel) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_funnel(page, stratum, funnel)
    sheet = rows_of(downloaded(page, "CSV"))
    assert any("90" in line for line in sheet)
    picture = downloaded(page, "PNG", role="button")
    assert picture.suggested_filename == "Purchase Funnel.png"
    assert Path(picture.path()).read_bytes().startswith(b"\x89PNG")
    address = page.get_by_role("link", name="JSON").get_attribute("href")
    answer = page.request.get(f"{stratum}{address}").json()
    assert [step["count"] for step in answer["steps"]] == REACHED

    choice(page, "Date Range").select_option("7")
    expect(page).to_have_url(f"{stratum}/dashboard/cdp/funnels/{funnel.pk}?days=7")
    page.get_by_role("button", name="Copy link").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    page.go_back()
    expect(choice(page, "Date Range")).to_have_value("30")
    expect_example_output(page)


def test_by_keyboard_alone(page: Page, stratum: str, funnel: Funnel) -> None:
    open_funnel(page, stratum, funnel)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    reach(page, "Date Range")
    page.keyboard.press("ArrowUp")
    expect(page).to_have_url(f"{stratum}/dashboard/cdp/funnels/{funnel.pk}?days=7")
    expect(choice(page, "Date Range")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".funnel-step strong").first).to_have_text("1,000")
    reach(page, "Compare with the period before")
    reach(page, "Breakdown")
    page.keyboard.press("Enter")
    expect(page.locator(".breakdown-table")).to_be_visible()
    page.go_back()
    expect(page.locator(".funnel-step")).to_have_count(5)
    reach(page, "90 users at Purchase: show them")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("90 users reached 5. Purchase")
    reach(page, "Create segment")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Create segment")).to_be_focused()


MOST_TABS = 80
FOCUSED = """() => {
  const at = document.activeElement;
  return [at.getAttribute('aria-label'), at.closest('label')?.querySelector('span')?.innerText, at.innerText]
    .filter(Boolean).map((text) => text.trim());
}"""


def reach(page: Page, name: str) -> None:
    """Press Tab until what has that name has the focus, visibly."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            return
    raise AssertionError(f"{name} is not reached with Tab")
