"""@segment/analytics-node and @rudderstack/rudder-sdk-node, as their users call them."""

from collections.abc import Callable

import pytest
from pytest_django.live_server_helper import LiveServer

from cdp.models import Event, Identifier, RejectedItem
from stratum.workspaces.models import Workspace

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]

VISIT = """
sdk.page({ anonymousId: 'cookie-1', name: 'Landing', properties: { url: 'https://shop.example/?fbclid=x' } });
sdk.track({ anonymousId: 'cookie-1', event: 'Product Viewed', properties: { price: 19.99 } });
sdk.identify({ userId: 'anna', anonymousId: 'cookie-1', traits: { email: 'Anna@Example.com' } });
sdk.track({ userId: 'anna', event: 'Order Completed', properties: { revenue: 49.9 } });
"""

SEGMENT = (
    """
import { Analytics } from '@segment/analytics-node';
const [host, writeKey] = process.argv.slice(2);
const sdk = new Analytics({ writeKey, host, path: '/v1/batch', maxRetries: 1 });
sdk.on('error', (error) => { console.error(error); process.exitCode = 1; });
"""
    + VISIT
    + "await sdk.closeAndFlush({ timeout: 10000 });"
)

RUDDER = (
    """
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
const [host, writeKey] = process.argv.slice(2);
const Client = RudderAnalytics.default ?? RudderAnalytics;
const sdk = new Client(writeKey, { dataPlaneUrl: host, flushAt: 100, flushInterval: 100 });
"""
    + VISIT
    + "await sdk.flush();"
)


@pytest.mark.parametrize("script", [SEGMENT, RUDDER], ids=["segment", "rudder"])
def test_what_they_send_is_stored(
    script: str, run_node: Callable[..., None], live_server: LiveServer, key: str, workspace: Workspace
) -> None:
    run_node(script, live_server.url, key)
    assert not RejectedItem.objects.exists()
    names = Event.objects.filter(workspace=workspace).values_list("name", flat=True)
    assert sorted(names) == ["identify", "page_view", "purchase", "view_content"]
    found = set(Identifier.objects.values_list("kind", "value"))
    assert found == {("user_id", "anna"), ("anonymous_id", "cookie-1"), ("email", "anna@example.com")}
