"""The demo workspace's own Pipedrive, inside the process."""

from datetime import datetime

from cdp.models import Event
from integrations.models import PipedriveConnection, PipedriveDeal, PipedriveLink, PipedriveRun, SandboxState
from integrations.services.pipedrive import demo, sandbox, sync
from stratum.workspaces.models import Workspace
from tests.integrations.pipedrive.stage import Stage


def test_it_is_connected_and_synchronises(stage: Stage) -> None:
    workspace = stage.workspace
    stage.crowd(80)
    demo.build(workspace, stage.now)
    demo.build(workspace, stage.now)  # a second time changes nothing
    connection = PipedriveConnection.objects.get(workspace=workspace)
    assert connection.is_sandbox
    assert sandbox.token_of(workspace).endswith(connection.token_hint)
    run = PipedriveRun.objects.get()
    stage.pass_time(seconds=5)
    if run.state == "queued":
        sync.carry_out(run, now=stage.clock.ours)
        run.refresh_from_db()
    assert run.state == "succeeded", run.error
    assert PipedriveLink.objects.filter(kind="person").count() >= 80 + demo.STRANGERS
    assert PipedriveDeal.objects.filter(status="won").exclude(message_id="").exists()
    state = SandboxState.objects.get(workspace=workspace, platform="pipedrive").state
    assert len(state["persons"]) >= 80 + demo.STRANGERS
    demo.remove(workspace, stage.now)
    assert not PipedriveConnection.objects.exists()
    assert not SandboxState.objects.filter(platform="pipedrive").exists()
    assert not Event.objects.filter(message_id__startswith="pipedrive:").exists()


def test_its_people_are_the_same_every_time(workspace: Workspace, now: datetime) -> None:
    first = demo.found(workspace, now).state
    demo.remove(workspace, now)
    assert demo.found(workspace, now).state == first
