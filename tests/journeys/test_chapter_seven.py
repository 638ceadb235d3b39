"""Chapter 7 of the tutorial, Advanced Segmentation: from the template to members that follow an event."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.models import Segment, SegmentDay
from cdp.queries.segment_members import members_of
from cdp.services import forecast, ingest, segment_members, system_traits, traits
from cdp.services import segments as services
from cdp.services.trait_values import keep_current
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HERE = "/dashboard/cdp/segments"
ORDERS = [("anna", 100, 600.0), ("ben", 5, 700.0), ("cleo", 120, 90.0)]


@pytest.fixture(autouse=True)
def shop(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """Anna spent much and is gone, Ben bought lately, Cleo spent little."""
    items = [
        {
            "type": "track",
            "event": "purchase",
            "userId": who,
            "timestamp": (now - timedelta(days=ago)).isoformat(),
            "properties": {"revenue": revenue, "currency": "EUR"},
        }
        for who, ago, revenue in ORDERS
    ]
    items += [
        {"type": "track", "event": "email_delivered", "userId": who, "timestamp": (now - timedelta(days=2)).isoformat()}
        for who, _, _ in ORDERS
    ]
    assert not ingest.ingest(workspace=workspace, source=None, items=items, received_at=now).rejected
    system_traits.ensure(workspace, now=now)
    since = {"name": "days_since_purchase", "kind": "last", "event": "purchase", "property": "timestamp"}
    traits.create(workspace=workspace, by=by_alice, body={**since, "calculation": "DAYS_SINCE"}, now=now)
    keep_current(workspace, now=now)


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


def test_high_value_at_risk(
    page: Page, stratum: str, workspace: Workspace, look: Look, now: datetime, by_alice: Actor
) -> None:
    page.goto(f"{stratum}{HERE}/builder")
    page.get_by_role("link", name="High-Value At-Risk").click()
    preview = page.locator("#segment-preview")
    expect(preview).to_contain_text("1 profile")
    look("segment-builder")
    preview.get_by_role("button", name="Why in?").click()
    expect(preview).to_contain_text("traits.total_spend_lifetime is 600")

    add(page, "0", "In another segment")
    expect(page.locator("#preview-trouble")).to_contain_text("Name the other segment by its id")
    expect(page.locator("#error-0-4")).to_contain_text("Name the other segment by its id")
    expect(preview).to_contain_text("1 profile")
    page.get_by_role("button", name="Remove condition 0.4").click()
    expect(page.locator("#preview-trouble")).to_be_empty()

    page.get_by_role("button", name="Create Segment").last.click()
    expect(page.get_by_role("heading", name="High-Value At-Risk")).to_be_visible()
    segment_members.keep_current(workspace, now=now)
    page.reload()
    expect(page.get_by_text("1 profile", exact=False).first).to_be_visible()
    look("segment")
    page.get_by_label("Search").fill("nobody")
    expect(page.get_by_text("No member is found by “nobody”.")).to_be_visible()
    page.get_by_label("Search").fill("anna")
    page.get_by_role("link", name="Why in? anna").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Why is anna in?")
    expect(page.get_by_text("traits.total_spend_lifetime is 600")).to_be_visible()
    look("segment-why")
    page.get_by_label("Profile").fill("ben")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Why is ben not in?")

    again = {"type": "track", "event": "purchase", "userId": "anna", "timestamp": now.isoformat()}
    ingest.ingest(workspace=workspace, source=None, items=[again], received_at=now)
    segment_members.keep_current(workspace, now=now, traits=keep_current(workspace, now=now))
    assert not len(members_of(workspace, Segment.objects.get()))


def add(page: Page, path: str, words: str) -> None:
    rows = page.locator("[data-row]")
    before = rows.count()
    menu = page.locator(f"#add-{path.replace('.', '-')}")
    menu.click()
    menu.locator("xpath=..").get_by_role("button", name=words, exact=True).click()
    expect(rows).not_to_have_count(before)


def test_every_kind_of_condition_is_built_by_hand(page: Page, stratum: str, look: Look) -> None:
    page.goto(f"{stratum}{HERE}/builder")
    preview = page.locator("#segment-preview")
    first = page.locator('[name="event-0.0"]')
    first.fill("purchase")
    page.locator('[name="window-0.0"]').select_option("")
    expect(preview).to_contain_text("3 profiles")

    # A filter of the event's properties, by keyboard and with what was seen.
    add(page, "0.0", "Filter")
    expect(page.locator('[name="property-0.0.0"]')).to_be_focused()
    expect(page.locator("#event-properties option")).not_to_have_count(0)
    page.keyboard.type("revenue")
    page.locator('[name="op-0.0.0"]').select_option("gt")
    page.locator('[name="value-0.0.0"]').fill("500")
    expect(page.locator("#note-0-0")).to_have_text("2 profiles")

    # A sequence with a gap and an exclusion.
    add(page, "0", "Sequence of events")
    page.locator('[name="event-0.1.0"]').fill("purchase")
    page.locator('[name="event-0.1.1"]').fill("email_delivered")
    page.locator('[name="gap_max-0.1.1"]').fill("30 days")
    page.locator('[name="window-0.1"]').select_option("")
    add(page, "0.1", "Exclusion")
    page.locator('[name="event-0.1.2"]').fill("refund")
    expect(page.locator("#note-0-1")).to_have_text("1 profile")
    expect(preview).to_contain_text("without refund between steps 1 and 2")

    for words in (
        "First time of an event",
        "What the last event has",
        "Regularly performed",
        "Attribute held for a time",
    ):
        add(page, "0", words)
    look("segment-builder-kinds")
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    look("segment-builder-kinds-dark")
    page.evaluate("document.documentElement.dataset.bsTheme = 'light'")
    for place in (5, 4, 3, 2):
        page.get_by_role("button", name=f"Remove condition 0.{place}", exact=True).click()
        expect(page.locator(f'[name="kind-0.{place}"]')).to_have_count(0)

    # Rows move by keyboard and by hand; the focus stays.
    page.locator('[name="event-0.0"]').press("Alt+ArrowDown")
    expect(page.locator('[name="kind-0.0"]')).to_have_value("sequence")
    expect(page.locator('[name="event-0.1"]')).to_be_focused()
    expect(page.locator("#note-0-1")).to_have_text("2 profiles")
    handle = page.locator('[data-row="0-1"] > .segment-head [data-formset-handle]')
    handle.hover()
    page.mouse.down()
    goal = page.locator('[data-row="0-0"]').bounding_box()
    assert goal
    page.mouse.move(goal["x"] + goal["width"] - 40, goal["y"] + 4, steps=8)
    page.mouse.up()
    expect(page.locator('[name="kind-0.0"]')).to_have_value("event")
    expect(page.locator('[name="event-0.0"]')).to_have_value("purchase")

    page.get_by_role("textbox", name="Name", exact=True).fill("Big and quick")
    page.get_by_role("button", name="Create Segment").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Big and quick")
    saved = Segment.objects.get()
    assert saved.condition["children"][1]["exclude"] == [{"event": "refund", "between": [0, 1]}]


def test_unsaved_conditions_are_not_lost(page: Page, stratum: str) -> None:
    page.goto(f"{stratum}{HERE}/builder")
    add(page, "0", "Everybody")
    expect(page.locator('[name="kind-0.1"]')).to_have_value("all")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("location.href = '/dashboard/'")
    page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    expect(page.locator('[name="kind-0.1"]')).to_have_value("all")


def test_forecast(page: Page, stratum: str, workspace: Workspace, look: Look, now: datetime, by_alice: Actor) -> None:
    made = services.create(
        workspace=workspace, by=by_alice, name="Everybody", description="", condition={"type": "all"}, now=now
    )
    segment_members.keep_current(workspace, now=now)
    dice = random.Random(7)
    SegmentDay.objects.filter(segment=made).delete()
    size, today = 800, now.astimezone(ZoneInfo(workspace.time_zone)).date()
    for ago in range(150, -1, -1):
        entered, left = dice.randint(18, 30), dice.randint(14, 26)
        size += entered - left
        SegmentDay.objects.create(
            segment=made,
            day=today - timedelta(days=ago),
            size=size,
            entered=entered,
            exited=left,
            reconstructed=ago > 90,
        )
    for ago in (40, 35):
        past = now - timedelta(days=ago)
        forecast.kept(workspace=workspace, segment=made, horizon=30, now=past)
    page.goto(f"{stratum}{HERE}/{made.pk}")
    expect(page.locator('[data-chart="size-chart"] svg.main-svg').first).to_be_visible()
    look("segment-sizes")
    page.get_by_role("link", name="Forecast").click()
    page.get_by_role("link", name="60 days").click()
    expect(page.get_by_text("Low confidence")).to_have_count(0)
    page.get_by_role("link", name="30 days").click()
    expect(page.get_by_text("2 came due")).to_be_visible()
    look("forecast")
