"""Traits and segments of a workspace whose events are in ClickHouse: computed, kept, and as the embedded engine says."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cdp.models import Profile
from cdp.queries import served_traits
from cdp.queries.segment_members import members_of
from cdp.services import segment_members, segments, trait_values, traits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.traits.conftest import run_job
from tests.engine.clickhouse.stage import CLICKHOUSE_URL, IS_HERE, WHY_NOT

pytestmark = pytest.mark.skipif(not IS_HERE, reason=WHY_NOT)

TRAITS: list[dict[str, Any]] = [
    {"name": "spend", "kind": "aggregation", "fn": "sum", "event": "purchase", "property": "revenue"},
    {"name": "favourite", "kind": "most_frequent", "event": "view_content", "property": "category"},
    {"name": "latest", "kind": "last", "event": "view_content", "property": "category"},
    {"name": "kinds", "kind": "unique_list", "event": "view_content", "property": "category"},
]
BUYERS = {
    "type": "event",
    "event": "purchase",
    "measure": {"fn": "sum", "property": "revenue"},
    "op": "gte",
    "value": 20,
}
CONDITIONS: dict[str, dict[str, Any]] = {
    "Buyers": BUYERS,
    "Others": {"type": "not", "child": BUYERS},
    "Looked, then bought": {"type": "sequence", "steps": [{"event": "view_content"}, {"event": "purchase"}]},
    "Shoes last": {
        "type": "last_event",
        "event": "view_content",
        "has": {"property": "category", "op": "eq", "value": "shoes"},
    },
    "Spenders": {"type": "profile", "field": "traits.spend", "op": "gt", "value": 20},
}


@pytest.fixture
def shoppers(tell: Tell, anna: Profile, ben: Profile) -> None:
    for hours, category in enumerate(("shoes", "hats", ["hats", "bags"], None), 10):
        tell("view_content", user="anna", hours_ago=hours, category=category)
    tell("purchase", user="anna", hours_ago=2, revenue="19.99")
    tell("purchase", user="anna", hours_ago=1, revenue=0.02)
    tell("purchase", user="ben", hours_ago=20, revenue=5)


@pytest.fixture(params=["columnar", "clickhouse"])
def on_each(request: pytest.FixtureRequest, settings: Settings) -> str:
    if request.param == "clickhouse":
        settings.ENGINE_URL = CLICKHOUSE_URL
    return str(request.param)


Compute = Callable[[], None]


@pytest.fixture
def compute(workspace: Workspace, by_alice: Actor, now: datetime) -> Compute:
    def all_of_them() -> None:
        for body in TRAITS:
            run_job(traits.create(workspace=workspace, by=by_alice, body={**body, "frequency": "realtime"}, now=now))
        for name, condition in CONDITIONS.items():
            draft = segments.parse_draft({"name": name, "condition": condition, "include_anonymous": False})
            segments.create_from_draft(workspace=workspace, by=by_alice, draft=draft, now=now)
        segment_members.keep_current(workspace, now=now)

    return all_of_them


def test_traits_and_members_are_computed_and_kept(
    on_each: str,
    workspace: Workspace,
    shoppers: None,
    compute: Compute,
    tell: Tell,
    anna: Profile,
    ben: Profile,
    now: datetime,
) -> None:
    compute()

    def values(profile: Profile) -> dict[str, Any]:
        return served_traits.current(workspace, [profile.pk], now=now)[profile.pk]

    def members() -> dict[str, list[int]]:
        found = {one.name: members_of(workspace, one).tolist() for one in workspace.segments.all()}
        return {name: found[name] for name in CONDITIONS}

    assert values(anna) == {"spend": 20.01, "favourite": "hats", "latest": "shoes", "kinds": ["bags", "hats", "shoes"]}
    assert values(ben)["spend"] == 5
    assert members() == {
        "Buyers": [anna.pk],
        "Others": [ben.pk],
        "Looked, then bought": [anna.pk],
        "Shoes last": [],
        "Spenders": [anna.pk],
    }
    tell("purchase", user="ben", hours_ago=1, revenue=15)
    trait_values.keep_current(workspace, now=now)
    segment_members.keep_current(workspace, now=now + timedelta(seconds=1))
    assert values(ben)["spend"] == 20
    assert members()["Buyers"] == sorted([anna.pk, ben.pk])
    assert members()["Looked, then bought"] == sorted([anna.pk, ben.pk])
