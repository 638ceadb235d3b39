"""Chapter 7 of the tutorial, Advanced Segmentation: from the template to members that follow an event."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.models import Segment
from cdp.queries import segments
from cdp.services import ingest, segment_members, system_traits, traits
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

    page.get_by_role("button", name="+ Sequence of events").click()
    expect(page.locator("#preview-trouble")).to_contain_text("A sequence has 2 to 10 steps.")
    expect(preview).to_contain_text("1 profile")
    page.get_by_role("button", name="Remove condition 0.4").click()
    expect(page.locator("#preview-trouble")).to_be_empty()

    page.get_by_role("button", name="Create Segment").last.click()
    expect(page.get_by_role("heading", name="High-Value At-Risk")).to_be_visible()
    segment_members.keep_current(workspace, now=now)
    page.reload()
    expect(page.get_by_text("1 profile", exact=False).first).to_be_visible()
    look("segment")

    again = {"type": "track", "event": "purchase", "userId": "anna", "timestamp": now.isoformat()}
    ingest.ingest(workspace=workspace, source=None, items=[again], received_at=now)
    segment_members.keep_current(workspace, now=now, traits=keep_current(workspace, now=now))
    assert not len(segments.members(workspace, Segment.objects.get()))
