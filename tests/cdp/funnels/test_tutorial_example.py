"""The tutorial's example output (§2.5), number by number, from events that came in like any others."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.definitions.funnel_templates import TEMPLATES
from cdp.definitions.funnels import parse_draft
from cdp.models import Funnel
from cdp.services import event_store, funnels
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.messages import message

REACHED = {
    "page_view": 10_000,
    "view_content": 6_000,
    "add_to_cart": 3_000,
    "initiate_checkout": 1_200,
    "purchase": 900,
}


@pytest.fixture
def tutorial(workspace: Workspace, by_alice: Actor, now: datetime) -> Funnel:
    """10,000 users, each as far as the tutorial says; a step takes ten minutes."""
    messages = [
        message(name=name, user_id=f"user-{user}", ts=now - timedelta(days=10, minutes=-10 * step), index=user)
        for step, (name, reached) in enumerate(REACHED.items())
        for user in range(reached)
    ]
    for start in range(0, len(messages), 2_500):
        event_store.store(workspace, None, messages[start : start + 2_500])
    draft = parse_draft(TEMPLATES["purchase"].body)
    return funnels.create(workspace=workspace, by=by_alice, draft=draft, now=now)


def test_the_example_output(tutorial: Funnel, api: APIClient, as_alice: Client) -> None:
    answer = api.get(f"/api/v1/cdp/funnels/{tutorial.pk}/analyze").json()
    of_each = lambda name: [step[name] for step in answer["steps"]]
    assert of_each("event") == list(REACHED)
    assert of_each("count") == [10_000, 6_000, 3_000, 1_200, 900]
    assert of_each("conversion_from_start") == [1.0, 0.6, 0.3, 0.12, 0.09]
    assert of_each("conversion_from_previous") == [1.0, 0.6, 0.5, 0.4, 0.75]
    assert of_each("drop_off") == [4_000, 3_000, 1_800, 300, 0]
    assert of_each("drop_off_rate") == [0.4, 0.5, 0.6, 0.25, 0.0]
    assert of_each("median_seconds") == [None, 600.0, 600.0, 600.0, 600.0]
    assert (answer["entered"], answer["converted"], answer["overall_conversion"]) == (10_000, 900, 0.09)
    assert (answer["average_seconds_to_convert"], answer["in_progress"]) == (2_400.0, 0)

    page = re.sub(r"<[^>]+>", " ", as_alice.get(f"/dashboard/cdp/funnels/{tutorial.pk}").content.decode())
    page = " ".join(page.split())
    for shown in expected_words():
        assert shown in page, shown


def expected_words() -> list[Any]:
    return [
        "10,000 100%",
        "4,000 lost (40% drop-off)",
        "60% convert",
        "6,000 60%",
        "3,000 lost (50% drop-off)",
        "50% convert",
        "3,000 30%",
        "1,800 lost (60% drop-off)",
        "40% convert",
        "1,200 12%",
        "300 lost (25% drop-off)",
        "75% convert",
        "900 9%",
        "9% Entered",
        "Overall Conversion",
        "avg. 10 min, median 10 min",
    ]
