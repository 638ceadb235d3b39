"""Nothing is synchronised before somebody starts the first sync; runs are cancelled."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings

from integrations.models import PipedriveConnection, PipedriveRun
from integrations.queries import pipedrive as queries
from integrations.services.pipedrive import connecting, mapping, runs, sync
from integrations.tasks import pipedrive_sync
from stratum.lib.refusal import Invalid, Missing, Refusal
from stratum.workspaces import jobs
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Job, Workspace
from tests.integrations.pipedrive.test_connecting import TOKEN, company
from tests.wire import Server, serving


@pytest.fixture(autouse=True)
def pipedrive(workspace: Workspace, by_alice: Actor, now: datetime, settings: LazySettings) -> Iterator[Server]:
    with serving(company) as server:
        settings.PIPEDRIVE_URL = server.url
        connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
        yield server


def next_sync() -> datetime | None:
    return PipedriveConnection.objects.get().next_sync_at


def test_connecting_alone_plans_nothing(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    connecting.update_settings(workspace=workspace, by=by_alice, now=now, schedule="hourly")
    connecting.pause(workspace=workspace, by=by_alice, now=now)
    connecting.resume(workspace=workspace, by=by_alice, now=now)
    connecting.connect(workspace=workspace, by=by_alice, api_token=TOKEN, now=now)
    assert next_sync() is None
    assert not queries.has_begun(PipedriveConnection.objects.get())


def test_the_first_sync_begins_the_schedule(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    run = runs.start_sync(workspace=workspace, by=by_alice, now=now, mode="full", trigger="first")
    assert next_sync() == now + timedelta(days=1)
    assert queries.has_begun(run.connection)


def test_a_dry_run_begins_nothing(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    runs.start_sync(workspace=workspace, by=by_alice, now=now, dry_run=True)
    assert next_sync() is None


def test_a_run_is_cancelled_once(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    run = runs.start_sync(workspace=workspace, by=by_alice, now=now)
    assert runs.cancel(workspace=workspace, by=by_alice, run_id=run.pk, now=now)
    assert not runs.cancel(workspace=workspace, by=by_alice, run_id=run.pk, now=now)
    stored = PipedriveRun.objects.get()
    assert (stored.state, stored.error) == ("stopped", f"Cancelled by {by_alice.label}.")
    assert Job.objects.get(kind=runs.TASK).state == Job.State.CANCELLED


def test_nobody_cancels_a_run_of_others(
    workspace: Workspace, other_workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    run = runs.start_sync(workspace=workspace, by=by_alice, now=now)
    with pytest.raises(Missing):
        runs.cancel(workspace=other_workspace, by=by_alice, run_id=run.pk, now=now)


def test_only_what_exists_here_gets_a_field(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    with pytest.raises(Invalid, match=r"no field “traits\.gone”"):
        mapping.create_fields(workspace=workspace, by=by_alice, wanted=["traits.gone"], now=now)


def test_a_run_whose_worker_broke_down_holds_up_no_other(
    workspace: Workspace, by_alice: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug of ours fails the job; the run's row is closed by the next tick, with the job's words."""
    run = runs.start_sync(workspace=workspace, by=by_alice, now=now)
    monkeypatch.setattr(sync, "_phases", lambda work: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipedrive_sync(str(run.job_id))
    with pytest.raises(Refusal, match="running already"):
        runs.start_sync(workspace=workspace, by=by_alice, now=now)
    runs.claim_due(now)
    run.refresh_from_db()
    assert (run.state, run.finished_at) == ("failed", now)
    assert run.error.startswith("Something broke on our side.")
    assert runs.start_sync(workspace=workspace, by=by_alice, now=now).state == "queued"


def test_a_job_that_was_cancelled_by_itself_stops_its_run(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    run = runs.start_sync(workspace=workspace, by=by_alice, now=now)
    assert run.job_id is not None
    jobs.cancel(workspace=workspace, job_id=run.job_id, by=by_alice, now=now)
    runs.claim_due(now)
    run.refresh_from_db()
    assert (run.state, run.error) == ("stopped", f"Cancelled by {by_alice.label}.")
