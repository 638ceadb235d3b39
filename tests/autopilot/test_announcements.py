"""What the autopilot announces, once each, and many together."""

from datetime import datetime, timedelta

import pytest

from autopilot import announcements
from autopilot.models import Action
from autopilot.services import actions, executor
from stratum.lib.http import Rejected
from stratum.notifications.registry import Notice
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, report_signals
from tests.autopilot.platform import FakePlatform

pytestmark = pytest.mark.django_db


class Ear:
    """Hears what is new since it listened last."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self.workspace, self.now = workspace, now
        self.place = announcements.collect(workspace, None, now).place

    def new(self) -> list[Notice]:
        found = announcements.collect(self.workspace, self.place, self.now)
        self.place = found.place
        return list(found.notices)


@pytest.fixture
def ear(workspace: Workspace, now: datetime) -> Ear:
    return Ear(workspace, now)


def executed(action: Action, by: Actor, now: datetime) -> None:
    actions.approve(workspace=action.workspace, by=by, action_id=action.pk, now=now)
    executor.execute_one(action_id=str(action.pk), now=now)


def test_one_that_waits_and_its_execution(ear: Ear, propose: Propose, by_alice: Actor, now: datetime) -> None:
    action = propose()
    (waiting,) = ear.new()
    assert waiting.title == "Budget increase: Campaign “Holiday Promo 2026” waits for review"
    assert waiting.facts == [("Change", "$500/day → $600/day")]
    assert (waiting.option, waiting.severity) == ("waiting", "info")
    assert waiting.path == f"/dashboard/autopilot/actions/{action.pk}"
    executed(action, by_alice, now)
    (done,) = ear.new()
    assert done.title.endswith("was executed")
    assert done.text == "Executed and read back: budget $500/day → $600/day."
    assert ear.new() == []


def test_one_that_failed(ear: Ear, propose: Propose, platform: FakePlatform, by_alice: Actor, now: datetime) -> None:
    action = propose()
    ear.new()
    platform.fails["write"] = [Rejected("The budget is below the minimum.")]
    executed(action, by_alice, now)
    (failed,) = ear.new()
    assert (failed.option, failed.severity) == ("failed", "warning")
    assert "The budget is below the minimum." in failed.text


def test_many_that_are_blocked_are_told_together(ear: Ear, propose: Propose, workspace: Workspace, now) -> None:
    report_signals(workspace, now + timedelta(minutes=1), emq=3.2)
    for percent in (5, 10, 15):
        propose(percent=percent, at=now + timedelta(minutes=2))
    (told,) = ear.new()
    assert told.title == "3 actions are blocked"
    assert len(told.facts) == 3
    assert told.path == "/dashboard/autopilot/actions?tab=blocked"


def test_tests_and_other_workspaces_are_not_told(
    ear: Ear, propose: Propose, other_workspace: Workspace, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    stranger = Ear(other_workspace, now)
    action = propose()
    ear.new()
    actions.test(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    assert ear.new() == stranger.new() == []


def test_what_was_decided_meanwhile_does_not_wait(ear: Ear, propose: Propose, by_alice: Actor, now: datetime) -> None:
    executed(propose(), by_alice, now)
    assert [told.option for told in ear.new()] == ["executed"]
