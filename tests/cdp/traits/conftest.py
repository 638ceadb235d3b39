"""Traits whose values a worker has computed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pytest

from cdp.engine.arrays import Ints
from cdp.models import Profile, Trait
from cdp.queries import served_traits
from cdp.services import trait_backfill, trait_values, traits
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of, teller

Body = dict[str, Any]
MakeTrait = Callable[..., Trait]
ValuesOf = Callable[..., dict[str, Any]]
KeepCurrent = Callable[[], int]


def spend(**fields: Any) -> Body:
    """What everybody has spent."""
    return {
        "name": "spend",
        "kind": "aggregation",
        "fn": "sum",
        "event": "purchase",
        "property": "revenue",
        "frequency": "realtime",
        **fields,
    }


def visits(**fields: Any) -> Body:
    return {"name": "visits", "kind": "aggregation", "fn": "count", "event": "view", **fields}


def run_job(trait: Trait) -> Trait:
    """Do what the worker does with the trait's job."""
    assert trait.job is not None
    with jobs.running(trait.job.pk) as run:
        if run is not None:
            trait_backfill.work(run)
    trait.refresh_from_db()
    return trait


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


@pytest.fixture
def make_trait(workspace: Workspace, by_alice: Actor, now: datetime) -> MakeTrait:
    """`make_trait(spend())`: a live trait; with `computed=False` one that waits for the worker."""

    def make(body: Body, *, computed: bool = True, draft: bool = False) -> Trait:
        trait = traits.create(workspace=workspace, by=by_alice, body=body, now=now, draft=draft)
        return run_job(trait) if computed and not draft else trait

    return make


@pytest.fixture
def keep_current(workspace: Workspace, now: datetime) -> KeepCurrent:
    """How many values are others now."""
    return lambda: changed(trait_values.keep_current(workspace, now=now))


def changed(found: Mapping[str, Ints]) -> int:
    """How many values, of all traits together."""
    return sum(map(len, found.values()))


@pytest.fixture
def values_of(workspace: Workspace, now: datetime) -> ValuesOf:
    """`values_of("anna")`: by trait, as every reader sees them."""

    def values(user: str, at: datetime | None = None) -> dict[str, Any]:
        profile = profile_of(workspace, "user_id", user).pk
        return served_traits.current(workspace, [profile], now=at or now)[profile]

    return values


@pytest.fixture
def anna(workspace: Workspace, tell: Tell) -> Profile:
    tell("purchase", user="anna", hours_ago=50, revenue=20)
    tell("purchase", user="anna", hours_ago=3, revenue="9.5")
    tell("view", user="anna", hours_ago=2)
    return profile_of(workspace, "user_id", "anna")


@pytest.fixture
def ben(workspace: Workspace, tell: Tell) -> Profile:
    tell("view", user="ben", hours_ago=30)
    return profile_of(workspace, "user_id", "ben")
