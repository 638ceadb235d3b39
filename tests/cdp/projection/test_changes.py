"""The change feed names everybody whom committed rows concern, once per reading."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from cdp.models import Change, Event, Profile
from cdp.queries import changes
from cdp.queries.changes import Changes
from cdp.queries.position import Position
from cdp.services import profiles
from cdp.services.event_store import store
from cdp.tracking.messages import Kind
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.messages import T0, message

Read = Callable[[], Changes]


@pytest.fixture
def read(workspace: Workspace) -> Read:
    """What is new since the last reading."""
    place = [changes.here(workspace)]

    def what_is_new() -> Changes:
        found = changes.since(workspace, place[0])
        assert changes.has_any(workspace, place[0]) == bool(found.rows)
        place[0] = Position.of(found.position.cursor())
        return found

    return what_is_new


pytestmark = pytest.mark.django_db


def of(user: str) -> int:
    return Profile.objects.get(user_id=user).pk


def test_events_by_name_and_whose_attributes_changed(workspace: Workspace, read: Read) -> None:
    store(
        workspace,
        None,
        [
            message(name="view", user_id="ann"),
            message(name="view", user_id="ann"),
            message(name="view", user_id="ben"),
            message(name="buy", user_id="ben"),
            message(Kind.IDENTIFY, user_id="cid", traits={"plan": "pro"}),
        ],
    )
    found = read()
    assert {name: who.tolist() for name, who in found.acted.items()} == {
        "view": sorted([of("ann"), of("ben")]),
        "buy": [of("ben")],
    }
    assert (found.told.tolist(), found.rows) == ([of("cid")], 5)
    assert found.everybody.tolist() == sorted([of("ann"), of("ben"), of("cid")])
    assert read().rows == 0


def test_a_voided_event_counts_as_one_that_came(workspace: Workspace, read: Read) -> None:
    store(workspace, None, [message(name="buy", user_id="ann")])
    read()
    voided = Event.objects.get().message_id
    profiles.void_events(workspace=workspace, message_ids=[voided], reason="", by=SYSTEM, now=T0)
    assert {name: who.tolist() for name, who in read().acted.items()} == {"buy": [of("ann")]}


def test_a_merge_names_the_survivor_and_who_is_gone_and_a_split_both(workspace: Workspace, read: Read) -> None:
    store(workspace, None, [message(user_id="ann"), message(anonymous_id="cookie")])
    ann, visitor = of("ann"), Profile.objects.get(user_id=None).pk
    read()
    store(workspace, None, [message(user_id="ann", anonymous_id="cookie")])
    merged = read()
    assert (merged.linked.tolist(), merged.gone.tolist()) == ([ann], [visitor])
    profiles.split(workspace=workspace, merge_id=Change.objects.get().pk, by=SYSTEM, now=T0)
    split = read()
    assert (split.linked.tolist(), split.gone.tolist()) == (sorted([ann, visitor]), [])


def test_events_of_the_merged_are_the_survivors(workspace: Workspace, read: Read) -> None:
    store(workspace, None, [message(name="view", anonymous_id="cookie")])
    store(workspace, None, [message(user_id="ann", anonymous_id="cookie")])
    who = {name: found.tolist() for name, found in read().acted.items()}
    assert who["view"] == [Profile.objects.get(merged_into=None).pk]


def test_the_erased_are_gone(workspace: Workspace, read: Read) -> None:
    store(workspace, None, [message(user_id="ann")])
    ann = of("ann")
    read()
    profiles.erase(workspace=workspace, profile=Profile.objects.get(), by=SYSTEM, now=T0)
    found = read()
    assert (found.gone.tolist(), found.linked.tolist()) == ([ann], [])


def test_nothing_of_other_workspaces(workspace: Workspace, other_workspace: Workspace, read: Read) -> None:
    store(other_workspace, None, [message(user_id="eve")])
    assert read().rows == 0


def test_a_place_in_another_database_means_nothing(workspace: Workspace) -> None:
    assert changes.is_of_here(changes.here(workspace))
    assert not changes.is_of_here(Position("elsewhere/1", 1, 1))


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_is_named_once(workspace: Workspace) -> None:
    """A transaction that began before the place and commits after it was a hole."""
    written, finish = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            store(workspace, None, [message(name="slow", user_id="ann")])
            written.set()
            assert finish.wait(90)
        connection.close()

    begun = changes.here(workspace)
    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(90)
    store(workspace, None, [message(name="quick", user_id="ben")])
    first = changes.since(workspace, begun)
    finish.set()
    thread.join()
    second = changes.since(workspace, first.position)
    third = changes.since(workspace, second.position)
    assert [sorted(each.acted) for each in (first, second, third)] == [["quick"], ["slow"], []]
