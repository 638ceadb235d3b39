"""The demo workspace's own Pipedrive, inside the process."""

from datetime import datetime

from cdp.models import Event
from cdp.services import system_traits
from cdp.services.trait_values import keep_current
from integrations.models import PipedriveConnection, PipedriveDeal, PipedriveLink, PipedriveRun, SandboxState
from integrations.pipedrive.fields import DEFAULTS
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


def test_the_manuals_fields_are_mapped_before_their_traits_are_computed(stage: Stage) -> None:
    """The worker computes traits only once the demo workspace is built; until then nothing is said of them."""
    workspace = stage.workspace
    stage.identify("buyer", email="buyer@x.io")
    stage.track("buyer", "purchase", revenue=50, currency="EUR")
    system_traits.ensure(workspace, now=stage.now)
    demo.build(workspace, stage.now)
    mapped = dict(PipedriveConnection.objects.get().fields.filter(enabled=True).values_list("local", "remote_name"))
    assert mapped["traits.total_spend"] == "LTV"
    assert mapped["traits.last_purchase_date"] == "Last Purchase"
    assert mapped["traits.last_touch_campaign"] == "Stratum - Campaign"
    assert len(mapped) == len(DEFAULTS)


def test_a_trait_that_serves_nothing_yet_is_told_later(stage: Stage) -> None:
    """Silence is not “no value”: what stands in Pipedrive stays until the trait has something to say."""
    system_traits.ensure(stage.workspace, now=stage.now)
    stage.connect()
    ltv = stage.code("LTV")
    person = stage.person(name="Ada", emails=["buyer@x.io"], custom_fields={ltv: {"value": 7, "currency": "EUR"}})
    stage.identify("buyer", email="buyer@x.io")
    stage.track("buyer", "purchase", revenue=50, currency="EUR")
    stage.settle()
    assert [one["custom_fields"][ltv]["value"] for one in stage.persons if one["id"] == person["id"]] == [7]
    keep_current(stage.workspace, now=stage.now)
    stage.settle()
    assert [one["custom_fields"][ltv]["value"] for one in stage.persons if one["id"] == person["id"]] == [50]
