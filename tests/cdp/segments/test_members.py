"""Who is in a static segment, whatever becomes of its people."""

from datetime import datetime, timedelta

import numpy as np

from cdp.models import Change, Profile, Segment, Spell
from cdp.queries import profiles
from cdp.queries import segments as queries
from cdp.queries.segment_members import members_among, members_of, size
from cdp.services import profiles as profile_services
from cdp.services import segments
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell
from tests.cdp.segments.conftest import MakeSegment, Person


def array(*people: Profile) -> np.ndarray:
    return np.array([profile.pk for profile in people], np.int64)


def members(segment: Segment) -> list[int]:
    return members_of(segment.workspace, segment).tolist()


def merge(workspace: Workspace, tell: Tell, visitor: Profile, who: str) -> Change:
    """The visitor turns out to be that user."""
    tell("identify", user=who, visitor="cookie-1", hours_ago=1)
    visitor.refresh_from_db()
    assert visitor.merged_into is not None
    return Change.objects.get(workspace=workspace, kind=Change.Kind.MERGE, profile_id=visitor.pk)


def test_it_works(workspace: Workspace, friends: Segment, anna: Profile, ben: Profile) -> None:
    found = members_of(workspace, friends)
    assert found.dtype == np.int64
    assert found.tolist() == sorted([anna.pk, ben.pk])
    assert size(workspace, friends) == 2
    assert set(queries.member_rows(workspace, friends)) == {anna, ben}


def test_an_empty_one_is_empty(workspace: Workspace, make_segment: MakeSegment) -> None:
    empty = make_segment()
    assert members(empty) == []
    assert size(workspace, empty) == 0
    assert not queries.member_rows(workspace, empty)


def test_it_checks_ownership(other_workspace: Workspace, friends: Segment) -> None:
    assert members_of(other_workspace, friends).tolist() == []


def test_strangers_erased_and_repeated_ones_do_not_enter(
    workspace: Workspace,
    other_workspace: Workspace,
    make_segment: MakeSegment,
    person: Person,
    by_alice: Actor,
    now: datetime,
) -> None:
    anna, gone, foreign = person("anna"), person("gone"), person("foreign", where=other_workspace)
    profile_services.erase(workspace=workspace, profile=gone, by=by_alice, now=now)
    assert members(make_segment(anna, gone, foreign, anna)) == [anna.pk]


class TestMerging:
    def test_who_is_merged_counts_as_the_survivor(
        self, workspace: Workspace, tell: Tell, make_segment: MakeSegment, anna: Profile, visitor: Profile
    ) -> None:
        segment = make_segment(visitor)
        merge(workspace, tell, visitor, "anna")
        assert members(segment) == [anna.pk]
        assert list(queries.member_rows(workspace, segment)) == [anna]

    def test_both_of_them_count_once(
        self, workspace: Workspace, tell: Tell, make_segment: MakeSegment, anna: Profile, visitor: Profile
    ) -> None:
        segment = make_segment(visitor, anna)
        merge(workspace, tell, visitor, "anna")
        assert members(segment) == [anna.pk]
        assert size(workspace, segment) == 1
        assert queries.member_rows(workspace, segment).count() == 1
        assert [each.segment for each in queries.memberships(anna)] == [segment]

    def test_a_split_gives_back_what_each_had(
        self,
        workspace: Workspace,
        tell: Tell,
        make_segment: MakeSegment,
        anna: Profile,
        visitor: Profile,
        by_alice: Actor,
        now: datetime,
    ) -> None:
        segment = make_segment(visitor)
        merged = merge(workspace, tell, visitor, "anna")
        profile_services.split(workspace=workspace, merge_id=merged.pk, by=by_alice, now=now)
        assert members(segment) == [visitor.pk]

    def test_a_merged_one_enters_as_the_survivor(
        self, workspace: Workspace, tell: Tell, make_segment: MakeSegment, anna: Profile, visitor: Profile
    ) -> None:
        merge(workspace, tell, visitor, "anna")
        segment = make_segment(visitor)
        assert members(segment) == [anna.pk]
        assert list(segment.spells.values_list("profile_id", flat=True)) == [anna.pk]

    def test_removing_the_survivor_removes_both(
        self,
        workspace: Workspace,
        tell: Tell,
        make_segment: MakeSegment,
        anna: Profile,
        visitor: Profile,
        by_alice: Actor,
        now: datetime,
    ) -> None:
        segment = make_segment(visitor, anna)
        merge(workspace, tell, visitor, "anna")
        removed = segments.remove_members(
            workspace=workspace, by=by_alice, segment_id=segment.pk, profiles=array(visitor), now=now
        )
        assert (removed, members(segment)) == (1, [])


class TestErasing:
    def test_the_erased_vanish_with_their_past(
        self, workspace: Workspace, friends: Segment, anna: Profile, ben: Profile, by_alice: Actor, now: datetime
    ) -> None:
        profile_services.erase(workspace=workspace, profile=anna, by=by_alice, now=now)
        assert members(friends) == [ben.pk]
        assert not Spell.objects.filter(profile_id=anna.pk).exists()

    def test_so_does_who_was_merged_into_them(
        self,
        workspace: Workspace,
        tell: Tell,
        make_segment: MakeSegment,
        anna: Profile,
        visitor: Profile,
        by_alice: Actor,
        now: datetime,
    ) -> None:
        segment = make_segment(visitor)
        merge(workspace, tell, visitor, "anna")
        profile_services.erase(workspace=workspace, profile=profiles.get(workspace, visitor.pk), by=by_alice, now=now)
        assert members(segment) == []
        assert not Spell.objects.exists()


class TestInAndOut:
    def test_members_are_added_once(
        self,
        workspace: Workspace,
        make_segment: MakeSegment,
        anna: Profile,
        ben: Profile,
        by_alice: Actor,
        now: datetime,
    ) -> None:
        segment = make_segment(anna)
        later = now + timedelta(hours=1)
        added = segments.add_members(
            workspace=workspace, by=by_alice, segment_id=segment.pk, profiles=array(anna, ben), now=later
        )
        segment.refresh_from_db()
        assert (added, segment.version, segment.updated_at) == (1, 2, later)
        assert {(spell.profile_id, spell.entered_at, spell.entry_reason) for spell in segment.spells.all()} == {
            (anna.pk, now, "definition"),
            (ben.pk, later, "manual"),
        }

    def test_nothing_to_do_changes_nothing(
        self, workspace: Workspace, friends: Segment, anna: Profile, visitor: Profile, by_alice: Actor, now: datetime
    ) -> None:
        given = {"workspace": workspace, "by": by_alice, "segment_id": friends.pk, "now": now + timedelta(hours=1)}
        assert segments.add_members(profiles=array(anna), **given) == 0
        assert segments.remove_members(profiles=array(visitor), **given) == 0
        friends.refresh_from_db()
        assert (friends.version, friends.updated_at) == (1, now)

    def test_leaving_ends_a_spell_and_coming_back_begins_another(
        self, workspace: Workspace, make_segment: MakeSegment, anna: Profile, by_alice: Actor, now: datetime
    ) -> None:
        segment = make_segment(anna)
        given = {"workspace": workspace, "by": by_alice, "segment_id": segment.pk, "profiles": array(anna)}
        assert segments.remove_members(now=now + timedelta(hours=1), **given) == 1
        assert members(segment) == []
        assert segments.add_members(now=now + timedelta(hours=2), **given) == 1
        spells = segment.spells.order_by("entered_at").values_list("entered_at", "exited_at", "exit_reason")
        assert list(spells) == [(now, now + timedelta(hours=1), "manual"), (now + timedelta(hours=2), None, None)]


def test_thousands_enter_at_once_in_any_order(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    keys = np.arange(1, 3_001, dtype=np.int64) * 7
    Profile.objects.bulk_create(Profile(id=key, workspace=workspace, created_at=now) for key in keys.tolist())
    segment = segments.create_static(
        workspace=workspace, by=by_alice, name="Many", description="", profiles=keys[::-1], now=now
    )
    assert np.array_equal(members_of(workspace, segment), keys)
    assert size(workspace, segment) == len(keys)


def test_members_among_some_are_those_of_all(
    workspace: Workspace, friends: Segment, anna: Profile, ben: Profile, visitor: Profile, tell: Tell, by_alice: Actor
) -> None:
    """Who entered as somebody that was merged later stands as the survivor."""
    among = members_among
    assert among(workspace, friends, np.array([anna.pk, visitor.pk])).tolist() == [anna.pk]
    segments.add_members(
        workspace=workspace,
        by=by_alice,
        segment_id=friends.pk,
        profiles=np.array([visitor.pk]),
        now=friends.created_at,
    )
    segments.remove_members(
        workspace=workspace, by=by_alice, segment_id=friends.pk, profiles=np.array([ben.pk]), now=friends.created_at
    )
    tell("identify", user="ben", visitor="cookie-1", hours_ago=1)
    everybody = np.array([anna.pk, ben.pk])
    assert among(workspace, friends, everybody).tolist() == members_of(workspace, friends).tolist()
    assert among(workspace, friends, np.array([ben.pk])).tolist() == [ben.pk]
