"""segment-analytics-python and rudder-sdk-python, as their users call them."""

from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from cdp.models import Event, Identifier, Profile, RejectedItem
from stratum.workspaces.models import Workspace

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=[SegmentClient, RudderClient], ids=["segment", "rudder"])
def sdk(request: pytest.FixtureRequest, live_server: LiveServer, key: str) -> Any:
    return request.param(key, host=live_server.url, gzip=request.param is SegmentClient, max_retries=1)


def visit(sdk: Any) -> None:
    """Somebody looks around, signs up and buys."""
    sdk.page(anonymous_id="cookie-1", name="Landing", properties={"url": "https://shop.example/?gclid=x"})
    sdk.track(anonymous_id="cookie-1", event="Product Viewed", properties={"price": 19.99})
    sdk.identify(user_id="anna", anonymous_id="cookie-1", traits={"email": "Anna@Example.com", "plan": "free"})
    sdk.track(user_id="anna", event="Order Completed", properties={"revenue": 49.9, "currency": "EUR"})
    sdk.group(user_id="anna", group_id="acme", traits={"seats": 5})
    sdk.flush()


def test_what_they_send_is_stored(sdk: Any, workspace: Workspace) -> None:
    visit(sdk)
    assert not RejectedItem.objects.exists()
    names = Event.objects.filter(workspace=workspace).order_by("ts", "id").values_list("name", flat=True)
    assert sorted(names) == ["group", "identify", "page_view", "purchase", "view_content"]
    assert Event.objects.get(name="purchase").properties["revenue"] == 49.9


def test_they_are_one_person(sdk: Any, workspace: Workspace) -> None:
    visit(sdk)
    person = Profile.objects.get(workspace=workspace)
    assert person.attributes == {"email": "anna@example.com", "plan": "free"}
    found = set(Identifier.objects.values_list("kind", "value"))
    assert found == {("user_id", "anna"), ("anonymous_id", "cookie-1"), ("email", "anna@example.com")}


def test_a_thousand_events_arrive_once(sdk: Any, workspace: Workspace) -> None:
    for number in range(1_000):
        sdk.track(user_id=f"user-{number % 50}", event="add_to_cart", properties={"n": number})
    sdk.flush()
    stored = Event.objects.filter(workspace=workspace, name="add_to_cart").values_list("properties__n", flat=True)
    assert sorted(stored) == list(range(1_000))
    assert Profile.objects.count() == 50
