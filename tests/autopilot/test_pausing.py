"""Pause all: never refused, every active campaign in scope, told in the book; simulated only in Dry-Run Mode."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from rest_framework.test import APIClient

from autopilot.models import Action
from autopilot.services import executor, pausing, settings
from autopilot.states import State
from integrations.models import AdAccount
from stratum.lib.http import Unreachable
from stratum.lib.refusal import Missing, NotAllowed
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, entity, report_signals
from tests.autopilot.platform import FakePlatform, campaign
from tests.cast import member
from trustlayer.models import LedgerEntry
from trustlayer.services import verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(account: AdAccount, platform: FakePlatform, now: datetime) -> FakePlatform:
    """A second campaign, and one that is paused already."""
    entity(account, "121", "Summer Sale 2026", "180", now)
    entity(account, "122", "Long over", "90", now, status="paused")
    platform.entities_["121"] = campaign("121", "Summer Sale 2026", "180")
    return platform


def execute(workspace: Workspace, at: datetime) -> None:
    executor.execute_due(workspace_id=workspace.pk, now=at, side_by_side=1)


def test_it_works_whatever_the_signals_and_rails_say(
    two: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    report_signals(workspace, now, emq=3.2)
    settings.change(workspace=workspace, by=by_alice, body={"guard_rails": {"max_per_day": 1}}, now=now)
    settings.stop(workspace=workspace, by=by_alice, now=now)
    paused = pausing.pause_all(workspace=workspace, by=by_alice, now=now)
    assert (len(paused.actions), paused.already, paused.simulated) == (2, 0, False)
    execute(workspace, now)
    assert set(Action.objects.values_list("state", flat=True)) == {State.SUCCEEDED}
    assert {one.status for one in two.entities_.values()} == {"paused"}
    told = LedgerEntry.objects.get(action="pause_all", action_id="")
    assert (told.decision, told.reason) == (
        "PASS",
        "Pause all is never refused: Alice paused 2 active campaigns of every ad account",
    )
    assert verification.check(workspace).broken is None


def test_twice_pauses_once(two: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    pausing.pause_all(workspace=workspace, by=by_alice, now=now)
    again = pausing.pause_all(workspace=workspace, by=by_alice, now=now)
    assert (again.actions, again.already) == ([], 2)
    execute(workspace, now)
    assert len(two.writes) == 2
    assert pausing.pause_all(workspace=workspace, by=by_alice, now=now).already == 0


def test_one_account_only(two: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    other = AdAccount.objects.create(
        workspace=workspace,
        connection=AdAccount.objects.get().connection,
        platform="google",
        external_id="999",
        name="Acme on Google",
        currency="EUR",
    )
    entity(other, "7", "Search", "50", now)
    paused = pausing.pause_all(workspace=workspace, by=by_alice, now=now, account="999")
    assert [action.entity.name for action in paused.actions] == ["Search"]
    with pytest.raises(Missing, match="There is no ad account 998"):
        pausing.pause_all(workspace=workspace, by=by_alice, now=now, account="998")


def test_a_platform_that_does_not_answer_is_tried_again(
    two: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    pausing.pause_all(workspace=workspace, by=by_alice, now=now)
    two.fails["read"] = [Unreachable("Meta did not answer in time.")] * 2
    execute(workspace, now)
    assert set(Action.objects.values_list("state", flat=True)) == {State.APPROVED}
    execute(workspace, now + timedelta(minutes=5))
    assert set(Action.objects.values_list("state", flat=True)) == {State.SUCCEEDED}


def test_dry_run_mode_simulates(two: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    settings.change(workspace=workspace, by=by_alice, body={"dry_run": True}, now=now)
    assert pausing.pause_all(workspace=workspace, by=by_alice, now=now).simulated
    execute(workspace, now)
    assert two.writes == []
    assert set(Action.objects.values_list("state", flat=True)) == {State.PENDING_REVIEW}
    settings.change(workspace=workspace, by=by_alice, body={"dry_run": False}, now=now)
    assert len(pausing.pause_all(workspace=workspace, by=by_alice, now=now).actions) == 2
    assert Action.objects.count() == 2


def test_who_may(two: FakePlatform, workspace: Workspace, by_bob: Actor, as_bob: Client, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        pausing.pause_all(workspace=workspace, by=by_bob, now=now)
    assert as_bob.post("/dashboard/settings/autopilot/pause-all").status_code == 403
    assert "Pause all" not in as_bob.get("/dashboard/settings/autopilot").content.decode()


def test_the_page(two: FakePlatform, as_alice: Client, healthy: None) -> None:
    assert "Pause all campaigns" in as_alice.get("/dashboard/settings/autopilot").content.decode()
    page = as_alice.post("/dashboard/settings/autopilot/pause-all", {"account": "731"}, follow=True).content.decode()
    assert "2 campaigns are being paused." in page
    assert "No active campaign is left" not in page


def test_the_api(two: FakePlatform, api: APIClient, stranger_api: APIClient) -> None:
    found = api.post("/api/v1/autopilot/pause-all", {"account": "731"}).data
    assert (found["paused"], found["already"], found["simulated"], len(found["actions"])) == (2, 0, False, 2)
    assert stranger_api.post("/api/v1/autopilot/pause-all", {}).data["paused"] == 0
    assert stranger_api.post("/api/v1/autopilot/pause-all", {"account": "731"}).status_code == 404
    assert api.post("/api/v1/autopilot/pause-all", {"colour": "red"}).status_code == 422


@pytest.mark.parametrize("role", ["viewer", "analyst"])
def test_who_only_looks_or_builds_cannot_approve(role: str, workspace: Workspace, propose: Propose, sign_in) -> None:
    action = propose()
    browser = sign_in(member(workspace, f"{role}@example.com", role))
    for step in ("approve", "reject", "execute", "undo"):
        assert browser.post(f"/dashboard/autopilot/actions/{action.pk}/{step}", {"reason": "No."}).status_code == 403
    action.refresh_from_db()
    assert action.state == State.PENDING_REVIEW
