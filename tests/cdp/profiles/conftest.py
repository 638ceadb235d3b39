"""Anna bought, Ben is known, a visitor only looked."""

from datetime import datetime

import pytest

from cdp.models import Profile
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of, teller


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


@pytest.fixture
def anna(workspace: Workspace, tell: Tell) -> Profile:
    tell("page", user="anna", hours_ago=50, path="/")
    tell(
        "identify", user="anna", hours_ago=49, email="Anna@Example.com", first_name="Anna", last_name="Berg", plan="pro"
    )
    tell("purchase", user="anna", hours_ago=48, revenue=49.9, currency="EUR")
    return profile_of(workspace, "user_id", "anna")


@pytest.fixture
def ben(workspace: Workspace, tell: Tell) -> Profile:
    tell("identify", user="ben", hours_ago=9, email="ben@example.com", phone="+49 151 23456789")
    tell("view_content", user="ben", hours_ago=8)
    return profile_of(workspace, "user_id", "ben")


@pytest.fixture
def visitor(workspace: Workspace, tell: Tell) -> Profile:
    tell("page", visitor="cookie-1", hours_ago=2, path="/shop")
    return profile_of(workspace, "anonymous_id", "cookie-1")


@pytest.fixture
def merged(workspace: Workspace, tell: Tell) -> tuple[Profile, Profile]:
    """(the survivor, the merged one): a visitor looked, then logged in as a known user."""
    tell("purchase", user="dora", hours_ago=30, revenue=5)
    tell("view_content", visitor="cookie-d", hours_ago=20)
    loser = profile_of(workspace, "anonymous_id", "cookie-d")
    tell("identify", user="dora", visitor="cookie-d", hours_ago=19, email="dora@example.com")
    survivor = profile_of(workspace, "user_id", "dora")
    assert Profile.objects.get(pk=loser.pk).merged_into == survivor.pk
    return survivor, loser
