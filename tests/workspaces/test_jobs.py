"""Jobs: claimed once, kept alive, cancelled, lost and found again."""

from datetime import timedelta

import pytest
from celery import current_app, shared_task

from stratum.lib.jobs import after_commit
from stratum.lib.refusal import Refusal
from stratum.workspaces import jobs, registry
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Job
from stratum.workspaces.tasks import tick
from tests import factories

ran: list[str] = []


@shared_task(name="tests.work")
def work(job_id: str) -> None:
    ran.append(job_id)
    with jobs.running(job_id) as run:
        if run:
            run.report(1, 2, "half way")
            run.succeed({"answer": 42})


@pytest.fixture(autouse=True)
def none_ran():
    ran.clear()


@pytest.fixture
def job(workspace, now) -> Job:
    return jobs.start(workspace=workspace, kind="tests.work", by=SYSTEM, now=now, arguments={"a": 1})


def test_it_starts_after_commit_and_tells_its_result(workspace, now, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = jobs.start(workspace=workspace, kind="tests.work", by=SYSTEM, now=now)
        assert not ran
    job.refresh_from_db()
    assert (job.state, job.result, job.done, job.total, job.attempts) == ("succeeded", {"answer": 42}, 1, 2, 1)
    assert job.finished_at == now


def test_a_misspelt_task_is_noticed(db, django_capture_on_commit_callbacks):
    with pytest.raises(current_app.tasks.NotRegistered), django_capture_on_commit_callbacks(execute=True):
        after_commit("tests.wrok")


def test_of_two_workers_one_gets_it(job):
    first, second = jobs.begin(job.pk), jobs.begin(job.pk)
    assert first is not None and second is None


def test_a_refusal_ends_it_with_its_sentence(job):
    with jobs.running(job.pk):
        raise Refusal("no", "There is nothing to do.")
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "There is nothing to do.")


def test_an_error_ends_it_and_is_raised_on_without_being_shown(job):
    with pytest.raises(ZeroDivisionError), jobs.running(job.pk):
        _ = 1 / 0
    job.refresh_from_db()
    assert job.state == "failed"
    assert "division" not in job.error


def test_a_cancelled_job_stops_at_its_next_report(job, workspace, now):
    steps = []
    with jobs.running(job.pk) as run:
        run.report(1, 3)
        assert jobs.cancel(workspace=workspace, job_id=job.pk, by=SYSTEM, now=now)
        run.report(2, 3)
        steps.append("never")
    job.refresh_from_db()
    assert (job.state, job.done, steps) == ("cancelled", 1, [])
    assert jobs.begin(job.pk) is None


def test_what_has_ended_is_not_cancelled(job, workspace, now):
    jobs.begin(job.pk).succeed()
    assert not jobs.cancel(workspace=workspace, job_id=job.pk, by=SYSTEM, now=now)


def test_the_tick_starts_a_silent_job_again(job, now, move_clock, django_capture_on_commit_callbacks):
    held = jobs.begin(job.pk)
    move_clock(now + timedelta(minutes=3))
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("succeeded", 2)
    with pytest.raises(jobs.Stopped):
        held.report(1, 1)


def test_the_tick_leaves_a_living_job_alone(job, now, move_clock, django_capture_on_commit_callbacks):
    run = jobs.begin(job.pk)
    move_clock(now + timedelta(minutes=3))
    jobs.Run(run.job, lambda: now + timedelta(minutes=2)).report(1, 2)
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    job.refresh_from_db()
    assert (job.state, ran) == ("running", [])


def test_a_job_that_kills_its_workers_is_given_up(job, now, move_clock):
    for attempt in range(1, 6):
        jobs.begin(job.pk)
        move_clock(now + timedelta(minutes=3 * attempt))
        jobs.requeue_lost(now=now + timedelta(minutes=3 * attempt))
    job.refresh_from_db()
    assert job.state == "failed"
    assert "5 times" in job.error


def test_the_tick_starts_what_is_due(workspace, monkeypatch, now, django_capture_on_commit_callbacks):
    job = factories.JobFactory(workspace=workspace, kind="tests.work", heartbeat_at=now)
    due = registry.ScheduledWork("due", "tests.work", lambda when: [{"job_id": str(job.pk)}])
    monkeypatch.setitem(registry.scheduled_work, "due", due)
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    assert ran == [str(job.pk)]


def test_a_claim_that_breaks_does_not_stop_the_others(db, monkeypatch, django_capture_on_commit_callbacks):
    def broken(now):
        raise RuntimeError("broken claim")

    due = registry.ScheduledWork("z", "tests.work", lambda now: [{"job_id": "00000000-0000-4000-8000-000000000000"}])
    monkeypatch.setattr(registry, "scheduled_work", registry.Registry())
    registry.scheduled_work.register(registry.ScheduledWork("a", "tests.work", broken))
    registry.scheduled_work.register(due)
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    assert len(ran) == 1


# Its page.


def test_the_page_works(as_bob, job):
    page = as_bob.get(f"/dashboard/jobs/{job.pk}")
    assert page.status_code == 200
    assert b"<html" in page.content


def test_times_are_shown_in_the_zone_of_the_workspace(as_bob, job):
    assert b"15 Jan 2026, 13:00" in as_bob.get(f"/dashboard/jobs/{job.pk}").content


def test_the_fragment_asks_again_until_the_job_has_ended(as_bob, job, now):
    fragment = as_bob.get(f"/dashboard/jobs/{job.pk}", headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert b"hx-trigger" in fragment.content
    assert "no-store" in fragment["Cache-Control"] and "HX-Request" in fragment["Vary"]
    jobs.begin(job.pk).succeed()
    assert b"hx-trigger" not in as_bob.get(f"/dashboard/jobs/{job.pk}", headers={"HX-Request": "true"}).content


def test_it_is_cancelled_from_its_page(as_bob, job):
    as_bob.post(f"/dashboard/jobs/{job.pk}/cancel")
    job.refresh_from_db()
    assert (job.state, job.message) == ("cancelled", "Cancelled by Bob.")


def test_it_checks_ownership(as_charlie, stranger_api, job):
    assert as_charlie.get(f"/dashboard/jobs/{job.pk}").status_code == 404
    assert as_charlie.post(f"/dashboard/jobs/{job.pk}/cancel").status_code == 404
    assert stranger_api.get(f"/api/v1/jobs/{job.pk}").status_code == 404
    assert stranger_api.delete(f"/api/v1/jobs/{job.pk}").status_code == 404
    job.refresh_from_db()
    assert job.state == "queued"


def test_the_api_shows_and_cancels_it(api, job):
    assert api.get(f"/api/v1/jobs/{job.pk}/").data["state"] == "queued"
    assert api.delete(f"/api/v1/jobs/{job.pk}").data["state"] == "cancelled"
    assert api.delete(f"/api/v1/jobs/{job.pk}").data["code"] == "job_ended"
