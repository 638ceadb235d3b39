"""The packed members are those of the spells, whatever happens to people and lists."""

import random
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module

import numpy as np
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from cdp.models import Change, Profile, Roster, Segment, Spell
from cdp.queries.merged import _remembered as known_merges
from cdp.queries.segment_members import members_of, members_of_each
from cdp.segments.roster import packed, unpacked
from cdp.services import profiles as profile_services
from cdp.services import segment_members, segments
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of
from tests.cdp.segments.conftest import MakeSegment, Person

BUYERS = {"type": "event", "event": "purchase"}


def by_spells(segment: Segment) -> list[int]:
    """One open spell after the other."""
    profiles = [spell.profile_id for spell in Spell.objects.filter(segment=segment, exited_at=None)]
    survivors = dict(Profile.objects.filter(merged_into__isnull=False).values_list("pk", "merged_into"))
    return sorted({survivors.get(key, key) for key in profiles})


def check(workspace: Workspace) -> None:
    those = list(workspace.segments.all())
    found = members_of_each(workspace, those)
    for one in those:
        assert found[one.pk].tolist() == by_spells(one), one.name
        assert members_of(workspace, one).tolist() == found[one.pk].tolist()


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
        if turn % 3 == 0:
            known_merges._kept.clear()  # another process
        check(workspace)


@given(st.sets(st.integers(0, 2**63 - 1) | st.integers(0, 200_000)))
def test_packed_members_are_unpacked_again(members: set[int]) -> None:
    wanted = np.array(sorted(members), np.int64)
    pieces = list(packed(wanted))
    part = np.array([number for number, _ in pieces], np.int64)
    lengths = np.array([len(places) for _, places in pieces], np.int64)
    assert unpacked(part, lengths, b"".join(places for _, places in pieces)).tolist() == wanted.tolist()


def test_a_part_without_members_goes(workspace: Workspace, friends: Segment, anna: Profile, ben: Profile) -> None:
    assert Roster.objects.filter(segment=friends).exists()
    keys = np.array([anna.pk, ben.pk], np.int64)
    segments.remove_members(workspace=workspace, by=SYSTEM, segment_id=friends.pk, profiles=keys, now=anna.created_at)
    assert not Roster.objects.filter(segment=friends).exists()


def test_what_was_not_committed_is_not_read(workspace: Workspace, friends: Segment, person: Person) -> None:
    before = members_of(workspace, friends).tolist()
    cleo = np.array([person("cleo").pk], np.int64)
    with suppress(RuntimeError), transaction.atomic():
        segments.add_members(
            workspace=workspace, by=SYSTEM, segment_id=friends.pk, profiles=cleo, now=friends.created_at
        )
        raise RuntimeError
    assert members_of(workspace, friends).tolist() == before


def test_the_upgrade_packs_the_spells_of_before(workspace: Workspace, friends: Segment) -> None:
    wanted = list(Roster.objects.values_list("segment_id", "part", "places"))
    Roster.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("cdp.migrations.0014_roster").PACK)
    assert list(Roster.objects.values_list("segment_id", "part", "places")) == wanted
