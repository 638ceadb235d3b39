"""Values follow what happens: events, voids, merges, splits, erasure, attributes, other traits, and time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp.models import Change, Event, Profile, TraitValue, TraitVersion
from cdp.queries import served_traits
from cdp.services import profiles, trait_values
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from tests.cdp.people import Tell, profile_of
from tests.cdp.traits.conftest import KeepCurrent, MakeTrait, ValuesOf, changed, spend, visits

DAY = timedelta(days=1)


def test_an_event_counts_at_the_next_look(
    make_trait: MakeTrait, tell: Tell, anna: Profile, ben: Profile, values_of: ValuesOf, keep_current: KeepCurrent
) -> None:
    make_trait(spend())
    assert keep_current() == 0
    tell("purchase", user="ben", revenue=5)
    assert values_of("ben") == {"spend": 0}
    assert keep_current() == 1
    assert (values_of("ben"), values_of("anna")) == ({"spend": 5}, {"spend": 29.5})
    assert keep_current() == 0


def test_only_those_concerned_are_read_and_written(
    make_trait: MakeTrait, tell: Tell, anna: Profile, ben: Profile, keep_current: KeepCurrent, now: datetime
) -> None:
    trait = make_trait(visits())
    before = {value.profile_id: value.changed_at for value in TraitValue.objects.all()}
    TraitValue.objects.filter(profile_id=anna.pk).update(value=77)  # nobody looks at hers
    tell("view", user="ben")
    tell("purchase", user="anna", revenue=1)
    assert keep_current() == 1
    assert {value.profile_id: value.value for value in TraitValue.objects.all()} == {anna.pk: 77, ben.pk: 2}
    assert TraitValue.objects.get(profile_id=anna.pk).changed_at == before[anna.pk]
    stamp = trait.stamp
    trait.refresh_from_db()
    assert trait.stamp == stamp + 1


def test_a_value_that_stays_keeps_its_time(
    workspace: Workspace, make_trait: MakeTrait, tell: Tell, anna: Profile, keep_current: KeepCurrent, now: datetime
) -> None:
    make_trait(spend(fn="max"))
    before = TraitValue.objects.get()
    tell("purchase", user="anna", revenue=2)
    assert changed(trait_values.keep_current(workspace, now=now + DAY)) == 0
    assert TraitValue.objects.get().changed_at == before.changed_at


def test_a_voided_event_counts_no_more(
    workspace: Workspace,
    make_trait: MakeTrait,
    anna: Profile,
    values_of: ValuesOf,
    keep_current: KeepCurrent,
    now: datetime,
) -> None:
    make_trait(spend())
    message = Event.objects.filter(name="purchase").earliest("ts").message_id
    profiles.void_events(workspace=workspace, message_ids=[message], reason="", by=SYSTEM, now=now)
    assert keep_current() == 1
    assert values_of("anna") == {"spend": 9.5}


def test_merged_and_split_again(
    workspace: Workspace,
    make_trait: MakeTrait,
    tell: Tell,
    anna: Profile,
    values_of: ValuesOf,
    keep_current: KeepCurrent,
    now: datetime,
) -> None:
    trait = make_trait(spend())
    tell("purchase", visitor="cookie", revenue=1)
    visitor = profile_of(workspace, "anonymous_id", "cookie").pk
    keep_current()
    assert sorted(TraitValue.objects.values_list("profile_id", flat=True)) == sorted([anna.pk, visitor])
    tell("identify", user="anna", visitor="cookie")
    keep_current()
    assert (values_of("anna"), TraitValue.objects.count()) == ({"spend": 30.5}, 1)
    profiles.split(workspace=workspace, merge_id=Change.objects.get().pk, by=SYSTEM, now=now)
    keep_current()
    assert values_of("anna") == {"spend": 29.5}
    assert {value.profile_id: value.value for value in TraitValue.objects.all()} == {anna.pk: 29.5, visitor: 1}
    trait.refresh_from_db()
    assert trait.profiles_with_value == 2


def test_the_erased_leave_at_once_and_for_good(
    workspace: Workspace, make_trait: MakeTrait, anna: Profile, ben: Profile, keep_current: KeepCurrent, now: datetime
) -> None:
    make_trait(spend())
    profiles.erase(workspace=workspace, profile=anna, by=SYSTEM, now=now)
    assert not TraitValue.objects.exists()
    keep_current()
    assert not TraitValue.objects.exists()


class TestTime:
    def test_what_falls_out_of_the_window_is_taken_off_when_it_does(
        self,
        workspace: Workspace,
        make_trait: MakeTrait,
        anna: Profile,
        ben: Profile,
        values_of: ValuesOf,
        now: datetime,
    ) -> None:
        make_trait(spend(window={"last": "P3D"}))
        assert values_of("anna") == {"spend": 29.5}
        leaves = now - timedelta(hours=50) + 3 * DAY
        assert changed(trait_values.keep_current(workspace, now=leaves)) == 0
        assert changed(trait_values.keep_current(workspace, now=leaves + timedelta(seconds=1))) == 1
        assert values_of("anna") == {"spend": 9.5}
        assert changed(trait_values.keep_current(workspace, now=now + 4 * DAY)) == 1
        assert (values_of("anna"), TraitValue.objects.count()) == ({"spend": 0}, 0)

    def test_an_event_of_the_future_counts_when_its_time_comes(
        self, workspace: Workspace, make_trait: MakeTrait, tell: Tell, values_of: ValuesOf, now: datetime
    ) -> None:
        tell("view", user="anna", hours_ago=-0.5)
        make_trait(visits())
        assert values_of("anna") == {"visits": 0}
        assert changed(trait_values.keep_current(workspace, now=now + timedelta(minutes=30))) == 1
        assert values_of("anna") == {"visits": 1}

    def test_days_since_grow_without_a_write(
        self, workspace: Workspace, make_trait: MakeTrait, anna: Profile, values_of: ValuesOf, now: datetime
    ) -> None:
        make_trait(
            {
                "name": "idle_days",
                "kind": "last",
                "event": "purchase",
                "property": "timestamp",
                "calculation": "DAYS_SINCE",
            }
        )
        assert values_of("anna") == {"idle_days": 0}
        assert changed(trait_values.keep_current(workspace, now=now + 10 * DAY)) == 0
        assert values_of("anna", now + 10 * DAY) == {"idle_days": 10}


class TestScheduled:
    @pytest.mark.parametrize(("frequency", "wait"), [("hourly", timedelta(hours=1)), ("daily", timedelta(hours=11))])
    def test_they_wait_for_their_run(
        self,
        workspace: Workspace,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        values_of: ValuesOf,
        now: datetime,
        frequency: str,
        wait: timedelta,
    ) -> None:
        """Noon in UTC is 13:00 in Berlin: its midnight is eleven hours away."""
        trait = make_trait(spend(frequency=frequency))
        assert trait.next_run_at == now + wait
        tell("purchase", user="anna", revenue=1)
        assert changed(trait_values.keep_current(workspace, now=now + wait - timedelta(seconds=1))) == 0
        assert values_of("anna") == {"spend": 29.5}
        assert changed(trait_values.keep_current(workspace, now=now + wait)) == 1
        assert values_of("anna") == {"spend": 30.5}
        trait.refresh_from_db()
        assert (trait.as_of, trait.next_run_at) == (
            now + wait,
            now + wait + timedelta(hours=1 if frequency == "hourly" else 24),
        )


class TestFilters:
    PRO = {"type": "profile", "field": "attributes.plan", "op": "eq", "value": "pro"}

    def test_who_does_not_pass_has_no_value(
        self,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        ben: Profile,
        values_of: ValuesOf,
        keep_current: KeepCurrent,
    ) -> None:
        trait = make_trait(visits(profile_filter=self.PRO))
        assert (values_of("anna"), values_of("ben"), trait.profiles_with_value) == ({}, {}, 0)
        tell("identify", user="anna", plan="pro")
        tell("identify", user="cid", plan="pro")
        keep_current()
        assert (values_of("anna"), values_of("cid"), values_of("ben")) == ({"visits": 1}, {"visits": 0}, {})
        tell("identify", user="anna", plan="free", hours_ago=0)
        keep_current()
        assert values_of("anna") == {}

    @pytest.mark.parametrize(
        ("condition", "has"),
        [
            ({"type": "profile", "field": "email", "op": "contains", "value": "@example.com"}, True),
            ({"type": "profile", "field": "user_id", "op": "eq", "value": "anna"}, True),
            ({"type": "profile", "field": "phone", "op": "exists"}, False),
            ({"type": "profile", "field": "lifecycle_stage", "op": "eq", "value": "customer"}, True),
            ({"type": "profile", "field": "last_seen_at", "op": "within_last", "value": "PT3H"}, True),
            ({"type": "profile", "field": "created_at", "op": "within_last", "value": "PT3H"}, False),
            ({"type": "not", "child": {"type": "all"}}, False),
        ],
    )
    def test_every_field(
        self,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        values_of: ValuesOf,
        condition: dict[str, Any],
        has: bool,
    ) -> None:
        tell("identify", user="anna", email="anna@example.com", hours_ago=2)
        make_trait(visits(profile_filter=condition))
        assert values_of("anna") == ({"visits": 1} if has else {})

    def test_a_filter_that_looks_back_turns_within_the_hour(
        self, workspace: Workspace, make_trait: MakeTrait, anna: Profile, values_of: ValuesOf, now: datetime
    ) -> None:
        seen = {"type": "profile", "field": "last_seen_at", "op": "within_last", "value": "P1D"}
        make_trait(visits(profile_filter=seen))
        assert values_of("anna") == {"visits": 1}
        trait_values.keep_current(workspace, now=now + DAY)
        assert values_of("anna") == {}

    def test_another_trait_passes_its_changes_on(
        self,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        ben: Profile,
        values_of: ValuesOf,
        keep_current: KeepCurrent,
    ) -> None:
        make_trait(spend(name="z_spend"))
        rich = {"type": "profile", "field": "traits.z_spend", "op": "gte", "value": 10}
        make_trait(visits(profile_filter=rich))
        keep_current()
        assert (values_of("anna")["visits"], "visits" in values_of("ben")) == (1, False)
        tell("purchase", user="ben", revenue=10)
        keep_current()
        assert values_of("ben") == {"z_spend": 10, "visits": 1}


class TestNothingIsLost:
    def test_what_came_during_the_backfill_is_there_at_the_switch(
        self, make_trait: MakeTrait, tell: Tell, anna: Profile, values_of: ValuesOf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = trait_values.hold

        def late(workspace: Workspace) -> None:
            whole(workspace)
            tell("purchase", user="anna", revenue=100)

        monkeypatch.setattr(trait_values, "hold", late)
        make_trait(spend())
        assert values_of("anna") == {"spend": 129.5}

    def test_a_place_in_another_database_makes_it_look_at_everybody(
        self, make_trait: MakeTrait, anna: Profile, values_of: ValuesOf, keep_current: KeepCurrent
    ) -> None:
        make_trait(spend())
        TraitVersion.objects.update(cursor={"database": "another", "xid": 1, "id": 1, "holes": []})
        TraitValue.objects.update(value=1)
        assert keep_current() == 1
        assert values_of("anna") == {"spend": 29.5}

    def test_values_and_place_are_one_transaction(
        self,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        values_of: ValuesOf,
        keep_current: KeepCurrent,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        make_trait(spend())
        tell("purchase", user="anna", revenue=1)

        def broken(*_: object) -> None:
            raise RuntimeError("killed here")

        with monkeypatch.context() as patched:
            patched.setattr(trait_values, "_note", broken)
            with pytest.raises(RuntimeError):
                keep_current()
        assert values_of("anna") == {"spend": 29.5}
        assert keep_current() == 1
        assert values_of("anna") == {"spend": 30.5}


def test_a_quiet_workspace_costs_a_few_quick_looks(
    make_trait: MakeTrait, anna: Profile, keep_current: KeepCurrent
) -> None:
    for number in range(10):
        make_trait(spend(name=f"spend_{number}"))
    keep_current()
    with CaptureQueriesContext(connection) as asked:
        assert keep_current() == 0
    assert len(asked) <= 4


class TestReading:
    def test_groups_for_a_breakdown(
        self,
        workspace: Workspace,
        make_trait: MakeTrait,
        tell: Tell,
        anna: Profile,
        ben: Profile,
        keep_current: KeepCurrent,
        now: datetime,
    ) -> None:
        make_trait(visits())
        groups = served_traits.groups(workspace, "visits", now=now)
        assert dict(zip(groups.profile.tolist(), groups.label, strict=True)) == {anna.pk: 1, ben.pk: 1}
        assert served_traits.groups(workspace, "visits", now=now) is groups
        tell("view", user="ben")
        keep_current()
        groups = served_traits.groups(workspace, "visits", now=now)
        assert dict(zip(groups.profile.tolist(), groups.label, strict=True)) == {anna.pk: 1, ben.pk: 2}

    def test_of_one_profile_with_since_when(
        self, workspace: Workspace, make_trait: MakeTrait, anna: Profile, ben: Profile, now: datetime
    ) -> None:
        make_trait(spend())
        make_trait(visits())
        told = [
            (one.trait.name, one.value, one.changed_at) for one in served_traits.values_of(workspace, ben.pk, now=now)
        ]
        assert told == [("spend", 0, None), ("visits", 1, now)]

    def test_more_traits_cost_no_more_queries(
        self, workspace: Workspace, make_trait: MakeTrait, anna: Profile, now: datetime
    ) -> None:
        for number in range(5):
            make_trait(spend(name=f"spend_{number}"))
        with CaptureQueriesContext(connection) as asked:
            assert len(served_traits.current(workspace, [anna.pk], now=now)[anna.pk]) == 5
        assert len(asked) <= 2
