"""A worker that is killed leaves a state from which the next one goes on, and nothing twice or missing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cdp.models import Trait, TraitValue
from cdp.services import trait_backfill, trait_rows, traits
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Job, Workspace
from tests.cdp.people import Tell
from tests.cdp.traits.conftest import MakeTrait, ValuesOf, run_job, visits

PEOPLE = 7


class Killed(BaseException):
    """What no handler in the work may catch, as no handler catches a kill."""


@pytest.fixture
def waiting(make_trait: MakeTrait, tell: Tell, monkeypatch: pytest.MonkeyPatch) -> Trait:
    """A trait whose backfill writes two profiles at a time."""
    for number in range(PEOPLE):
        tell("view", user=f"user-{number}")
    monkeypatch.setattr(trait_backfill, "AT_ONCE", 2)
    monkeypatch.setattr("stratum.lib.jobs.after_commit", lambda *_, **__: None)  # the test is the worker
    return make_trait(visits(), computed=False)


def killed_at(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, call: int) -> None:
    """The `call`th call of it is the worker's last."""
    calls = [0]
    whole = getattr(place, name)

    def dying(*arguments: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == call:
            raise Killed
        return whole(*arguments, **more)

    monkeypatch.setattr(place, name, dying)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("place", "name", "call", "kept"),
    [
        (trait_backfill, "settled_engine", 1, 0),
        (trait_rows, "copy", 1, 0),
        (trait_rows, "copy", 3, 4),
        (trait_backfill, "_move_mark", 4, 6),
        (trait_backfill, "_switch", 1, PEOPLE),
        (trait_backfill, "_recompute_those_asking", 1, PEOPLE),
    ],
)
def test_the_next_worker_goes_on_where_the_killed_one_was(
    waiting: Trait,
    tell: Tell,
    now: datetime,
    values_of: ValuesOf,
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    name: str,
    call: int,
    kept: int,
) -> None:
    assert waiting.job is not None
    with monkeypatch.context() as patched:
        killed_at(patched, place, name, call)
        run = jobs.begin(waiting.job.pk)
        assert run is not None
        with pytest.raises(Killed):
            trait_backfill.work(run)
    assert TraitValue.objects.count() == kept
    assert values_of("user-0") == {}
    tell("view", user="user-0", hours_ago=0)
    assert jobs.requeue_lost(now=now + timedelta(hours=1)) == 1
    trait = run_job(waiting)
    assert (trait.status, trait.version, trait.profiles_with_value) == ("live", 1, PEOPLE)
    assert [values_of(f"user-{number}")["visits"] for number in range(PEOPLE)] == [2, *[1] * (PEOPLE - 1)]


def test_a_worker_that_was_given_up_too_early_stops(
    waiting: Trait, now: datetime, values_of: ValuesOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waiting.job is not None
    slow = jobs.begin(waiting.job.pk)
    assert slow is not None
    jobs.requeue_lost(now=now + timedelta(hours=1))
    trait = run_job(waiting)
    with pytest.raises(jobs.Stopped):
        trait_backfill.work(slow)
    trait.refresh_from_db()
    assert (trait.status, trait.version, TraitValue.objects.count()) == ("live", 1, PEOPLE)


def test_a_job_lost_for_good_fails_the_trait(waiting: Trait, workspace: Workspace, now: datetime) -> None:
    Job.objects.update(state="running", attempts=5)
    jobs.requeue_lost(now=now + timedelta(hours=1))
    trait_backfill.tidy(workspace, now=now)
    waiting.refresh_from_db()
    assert (waiting.status, "lost 5 times" in waiting.error) == ("failed", True)


def test_what_a_deleted_trait_leaves_is_swept(
    workspace: Workspace,
    make_trait: MakeTrait,
    by_alice: Actor,
    tell: Tell,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(PEOPLE):
        tell("view", user=f"user-{number}")
    trait = make_trait(visits())
    traits.delete(workspace=workspace, by=by_alice, trait_id=trait.pk, now=now)
    monkeypatch.setattr(trait_backfill, "SWEPT", 5)
    left = []
    for _ in range(3):
        trait_backfill.tidy(workspace, now=now)
        left.append((TraitValue.objects.count(), trait.versions.filter(has_values=True).count()))
    assert left == [(2, 1), (0, 0), (0, 0)]
