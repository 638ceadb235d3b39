"""What was blocked is judged again by the tick once nothing blocks it any more, and not sooner."""

from datetime import datetime, timedelta

import pytest

from autopilot.models import Action
from autopilot.services import recovery, settings
from autopilot.states import State
from stratum.lib.http import Unreachable
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, report_signals
from tests.autopilot.platform import FakePlatform
from trustlayer.models import LedgerEntry

pytestmark = pytest.mark.django_db
LATER = timedelta(hours=1)


@pytest.fixture
def blocked(propose: Propose, workspace: Workspace, now: datetime) -> Action:
    """By Meta's own match quality."""
    report_signals(workspace, now + timedelta(minutes=1), emq=3.2)
    action = propose(at=now + timedelta(minutes=2))
    assert action.state == State.BLOCKED
    return action


def judge(workspace: Workspace, at: datetime) -> int:
    return sum(recovery.judge_again(now=at, **claimed) for claimed in recovery.claim_due(at))


def test_it_works(blocked: Action, workspace: Workspace, now: datetime) -> None:
    report_signals(workspace, now + LATER)
    assert judge(workspace, now + LATER) == 1
    blocked.refresh_from_db()
    assert (blocked.state, blocked.waits_for) == (State.PENDING_REVIEW, "approval")
    assert blocked.why.startswith("Judged again: All signals healthy")
    assert list(recovery.claim_due(now + LATER)) == []


def test_nothing_is_written_while_the_signals_are_as_bad(blocked: Action, workspace: Workspace, now: datetime) -> None:
    report_signals(workspace, now + LATER, emq=3.1)
    before = LedgerEntry.objects.count()
    assert judge(workspace, now + LATER) == 0
    assert LedgerEntry.objects.count() == before


def test_half_healed_it_is_held(blocked: Action, workspace: Workspace, now: datetime) -> None:
    report_signals(workspace, now + LATER, emq=4.05)
    assert judge(workspace, now + LATER) == 1
    blocked.refresh_from_db()
    assert (blocked.state, blocked.waits_for) == (State.PENDING_REVIEW, "hold")


def test_a_cap_that_was_raised(propose: Propose, workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    settings.change(workspace=workspace, by=by_alice, body={"guard_rails": {"budget_cap": "550"}}, now=now)
    action = propose()
    assert action.state == State.BLOCKED
    assert judge(workspace, now + LATER) == 0
    settings.change(workspace=workspace, by=by_alice, body={"guard_rails": {"budget_cap": "1000"}}, now=now)
    assert judge(workspace, now + LATER) == 1


def test_a_platform_that_cannot_be_read_leaves_it_blocked(
    blocked: Action, platform: FakePlatform, workspace: Workspace, now: datetime
) -> None:
    report_signals(workspace, now + LATER)
    platform.fails["read"] = [Unreachable("Meta did not answer in time.")]
    assert judge(workspace, now + LATER) == 0
    assert judge(workspace, now + LATER) == 1


def test_what_has_expired_is_left_alone(blocked: Action, workspace: Workspace, now: datetime) -> None:
    assert list(recovery.claim_due(blocked.expires_at)) == []
