"""Members of a condition, kept current: who enters and leaves, why, and how many on each day."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from cdp.models import Profile, Segment, SegmentDay, Spell
from cdp.queries.segment_members import members_of
from cdp.services import profiles as profile_services
from cdp.services import segment_members, segment_span, segments, system_traits, trait_values
from stratum.lib.refusal import Invalid, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of

DAY = timedelta(days=1)
BUYERS = {"type": "event", "event": "purchase"}

Make = Callable[..., Segment]
Keep = Callable[..., int]
Who = Callable[[Segment], set[int]]


@pytest.fixture
def make(workspace: Workspace, by_alice: Actor, now: datetime) -> Make:
    """`make(condition, name="Buyers")`: saved, not yet decided."""

    def make(condition: dict[str, Any], name: str = "Buyers", include_anonymous: bool = False) -> Segment:
        body = {"name": name, "condition": condition, "include_anonymous": include_anonymous}
        draft = segments.parse_draft(body)
        return segments.create_from_draft(workspace=workspace, by=by_alice, draft=draft, now=now)

    return make


@pytest.fixture
def keep(workspace: Workspace, now: datetime) -> Keep:
    return lambda later=timedelta(): segment_members.keep_current(workspace, now=now + later)


@pytest.fixture
def who(workspace: Workspace) -> Who:
    return lambda segment: set(members_of(workspace, segment).tolist())


def reasons(segment: Segment) -> list[tuple[int, str, str | None]]:
    rows = segment.spells.order_by("id").values_list("profile_id", "entry_reason", "exit_reason")
    return list(rows)


def test_who_satisfies_it_enters(make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile, ben: Profile) -> None:
    tell("purchase", user="anna", revenue=9)
    segment = make(BUYERS)
    assert segment.status == Segment.Status.COMPUTING
    assert keep() == 1
    segment.refresh_from_db()
    assert (segment.status, who(segment)) == (Segment.Status.LIVE, {anna.pk})
    assert reasons(segment) == [(anna.pk, "definition", None)]


def test_an_event_lets_in_within_one_look(make: Make, keep: Keep, who: Who, tell: Tell, ben: Profile) -> None:
    segment = make(BUYERS)
    keep()
    tell("purchase", user="ben", revenue=9)
    assert keep() == 1
    assert who(segment) == {ben.pk}
    assert reasons(segment) == [(ben.pk, "event", None)]
    assert keep() == 0


def test_what_falls_out_of_the_window_leaves_when_it_does(
    make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile
) -> None:
    tell("purchase", user="anna", hours_ago=24, revenue=9)
    segment = make({**BUYERS, "window": {"last": "P7D"}})
    keep()
    assert who(segment) == {anna.pk}
    assert keep(6 * DAY) == 0
    assert who(segment) == {anna.pk}
    assert keep(6 * DAY + timedelta(microseconds=1)) == 1
    assert who(segment) == set()
    assert reasons(segment) == [(anna.pk, "definition", "time")]


def test_whoever_did_not_is_in_from_his_first_event(
    make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile
) -> None:
    segment = make({"type": "not", "child": BUYERS})
    keep()
    assert who(segment) == {anna.pk}
    tell("identify", user="carl", email="carl@example.com")
    tell("purchase", user="anna", revenue=1)
    assert keep() == 2
    assert who(segment) == {profile_of(anna.workspace, "user_id", "carl").pk}
    assert reasons(segment)[0] == (anna.pk, "definition", "event")


def test_anonymous_ones_are_in_only_where_the_segment_says_so(
    make: Make, keep: Keep, who: Who, anna: Profile, visitor: Profile
) -> None:
    seen = {"type": "event", "event": "*"}
    known, everybody = make(seen, "Known"), make(seen, "Everybody", include_anonymous=True)
    keep()
    assert (who(known), who(everybody)) == ({anna.pk}, {anna.pk, visitor.pk})


def test_an_attribute_lets_in_and_out(make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile) -> None:
    segment = make({"type": "profile", "field": "attributes.plan", "op": "eq", "value": "gold"})
    keep()
    tell("identify", user="anna", hours_ago=2, plan="gold")
    keep()
    assert who(segment) == {anna.pk}
    tell("identify", user="anna", hours_ago=1, plan="tin")
    keep()
    assert reasons(segment) == [(anna.pk, "attribute", "attribute")]


def test_segments_of_segments_follow_in_one_look(
    make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile, ben: Profile
) -> None:
    buyers = make(BUYERS)
    others = make({"type": "not", "child": {"type": "segment", "segment": str(buyers.pk)}}, "Others")
    keep()
    assert who(others) == {anna.pk, ben.pk}
    tell("purchase", user="ben", revenue=1)
    keep()
    assert (who(buyers), who(others)) == ({ben.pk}, {anna.pk})


def test_a_segment_follows_a_list_that_is_changed_by_hand(
    make: Make, keep: Keep, who: Who, workspace: Workspace, by_alice: Actor, now: datetime, anna: Profile
) -> None:
    friends = segments.create(
        workspace=workspace,
        by=by_alice,
        name="Friends",
        description="",
        condition={"type": "static", "ids": []},
        now=now,
    )
    segment = make({"type": "segment", "segment": str(friends.pk)}, "Their segment")
    keep()
    keys = np.array([anna.pk], np.int64)
    segments.add_members(workspace=workspace, by=by_alice, segment_id=friends.pk, profiles=keys, now=now)
    keep()
    assert who(segment) == {anna.pk}


def test_a_circle_is_refused_with_its_path(make: Make, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    one = make(BUYERS, "One")
    two = make({"type": "segment", "segment": str(one.pk)}, "Two")
    draft = segments.parse_draft({"name": "One", "condition": {"type": "segment", "segment": str(two.pk)}})
    with pytest.raises(Invalid, match="“One” → “Two” → “One”"):
        segments.update(workspace=workspace, by=by_alice, segment_id=one.pk, draft=draft, now=now)


def test_what_another_rests_on_is_not_archived(
    make: Make, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    one = make(BUYERS, "One")
    make({"type": "segment", "segment": str(one.pk)}, "Two")
    with pytest.raises(Refusal, match="used by “Two”"):
        segments.archive(workspace=workspace, by=by_alice, segment_id=one.pk, now=now)


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({"type": "profile", "field": "traits.nothing", "op": "exists"}, "/condition/field"),
        ({"type": "segment", "segment": "1f0f7a3e-0000-4000-8000-000000000000"}, "/condition/segment"),
    ],
)
def test_what_is_not_there_is_refused(make: Make, condition: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        make(condition)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_a_changed_condition_is_decided_for_everybody(
    make: Make,
    keep: Keep,
    who: Who,
    workspace: Workspace,
    by_alice: Actor,
    now: datetime,
    tell: Tell,
    anna: Profile,
    ben: Profile,
) -> None:
    tell("purchase", user="anna", revenue=1)
    segment = make(BUYERS)
    keep()
    draft = segments.parse_draft({"name": "Lookers", "condition": {"type": "event", "event": "view_content"}})
    changed = segments.update(workspace=workspace, by=by_alice, segment_id=segment.pk, draft=draft, now=now)
    assert (changed.version, changed.status) == (2, Segment.Status.COMPUTING)
    keep()
    assert who(segment) == {anna.pk, ben.pk}


def test_each_day_has_its_size_and_flow(make: Make, keep: Keep, tell: Tell, anna: Profile, ben: Profile) -> None:
    tell("purchase", user="anna", revenue=1)
    segment = make(BUYERS)
    keep()
    tell("purchase", user="ben", revenue=1)
    keep()
    keep(DAY)
    rows = SegmentDay.objects.filter(segment=segment).order_by("day").values_list("size", "entered", "exited")
    assert list(rows) == [(2, 1, 0), (2, 0, 0)]


def test_a_merge_keeps_whoever_is_in(make: Make, keep: Keep, who: Who, tell: Tell, visitor: Profile) -> None:
    tell("purchase", visitor="cookie-1", revenue=1)
    segment = make(BUYERS, include_anonymous=True)
    keep()
    tell("identify", user="zoe", hours_ago=3, email="zoe@example.com")
    tell("identify", user="zoe", visitor="cookie-1", hours_ago=0.5)
    keep()
    survivor = profile_of(visitor.workspace, "user_id", "zoe").pk
    assert who(segment) == {survivor}


def test_another_workspace_is_not_looked_at(
    make: Make, keep: Keep, who: Who, other_workspace: Workspace, tell: Tell, anna: Profile
) -> None:
    tell("purchase", user="stranger", where=other_workspace, revenue=1)
    segment = make({"type": "event", "event": "purchase"}, include_anonymous=True)
    keep()
    assert who(segment) == set()


def test_erased_ones_leave_no_trace(
    make: Make, keep: Keep, workspace: Workspace, by_alice: Actor, now: datetime, tell: Tell, anna: Profile
) -> None:
    tell("purchase", user="anna", revenue=1)
    segment = make(BUYERS)
    keep()
    profile_services.erase(workspace=workspace, by=by_alice, profile=anna, now=now)
    keep()
    assert not Spell.objects.filter(segment=segment).exists()


def test_a_segment_waits_for_a_trait_that_is_being_computed(
    make: Make, keep: Keep, who: Who, workspace: Workspace, now: datetime, tell: Tell, anna: Profile
) -> None:
    tell("purchase", user="anna", revenue=900, currency="EUR")
    system_traits.ensure(workspace, now=now)
    segment = make({"type": "profile", "field": "traits.total_spend_lifetime", "op": "gt", "value": "$500"})
    assert keep() == 0
    segment.refresh_from_db()
    assert segment.status == Segment.Status.COMPUTING
    trait_values.keep_current(workspace, now=now)
    assert keep() == 1
    tell("purchase", user="anna", revenue=-600, currency="EUR", hours_ago=0.5)
    changed = trait_values.keep_current(workspace, now=now)
    assert segment_members.keep_current(workspace, now=now, traits=changed) == 1
    assert who(segment) == set()


class TestWhomItConcerns:
    """One event has only those segments decided that mention it, except for somebody new."""

    @pytest.fixture
    def decided(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
        """Name of a segment and for how many it was decided, in the order of deciding."""
        found: list[tuple[str, int]] = []
        real = segment_members._write

        def write(workspace: Workspace, work: Any, turning: Any, span: Any) -> int:
            found.append((work.segment.name, -1 if work.asked is None else len(work.asked)))
            return real(workspace, work, turning, span)

        monkeypatch.setattr(segment_members, "_write", write)
        return found

    def test_an_event_concerns_who_mentions_it(
        self,
        make: Make,
        keep: Keep,
        anna: Profile,
        tell: Tell,
        decided: list[tuple[str, int]],
    ) -> None:
        buyers: dict[str, Any] = {"type": "event", "event": "purchase"}
        conditions = {
            "Buyers": buyers,
            "Readers": {"type": "not", "child": {"type": "event", "event": "newsletter_read"}},
            "Customers": {"type": "profile", "field": "lifecycle_stage", "op": "eq", "value": "customer"},
            "Lately": {"type": "profile", "field": "last_seen_at", "op": "exists"},
        }
        for name, condition in conditions.items():
            make(condition, name)
        keep()
        decided.clear()
        tell("purchase", user="anna", hours_ago=1)
        keep()
        assert sorted(decided) == [("Buyers", 1), ("Customers", 1), ("Lately", 1)]
        decided.clear()
        tell("purchase", user="ben", hours_ago=1)
        keep()
        assert sorted(decided) == [(name, 1) for name in sorted(conditions)]
        decided.clear()
        tell("view_content", user="ben", hours_ago=1)
        segment_span._known.clear()  # another process
        keep()
        assert sorted(decided) == [(name, 1) for name in sorted(conditions)]


def test_nobody_is_missed_while_a_trait_serves_no_values(
    workspace: Workspace, make: Make, keep: Keep, who: Who, tell: Tell, anna: Profile, ben: Profile, now: datetime
) -> None:
    """It comes back with the version and the stamp that it had."""
    system_traits.ensure(workspace, now=now)
    trait_values.keep_current(workspace, now=now)
    spent = {"type": "profile", "field": "traits.total_spend", "op": "gt", "value": 1_000}
    segment = make({"type": "or", "children": [BUYERS, spent]})
    keep()
    trait = workspace.traits.get(name="total_spend")
    trait.status = "disabled"
    trait.save(update_fields=["status"])
    tell("purchase", user="ben", revenue=9)
    keep()
    assert who(segment) == set()
    trait.status = "live"
    trait.save(update_fields=["status"])
    keep()
    assert who(segment) == {ben.pk}
