"""The product on ClickHouse: the same answers."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from cdp.models import Funnel
from tests.cdp.funnels.conftest import BODY, Did, MakeFunnel
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)
URL = "/api/v1/cdp/funnels"
Move = Callable[[], None]


@pytest.fixture
def shop(did: Did) -> None:
    did("anna", "page_view", ("purchase", {"revenue": 19.99}), every=60)
    did("ben", "page_view", ("purchase", {"revenue": 5}), every=180)
    did("cleo", "page_view")
    did("eve", "page_view", "purchase", hours_ago=24 * 40)


@pytest.fixture
def move(settings: Settings) -> Move:
    """From here on the engine is ClickHouse, filled from the truth when it is first asked."""

    def to_clickhouse() -> None:
        settings.ENGINE_URL = CLICKHOUSE_URL

    return to_clickhouse


def test_both_engines_answer_alike(api: APIClient, shop: None, make_funnel: MakeFunnel, move: Move) -> None:
    dear = {"event": "purchase", "where": {"property": "revenue", "op": "gt", "value": 10}}
    funnel = make_funnel(steps=[BODY["steps"][0], dear])
    paths = [f"{URL}/{funnel.pk}/{question}" for question in ("analyze", "trend", "time-to-convert", "people")]
    embedded = [api.get(path) for path in paths]
    move()
    elsewhere = [api.get(path) for path in paths]
    assert [one.status_code for one in embedded] == [200] * len(paths)
    assert [one.json() for one in elsewhere] == [one.json() for one in embedded]


def test_new_events_count_at_once(api: APIClient, shop: None, did: Did, funnel: Funnel, move: Move) -> None:
    move()
    first = api.get(f"{URL}/{funnel.pk}/analyze").json()["steps"]
    did("dora", "page_view", "purchase")
    second = api.get(f"{URL}/{funnel.pk}/analyze").json()["steps"]
    assert [(a["count"], b["count"]) for a, b in zip(first, second, strict=True)] == [(3, 4), (2, 3)]


def test_a_breakdown_is_the_same_by_api_and_on_the_page(
    api: APIClient, as_alice: Client, shop: None, funnel: Funnel, move: Move
) -> None:
    path = f"{URL}/{funnel.pk}/analyze?breakdown=platform"
    embedded = api.get(path)
    move()
    elsewhere = api.get(path)
    assert embedded.json()["breakdown"] and elsewhere.json() == embedded.json()
    page = as_alice.get(f"/dashboard/cdp/funnels/{funnel.pk}?tab=breakdown&breakdown=platform")
    assert page.status_code == 200
