"""A trait from draft to deletion: versions, limits, names, and what depends on it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from cdp.models import Profile, Trait, TraitValue, TraitVersion
from cdp.queries import traits as queries
from cdp.services import trait_backfill, traits
from stratum.lib.refusal import Invalid, Missing, NotAllowed, Refusal
from stratum.workspaces import jobs, limits
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Job, Workspace
from tests.cdp.people import Tell
from tests.cdp.traits.conftest import MakeTrait, ValuesOf, run_job, spend, visits

Act = Callable[..., Any]


@pytest.fixture
def act(workspace: Workspace, by_alice: Actor, now: datetime) -> Act:
    """`act(traits.disable, trait)`: by Alice, now."""

    def acted(service: Act, trait: Trait, **more: Any) -> Any:
        return service(workspace=workspace, by=by_alice, trait_id=trait.pk, now=now, **more)

    return acted


def faults(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_from_request_to_values(make_trait: MakeTrait, anna: Profile, ben: Profile, values_of: ValuesOf) -> None:
    trait = make_trait(spend(), computed=False)
    assert (trait.status, trait.version, trait.next_version) == ("preparing", None, 1)
    assert values_of("anna") == {}
    trait = run_job(trait)
    assert (trait.status, trait.version, trait.next_version, trait.error) == ("live", 1, None, "")
    assert (trait.profiles, trait.profiles_with_value, trait.skipped_values) == (2, 1, 0)
    assert trait.job is not None and trait.job.state == "succeeded"
    assert values_of("anna") == {"spend": 29.5}
    assert values_of("ben") == {"spend": 0}


def test_the_task_does_it(
    workspace: Workspace, make_trait: MakeTrait, anna: Profile, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        make_trait(spend(), computed=False)
    assert queries.named(workspace, "spend").status == "live"  # type: ignore[union-attr]


def test_a_draft_is_not_computed_until_it_is_published(workspace: Workspace, make_trait: MakeTrait, act: Act) -> None:
    draft = make_trait(spend(), draft=True)
    assert (draft.status, draft.job, draft.versions.count()) == ("draft", None, 0)
    assert limits.usage(workspace, "computed_traits").used == 0
    changed = act(traits.update, draft, body=spend(label="Spend", fn="max"))
    assert (changed.label, changed.definition["fn"], changed.versions.count()) == ("Spend", "max", 0)
    published = run_job(act(traits.publish, draft))
    assert (published.status, published.version, published.definition["fn"]) == ("live", 1, "max")
    assert act(traits.publish, draft).version == 1


class TestVersions:
    def test_the_old_one_serves_until_the_switch(
        self, make_trait: MakeTrait, act: Act, anna: Profile, values_of: ValuesOf
    ) -> None:
        trait = make_trait(spend())
        changed = act(traits.update, trait, body=spend(fn="max", label="Dearest"))
        assert (changed.status, changed.version, changed.next_version) == ("live", 1, 2)
        assert (changed.label, changed.definition["fn"]) == ("Dearest", "sum")
        assert values_of("anna") == {"spend": 29.5}
        switched = run_job(changed)
        assert (switched.version, switched.definition["fn"], switched.definition["label"]) == (2, "max", "Dearest")
        assert values_of("anna") == {"spend": 20}
        assert [(one.number, one.definition["fn"]) for one in queries.versions(trait)] == [(2, "max"), (1, "sum")]

    def test_another_label_is_no_version(self, make_trait: MakeTrait, act: Act) -> None:
        trait = make_trait(spend())
        changed = act(traits.update, trait, body=spend(label="Money", description="All of it"))
        assert (changed.label, changed.definition["label"], changed.next_version) == ("Money", "Money", None)
        assert trait.versions.count() == 1

    def test_a_second_change_takes_the_place_of_the_first(
        self, make_trait: MakeTrait, act: Act, anna: Profile, values_of: ValuesOf
    ) -> None:
        trait = make_trait(spend())
        first = act(traits.update, trait, body=spend(fn="max"))
        second = act(traits.update, trait, body=spend(fn="min"))
        assert Job.objects.get(pk=first.job.pk).state == "cancelled"
        assert run_job(second).version == 3
        assert values_of("anna") == {"spend": 9.5}

    def test_an_old_one_comes_back_as_a_new_one(
        self, make_trait: MakeTrait, act: Act, anna: Profile, values_of: ValuesOf
    ) -> None:
        trait = make_trait(spend())
        run_job(act(traits.update, trait, body=spend(fn="max", name="dearest")))
        restored = run_job(act(traits.restore, trait, number=1))
        assert (restored.version, restored.name, values_of("anna")) == (3, "dearest", {"dearest": 29.5})
        assert queries.version(trait, 3).note == "Version 1 restored"
        with pytest.raises(Missing):
            act(traits.restore, trait, number=9)

    def test_rows_of_old_ones_are_removed(
        self, workspace: Workspace, make_trait: MakeTrait, act: Act, anna: Profile, now: datetime
    ) -> None:
        trait = make_trait(spend())
        run_job(act(traits.update, trait, body=spend(fn="max")))
        trait_backfill.tidy(workspace, now=now)
        kept = TraitVersion.objects.get(trait=trait, number=2)
        assert {value.version_id for value in TraitValue.objects.all()} == {kept.pk}
        assert [version.number for version in trait.versions.filter(has_values=True)] == [2]

    def test_who_was_slower_is_told(self, make_trait: MakeTrait, act: Act) -> None:
        trait = make_trait(spend())
        with pytest.raises(Refusal, match="Somebody changed") as caught:
            act(traits.update, trait, body=spend(), expected='"0"')
        assert caught.value.status == 412


class TestJobs:
    def test_computing_again(self, make_trait: MakeTrait, act: Act, anna: Profile, values_of: ValuesOf) -> None:
        trait = make_trait(spend())
        TraitValue.objects.update(value=1)
        job = act(traits.backfill, trait)
        assert act(traits.backfill, trait) == job
        assert values_of("anna") == {"spend": 1}
        run_job(queries.get(trait.workspace, trait.pk))
        assert values_of("anna") == {"spend": 29.5}

    def test_a_cancelled_first_one_leaves_a_draft(self, make_trait: MakeTrait, act: Act) -> None:
        trait = make_trait(spend(), computed=False)
        cancelled = act(traits.cancel, trait)
        assert (cancelled.status, cancelled.next_version, cancelled.job.state) == ("draft", None, "cancelled")
        assert run_job(trait).status == "draft"

    def test_cancelling_a_change_leaves_what_serves(self, make_trait: MakeTrait, act: Act) -> None:
        trait = act(traits.update, make_trait(spend()), body=spend(fn="max"))
        cancelled = act(traits.cancel, trait)
        assert (cancelled.status, cancelled.version, cancelled.next_version) == ("live", 1, None)

    def test_a_job_that_was_cancelled_on_its_page_is_settled(
        self, workspace: Workspace, make_trait: MakeTrait, by_alice: Actor, now: datetime
    ) -> None:
        trait = make_trait(spend(), computed=False)
        assert trait.job is not None
        jobs.cancel(workspace=workspace, job_id=trait.job.pk, by=by_alice, now=now)
        trait_backfill.tidy(workspace, now=now)
        trait.refresh_from_db()
        assert (trait.status, trait.next_version) == ("draft", None)

    def test_one_that_fails_says_why(
        self, workspace: Workspace, make_trait: MakeTrait, act: Act, now: datetime
    ) -> None:
        trait = make_trait(spend(), computed=False)
        Job.objects.update(state="failed", error="The disk is full.")
        trait_backfill.tidy(workspace, now=now)
        trait.refresh_from_db()
        assert (trait.status, trait.error) == ("failed", "The disk is full.")
        assert run_job(act(traits.publish, trait)).status == "live"

    def test_a_cancelled_worker_stops_at_its_next_report(
        self, workspace: Workspace, make_trait: MakeTrait, anna: Profile, by_alice: Actor, now: datetime
    ) -> None:
        trait = make_trait(spend(), computed=False)
        assert trait.job is not None
        with jobs.running(trait.job.pk) as run:
            assert run is not None
            jobs.cancel(workspace=workspace, job_id=trait.job.pk, by=by_alice, now=now)
            trait_backfill.work(run)
        trait.refresh_from_db()
        assert (trait.version, TraitValue.objects.count()) == (None, 0)


class TestDisabling:
    def test_nobody_sees_a_disabled_one(
        self, workspace: Workspace, make_trait: MakeTrait, act: Act, anna: Profile, values_of: ValuesOf, tell: Tell
    ) -> None:
        trait = make_trait(spend())
        act(traits.disable, trait)
        assert values_of("anna") == {}
        assert limits.usage(workspace, "computed_traits").used == 0
        with pytest.raises(Refusal, match="disabled"):
            act(traits.update, trait, body=spend(fn="max"))
        tell("purchase", user="anna", revenue=1)
        enabled = act(traits.enable, trait)
        assert (enabled.status, values_of("anna")) == ("preparing", {})
        assert (run_job(enabled).status, values_of("anna")) == ("live", {"spend": 30.5})

    def test_a_draft_cannot_be(self, make_trait: MakeTrait, act: Act) -> None:
        with pytest.raises(Refusal, match="draft"):
            act(traits.disable, make_trait(spend(), draft=True))


class TestNames:
    def test_two_live_ones_cannot_share(self, make_trait: MakeTrait, act: Act) -> None:
        first = make_trait(spend())
        with pytest.raises(Invalid) as caught, transaction.atomic():
            make_trait(spend())
        assert faults(caught) == [("/name", "taken")]
        act(traits.delete, first)
        assert make_trait(spend()).status == "live"

    def test_those_of_other_workspaces_are_free(
        self, other_workspace: Workspace, make_trait: MakeTrait, by_alice: Actor, now: datetime
    ) -> None:
        make_trait(spend())
        assert traits.create(workspace=other_workspace, by=by_alice, body=spend(), now=now).name == "spend"


class TestDependencies:
    BIG = {"type": "profile", "field": "traits.spend", "op": "gt", "value": 10}

    def test_what_is_used_stays(self, workspace: Workspace, make_trait: MakeTrait, act: Act) -> None:
        used = make_trait(spend())
        user = make_trait(visits(profile_filter=self.BIG))
        for service in (traits.delete, traits.disable):
            with pytest.raises(Refusal, match="“visits”") as caught:
                act(service, used)
            assert (caught.value.code, len(caught.value.faults)) == ("in_use", 1)
        with pytest.raises(Refusal, match="renamed"):
            act(traits.update, used, body=spend(name="money"))
        found = queries.dependencies(workspace, user)
        assert ([one.name for one in found.uses], found.used_by) == (["spend"], ())
        act(traits.delete, user)
        act(traits.delete, used)
        assert list(queries.listed(workspace)) == []

    def test_a_circle_is_refused_with_its_path(self, make_trait: MakeTrait, act: Act) -> None:
        first = make_trait(spend())
        make_trait(visits(profile_filter=self.BIG))
        back = {"type": "not", "child": {"type": "profile", "field": "traits.visits", "op": "gt", "value": 1}}
        with pytest.raises(Invalid, match="spend → visits → spend") as caught:
            act(traits.update, first, body=spend(profile_filter=back))
        assert faults(caught) == [("/profile_filter", "cycle")]

    def test_unknown_ones_are_refused(self, make_trait: MakeTrait) -> None:
        with pytest.raises(Invalid) as caught:
            make_trait(visits(profile_filter=self.BIG))
        assert faults(caught) == [("/profile_filter", "unknown")]


class TestThePlan:
    def test_it_limits_the_active_ones(self, workspace: Workspace, make_trait: MakeTrait, act: Act) -> None:
        made = [make_trait(spend(name=f"spend_{number}"), computed=False) for number in range(25)]
        draft = make_trait(visits(), draft=True)
        for attempt in (lambda: make_trait(visits(name="more")), lambda: act(traits.publish, draft)):
            with pytest.raises(NotAllowed) as caught, transaction.atomic():
                attempt()
            assert caught.value.code == "limit_reached"
        act(traits.delete, made[0])
        assert act(traits.publish, draft).status == "preparing"

    def test_it_has_them_or_not(self, workspace: Workspace, make_trait: MakeTrait) -> None:
        workspace.plan = "starter"
        workspace.save()
        with pytest.raises(NotAllowed) as caught:
            make_trait(spend())
        assert caught.value.code == "feature_not_in_plan"


def test_nobody_finds_those_of_others(other_workspace: Workspace, make_trait: MakeTrait) -> None:
    with pytest.raises(Missing):
        queries.get(other_workspace, make_trait(spend()).pk)


class TestCurrencies:
    def test_the_only_one_is_pinned(self, make_trait: MakeTrait, tell: Tell) -> None:
        tell("purchase", user="anna", revenue=1, currency="EUR")
        assert make_trait(spend()).definition["currency"] == "EUR"

    def test_of_several_the_workspaces_own_is_taken(
        self, make_trait: MakeTrait, tell: Tell, values_of: ValuesOf
    ) -> None:
        """So that the manual's examples, which name no currency, work as written."""
        tell("purchase", user="anna", revenue=1, currency="EUR")
        tell("purchase", user="anna", revenue=100, currency="USD")
        tell("purchase", user="anna", revenue=7)
        trait = make_trait(spend())
        assert trait.definition["currency"] == "EUR"
        assert values_of("anna") == {"spend": 8}
        assert trait.skipped_currencies == {"USD": 1}

    def test_of_several_others_one_must_be_chosen(self, make_trait: MakeTrait, tell: Tell) -> None:
        tell("purchase", user="anna", revenue=1, currency="CHF")
        tell("purchase", user="anna", revenue=100, currency="USD")
        with pytest.raises(Invalid, match="CHF, USD") as caught:
            make_trait(spend())
        assert faults(caught) == [("/currency", "mixed_currencies")]
