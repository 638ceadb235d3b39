"""Chapter 7.2 of the tutorial: two segments chosen in the list, compared, and a new one made of what they share."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cdp.definitions.segments import parse_draft
from cdp.queries.traits import zone_of
from cdp.services import ingest, segment_members, segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import User, Workspace
from tests.conftest import SignIn
from tests.journeys.conftest import Look
from tests.journeys.test_first_day import complains

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DID = {"Readers": ("newsletter_read", 8, 0), "Buyers": ("purchase", 4, 5), "Guests": ("visit", 6, 3)}


@pytest.fixture(autouse=True)
def shop(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """Twelve people: eight read, four of the readers' end buy, six visit in between."""
    items = [
        {
            "type": "track",
            "event": event,
            "userId": f"user-{who}",
            "timestamp": (now - timedelta(hours=3)).isoformat(),
        }
        for event, count, start in DID.values()
        for who in range(start, start + count)
    ]
    assert not ingest.ingest(workspace=workspace, source=None, items=items, received_at=now).rejected
    for name, (event, _, _) in DID.items():
        draft = parse_draft({"name": name, "condition": {"type": "event", "event": event}}, zone=zone_of(workspace))
        segments.create_from_draft(workspace=workspace, by=by_alice, draft=draft, now=now)
    segment_members.keep_current(workspace, now=now)


@pytest.fixture
def stratum(page: Page, live_server: LiveServer, sign_in: SignIn, alice: User) -> Iterator[str]:
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda line: found.append(line.text) if complains(line) else None)
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    yield live_server.url
    assert found == [], "\n".join(found)


def test_what_two_segments_share_becomes_a_third(
    page: Page, stratum: str, workspace: Workspace, look: Look, now: datetime
) -> None:
    page.goto(f"{stratum}/dashboard/cdp/segments")
    look("segments-to-compare")
    page.get_by_label("Compare Readers").check()
    page.get_by_label("Compare Buyers").check()
    page.get_by_role("button", name="Analyze Overlap").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Segment Overlap")
    diagram = page.locator("svg.venn")
    for number in ("5", "3", "1"):
        expect(diagram.get_by_text(number, exact=True)).to_be_visible()
    look("segment-overlap-two")
    row = page.get_by_role("row").filter(has_text="in A and B")
    expect(row).to_contain_text("3")
    row.get_by_role("button", name="Create segment").click()
    expect(page.get_by_text("is saved. Its members are there in a moment.")).to_be_visible()
    segment_members.keep_current(workspace, now=now)
    page.reload()
    expect(page.locator(".page-subheading")).to_contain_text("3 profiles")

    page.goto(f"{stratum}/dashboard/cdp/segments/overlap")
    for name in DID:
        page.get_by_role("checkbox", name=name, exact=True).check()
    page.get_by_role("button", name="Analyze Overlap").click()
    expect(page.get_by_role("heading", name="Matrix")).to_be_visible()
    look("segment-overlap-three")
