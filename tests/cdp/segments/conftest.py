"""People, and segments that list them."""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from cdp.models import Profile, Segment
from cdp.services import segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of, teller

Person = Callable[..., Profile]
MakeSegment = Callable[..., Segment]


@pytest.fixture
def tell(workspace: Workspace, now: datetime) -> Tell:
    return teller(workspace, now)


@pytest.fixture
def person(workspace: Workspace, tell: Tell) -> Person:
    """`person("anna")`: somebody who looked once and told an e-mail address; `where` another workspace."""

    def make(who: str, where: Workspace | None = None) -> Profile:
        tell("identify", user=who, hours_ago=5, where=where, email=f"{who}@example.com")
        tell("view_content", user=who, hours_ago=4, where=where)
        return profile_of(where or workspace, "user_id", who)

    return make


@pytest.fixture
def anna(person: Person) -> Profile:
    return person("anna")


@pytest.fixture
def ben(person: Person) -> Profile:
    return person("ben")


@pytest.fixture
def visitor(workspace: Workspace, tell: Tell) -> Profile:
    tell("page", visitor="cookie-1", hours_ago=2, path="/shop")
    return profile_of(workspace, "anonymous_id", "cookie-1")


@pytest.fixture
def make_segment(workspace: Workspace, by_alice: Actor, now: datetime) -> MakeSegment:
    """`make_segment(anna, ben, name="Friends")`: a static segment of Alice's."""

    def make(*people: Profile, name: str = "Friends", description: str = "") -> Segment:
        return segments.create_static(
            workspace=workspace,
            by=by_alice,
            name=name,
            description=description,
            profiles=np.array([profile.pk for profile in people], np.int64),
            now=now,
        )

    return make


@pytest.fixture
def friends(make_segment: MakeSegment, anna: Profile, ben: Profile) -> Segment:
    return make_segment(anna, ben)
