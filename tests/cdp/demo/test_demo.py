"""The demo workspace is filled through ingestion, survives interruptions, and goes in one click."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from cdp.definitions.segment_templates import TEMPLATES as SEGMENTS
from cdp.definitions.trait_templates import TEMPLATES
from cdp.demo.shop import messages
from cdp.models import Change, Event, EventCopy, Funnel, Identifier, Kind, Profile, RejectedItem, Spell
from cdp.queries.engine import fresh_engine
from cdp.queries.segment_members import members_of
from cdp.queries.universe import universe
from cdp.services import demo, segments
from cdp.services.ingest import ingest
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Member, User, Workspace
from tests import cast

PROFILES, EVENTS = 120, 2_000


class Killed(Exception):
    pass


def build(now: datetime, workers: int = 1) -> demo.Demo:
    return demo.build(
        now=now, progress=lambda done, total: None, profiles=PROFILES, events=EVENTS, workers=workers, days=2
    )


def remove(workspace: Workspace, now: datetime, by: Actor = SYSTEM) -> None:
    demo.remove(workspace=workspace, by=by, now=now)


def expected(now: datetime) -> int:
    """How many messages the story has."""
    parts = [messages(demo.SEED, now, PROFILES, EVENTS, part=part, parts=demo.PARTS) for part in range(demo.PARTS)]
    return sum(len(batch.items) for part in parts for batch in part)


def stored(workspace: Workspace) -> int:
    """What the story sent; deals and what salespeople know come from the CRM's sandbox, through no source."""
    events = Event.objects.filter(workspace=workspace).exclude(source=None)
    return events.count() + EventCopy.objects.filter(workspace=workspace).count()


def count_in_engine(workspace: Workspace) -> int:
    return fresh_engine(workspace).stored().events


def track(workspace: Workspace, now: datetime, message_id: str, **who: str) -> None:
    item = {"type": "track", "event": "purchase", "messageId": message_id, "timestamp": now.isoformat(), **who}
    ingest(workspace=workspace, source=None, items=[item], received_at=now)


@pytest.mark.django_db
def test_it_fills_a_workspace_that_is_marked_as_sample(now: datetime) -> None:
    made = build(now)
    assert (made.workspace.slug, made.workspace.plan) == ("demo", "professional")
    assert made.workspace.holds_sample_data
    assert made.sent == stored(made.workspace) == expected(now)
    assert not RejectedItem.objects.filter(workspace=made.workspace).exists()
    counted = Event.objects.filter(workspace=made.workspace, kind__lte=Kind.SCREEN).count()
    assert count_in_engine(made.workspace) == counted > 0.75 * EVENTS
    live = Profile.objects.filter(workspace=made.workspace, merged_into=None).count()
    assert 0.8 * PROFILES < live < 1.2 * PROFILES


@pytest.mark.django_db
def test_people_are_merged_and_orders_counted_once(now: datetime) -> None:
    workspace = build(now).workspace
    assert Change.objects.filter(workspace=workspace, kind=Change.Kind.MERGE).exists()
    assert EventCopy.objects.filter(workspace=workspace).exists()
    orders = Event.objects.filter(workspace=workspace, name="purchase").values_list("properties__order_id", flat=True)
    assert len(orders) == len(set(orders)) > 0


@pytest.mark.django_db
def test_the_printed_login_opens_it(now: datetime, client: Client) -> None:
    made = build(now)
    assert client.login(username=made.email, password=made.password)
    assert Member.objects.get(workspace=made.workspace, user__email=made.email).role == "owner"


@pytest.mark.django_db
def test_a_changed_password_is_not_printed(now: datetime) -> None:
    build(now)
    owner = User.objects.get(email=demo.EMAIL)
    owner.set_password("something of our own")
    owner.save()
    assert build(now).password == ""


@pytest.mark.django_db
def test_the_tutorials_funnel_is_there(now: datetime) -> None:
    workspace = build(now).workspace
    names = set(Funnel.objects.filter(workspace=workspace).values_list("name", flat=True))
    assert names >= {"Purchase Funnel"}
    assert len(names) == 3


@pytest.mark.django_db
def test_a_second_build_sends_nothing(now: datetime) -> None:
    first = build(now)
    second = build(now + timedelta(days=1))
    assert second.workspace == first.workspace
    assert second.sent == 0
    assert stored(first.workspace) == first.sent


@pytest.mark.django_db
def test_an_interrupted_build_is_completed_by_the_next(now: datetime) -> None:
    def kill(done: int, total: int) -> None:
        if done > total / 3:
            raise Killed

    with pytest.raises(Killed):
        demo.build(now=now, progress=kill, profiles=PROFILES, events=EVENTS, workers=1)
    workspace = Workspace.objects.get(slug="demo")
    assert 0 < stored(workspace) < expected(now)
    assert workspace.holds_sample_data
    build(now + timedelta(hours=2))
    assert stored(workspace) == expected(now)
    assert workspace.funnels.count() == 3
    assert set(workspace.traits.filter(is_system=False).values_list("name", flat=True)) == set(TEMPLATES)
    assert set(workspace.segments.values_list("name", flat=True)) == {one.name for one in SEGMENTS.values()}


@pytest.mark.django_db
def test_progress_reaches_its_end(now: datetime) -> None:
    told: list[tuple[int, int]] = []
    demo.build(
        now=now,
        progress=lambda done, total: told.append((done, total)),
        profiles=PROFILES,
        events=EVENTS,
        workers=1,
    )
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]


@pytest.mark.django_db(transaction=True)
def test_two_processes_store_what_one_stores(now: datetime) -> None:
    made = build(now, workers=2)
    assert made.sent == stored(made.workspace) == expected(now)


@pytest.mark.django_db(transaction=True)
def test_a_broken_worker_is_reported(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(demo, "ingest", broken)
    with pytest.raises(RuntimeError, match="start again"):
        build(now, workers=2)
    assert not demo.is_built(Workspace.objects.get(slug="demo"))


@pytest.mark.django_db
def test_removal_leaves_nothing_of_the_story(now: datetime) -> None:
    workspace = build(now).workspace
    assert len(universe(workspace).profile)
    remove(workspace, now)
    for model in (Event, EventCopy, Profile, Identifier, Funnel, RejectedItem):
        assert not model.objects.filter(workspace=workspace).exists(), model
    assert [one.reason for one in Change.objects.filter(workspace=workspace)] == ["sample data removed"]
    assert not len(universe(workspace).profile), "also for who had read it before"
    assert count_in_engine(workspace) == 0
    assert not Workspace.objects.get(pk=workspace.pk).holds_sample_data


@pytest.mark.django_db
def test_removal_keeps_members_keys_and_what_people_sent_and_made(now: datetime, alice: User) -> None:
    workspace = build(now).workspace
    known = Identifier.objects.filter(workspace=workspace, kind="user_id").earliest("id").value
    track(workspace, now, "mine-1", userId="somebody-new")
    track(workspace, now, "mine-2", userId=known)
    own = Funnel.objects.create(
        workspace=workspace, name="Mine", definition={}, created_by=alice, created_at=now, updated_at=now
    )
    remove(workspace, now)
    assert set(Event.objects.filter(workspace=workspace).values_list("message_id", flat=True)) == {"mine-1", "mine-2"}
    people = Identifier.objects.filter(workspace=workspace, kind="user_id", profile__merged_into=None)
    assert {each.value for each in people} == {"somebody-new", known}
    assert count_in_engine(workspace) == 2
    assert list(workspace.funnels.all()) == [own]
    assert not workspace.traits.filter(deleted_at=None, is_system=False).exists()
    assert not workspace.segments.exists()
    assert workspace.write_keys.count() == 2
    assert workspace.members.count() == 1


@pytest.mark.django_db
def test_removal_leaves_segments_with_those_who_stay(now: datetime) -> None:
    """Also with merged ones, who were in before they were merged."""
    workspace = build(now).workspace
    track(workspace, now, "mine-1", userId="somebody-new")
    stays = Identifier.objects.get(workspace=workspace, value="somebody-new").profile_id
    everybody = np.array(Profile.objects.filter(workspace=workspace).values_list("pk", flat=True), np.int64)
    segment = segments.create_static(
        workspace=workspace, by=SYSTEM, name="Everybody", description="", profiles=everybody, now=now
    )
    merged = Profile.objects.filter(workspace=workspace, merged_into__isnull=False).first()
    assert merged is not None
    Spell.objects.create(segment=segment, profile_id=merged.pk, entered_at=now, entry_reason=Spell.Reason.MANUAL)
    remove(workspace, now)
    assert members_of(workspace, segment).tolist() == [stays]
    assert list(Spell.objects.values_list("profile_id", flat=True)) == [stays]


@pytest.mark.django_db
def test_removal_does_not_touch_another_workspace(now: datetime, workspace: Workspace) -> None:
    track(workspace, now, f"demo-{demo.SEED}-looks-like-a-sample", userId="alices-customer")
    remove(build(now).workspace, now)
    assert Event.objects.filter(workspace=workspace).count() == 1
    assert Profile.objects.filter(workspace=workspace).count() == 1


@pytest.mark.django_db
def test_what_was_removed_does_not_come_back(now: datetime) -> None:
    workspace = build(now).workspace
    remove(workspace, now)
    assert build(now).sent == 0
    assert stored(workspace) == 0
    remove(workspace, now)


# The click


@pytest.fixture
def demo_workspace(now: datetime, db: None) -> Workspace:
    return build(now).workspace


def test_the_owner_removes_it_in_one_click(demo_workspace: Workspace, client: Client) -> None:
    client.force_login(User.objects.get(email=demo.EMAIL))
    answer = client.post(reverse("sample_remove"))
    assert answer.status_code == 302
    assert stored(demo_workspace) == 0


def test_an_analyst_may_not(demo_workspace: Workspace, client: Client) -> None:
    client.force_login(cast.member(demo_workspace, "eve@example.com", "analyst"))
    assert client.post(reverse("sample_remove")).status_code == 403
    assert stored(demo_workspace)


def test_a_stranger_removes_only_of_his_own(demo_workspace: Workspace, as_charlie: Client) -> None:
    as_charlie.post(reverse("sample_remove"))
    assert stored(demo_workspace)


def test_a_link_does_not_remove_it(demo_workspace: Workspace, client: Client) -> None:
    client.force_login(User.objects.get(email=demo.EMAIL))
    assert client.get(reverse("sample_remove")).status_code == 405
    assert stored(demo_workspace)
