"""What a process remembers of members is what is stored, whatever happens to people and lists."""

import random
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
import pytest

from cdp.models import Change, Segment
from cdp.queries import segment_members as remembered
from cdp.queries import segments as queries
from cdp.services import profiles as profile_services
from cdp.services import segment_members, segments
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of
from tests.cdp.segments.conftest import MakeSegment, Person

BUYERS = {"type": "event", "event": "purchase"}


def check(workspace: Workspace) -> None:
    those = list(workspace.segments.all())
    found = remembered.members_of_each(workspace, those)
    for one in those:
        assert found[one.pk].tolist() == queries.members(workspace, one).tolist(), one.name
        assert remembered.members_of(workspace, one).tolist() == found[one.pk].tolist()


def test_they_follow_lists_conditions_merges_splits_and_erasures(
    workspace: Workspace, by_alice: Actor, make_segment: MakeSegment, person: Person, tell: Tell, now: datetime
) -> None:
    dice = random.Random(3)
    people = [person(f"user-{number}") for number in range(12)]
    friends = make_segment(*people[:6])
    segments.create(workspace=workspace, by=by_alice, name="Buyers", description="", condition=BUYERS, now=now)
    for turn in range(16):
        later = now + timedelta(seconds=turn)
        who = dice.choice(people)
        act = dice.choice(["add", "remove", "buy", "merge", "split", "erase"])
        keys = np.array([who.pk], np.int64)
        if act == "add":
            segments.add_members(workspace=workspace, by=SYSTEM, segment_id=friends.pk, profiles=keys, now=later)
        elif act == "remove":
            segments.remove_members(workspace=workspace, by=SYSTEM, segment_id=friends.pk, profiles=keys, now=later)
        elif act == "buy":
            tell("purchase", user=f"user-{people.index(who)}", revenue=5)
        elif act == "merge":
            tell("page", visitor=f"cookie-{turn}", hours_ago=1)
            visitor = profile_of(workspace, "anonymous_id", f"cookie-{turn}")
            segments.add_members(
                workspace=workspace,
                by=SYSTEM,
                segment_id=friends.pk,
                profiles=np.array([visitor.pk], np.int64),
                now=later,
            )
            check(workspace)
            tell("identify", user=f"user-{people.index(who)}", visitor=f"cookie-{turn}")
        elif act == "split" and (merge := Change.objects.filter(kind=Change.Kind.MERGE).order_by("-id").first()):
            with suppress(Refusal):  # it was split already
                profile_services.split(workspace=workspace, merge_id=merge.pk, by=SYSTEM, now=later)
        elif act == "erase" and turn > 10:
            who.refresh_from_db()
            if who.erased_at is None and who.merged_into is None:
                profile_services.erase(workspace=workspace, profile=who, by=SYSTEM, now=later)
        segment_members.keep_current(workspace, now=later)
        check(workspace)


def test_known_members_are_not_read_again(
    workspace: Workspace, friends: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = remembered.members_of(workspace, friends).tolist()
    monkeypatch.setattr(remembered, "_read", lambda *_: pytest.fail("read again"))
    assert remembered.members_of(workspace, friends).tolist() == wanted


def test_they_stay_within_their_room(
    workspace: Workspace, make_segment: MakeSegment, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = person("anna")
    made = [make_segment(anna, name=f"List {number}") for number in range(4)]
    monkeypatch.setattr(remembered, "MOST_BYTES", 16)
    for one in made:
        remembered.members_of(workspace, one)
    assert sum(one.pk in remembered._kept for one in made) == 2
