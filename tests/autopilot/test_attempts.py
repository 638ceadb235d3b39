"""From proposal to the platform: judged, tested, approved, executed, read back; and everything that can come between."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from autopilot.models import Action, DryRun
from autopilot.services import actions, executor, settings
from autopilot.services.attempts import attempt
from autopilot.services.stage import Stage
from autopilot.states import State
from integrations.base import OutsideChange
from integrations.models import AdAccount, AdEntity, AdValue
from stratum.lib.http import Garbled, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from stratum.lib.refusal import Invalid, Refusal
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import Propose, entity, report_signals
from tests.autopilot.platform import TIMEOUT, FakePlatform, Killed, campaign
from trustlayer.models import LedgerEntry

pytestmark = pytest.mark.django_db


def run(action: Action, at: datetime) -> Action:
    executor.execute_one(action_id=str(action.pk), now=at)
    action.refresh_from_db()
    return action


@pytest.fixture
def approved(propose: Propose, workspace: Workspace, by_alice: Actor, now: datetime) -> Action:
    """+20 %, approved; the worker has not come yet."""
    action = propose()
    return actions.approve(workspace=workspace, by=by_alice, action_id=action.pk, now=now)


def test_it_works(approved: Action, platform: FakePlatform, workspace: Workspace, now: datetime, capped: None) -> None:
    done = run(approved, now)
    assert done.state == State.SUCCEEDED
    assert [change.after for change in platform.writes] == [Decimal("600.00")]
    assert done.request_id == "req-1"
    assert done.after == {"value": "600", "status": "active", "updated_at": now.isoformat()}
    told = list(LedgerEntry.objects.filter(action_id=str(done.pk)).order_by("seq").values_list("kind", "reason_code"))
    assert told == [("decision", "healthy"), ("action", "approved"), ("decision", "healthy"), ("action", "executed")]
    states = [(move.before, move.after) for move in done.moves.order_by("id")]
    assert states == [
        ("", "proposed"),
        ("proposed", "pending_review"),
        ("pending_review", "approved"),
        ("approved", "executing"),
        ("executing", "succeeded"),
    ]
    executed = LedgerEntry.objects.get(action_id=str(done.pk), reason_code="executed")
    assert executed.request_id == "req-1"
    assert {str(move.entry_id) for move in done.moves.all()} <= {
        str(pk) for pk in LedgerEntry.objects.values_list("pk", flat=True)
    }


def test_test_and_real_run_make_the_same_checks(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime, capped: None
) -> None:
    stage = Stage(workspace, now)
    tested = attempt(action=approved, stage=stage, dry_run=True, by=by_alice)
    calls = list(platform.calls)
    platform.calls.clear()
    real = attempt(action=approved, stage=Stage(workspace, now), dry_run=False)
    assert tested.weighed and real.weighed
    assert real.weighed.findings == tested.weighed.findings
    assert real.weighed.outcome == tested.weighed.outcome
    seen = set(calls) - {"simulation"}
    assert set(platform.calls) == seen | {"write"}
    assert platform.writes and DryRun.objects.count() == 1


def test_a_test_changes_nothing(
    propose: Propose, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    action = propose()
    tested = actions.test(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    assert tested.verdict == "WOULD_EXECUTE"
    assert platform.writes == []
    action.refresh_from_db()
    assert action.state == State.PENDING_REVIEW
    entry = LedgerEntry.objects.get(pk=tested.entry_id)
    assert entry.is_dry_run and entry.decision == "PASS" and entry.action_id == str(action.pk)


def test_a_change_by_hand_between_approval_and_execution(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    platform.put("120", "budget", "550")
    done = run(approved, now)
    assert done.state == State.STALE
    assert done.difference == {"expected": "500", "live": "550", "wanted": "600"}
    assert done.why == "Somebody changed it meanwhile: $500/day was expected, $550/day is live, $600/day was wanted."
    assert platform.writes == []


def seen(entity: AdEntity, value: str, at: datetime, period: str = "daily") -> None:
    told = {"field": "budget", "value": Decimal(value), "period": period, "seen_at": at}
    AdValue.objects.create(workspace_id=entity.workspace_id, entity=entity, **told)


def week_size(action: Action, workspace: Workspace, by: Actor, now: datetime) -> dict[str, Any]:
    tested = actions.test(workspace=workspace, by=by, action_id=action.pk, now=now)
    return next(check for check in tested.result["checks"] if check["name"] == "week_size")


def test_a_week_of_changes_by_hand_counts(
    propose: Propose, platform: FakePlatform, holiday: AdEntity, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    """From $300 by Maya, in steps that Stratum did not make."""
    platform.outside.append(OutsideChange("120", "budget", now - timedelta(days=3), "Maya"))
    action = propose()
    assert week_size(action, workspace, by_alice, now)["passed"] is None
    seen(holiday, "300", now - timedelta(days=20))
    seen(holiday, "500", now - timedelta(days=3))
    check = week_size(action, workspace, by_alice, now)
    assert (check["passed"], check["seen"], check["limit"]) == (False, "100%", "50%")


def test_amounts_of_another_period_are_not_compared(
    propose: Propose, holiday: AdEntity, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    seen(holiday, "9000", now - timedelta(days=20), "lifetime")
    assert week_size(propose(), workspace, by_alice, now)["passed"] is None


def test_what_is_there_already_is_a_success_without_a_write(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    platform.put("120", "budget", "600")
    assert run(approved, now).state == State.SUCCEEDED
    assert platform.writes == []


def test_a_timeout_after_the_write_was_applied(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.lost.append(TIMEOUT)
    assert run(approved, now).state == State.UNKNOWN
    done = run(approved, now + timedelta(minutes=2))
    assert done.state == State.SUCCEEDED
    assert len(platform.writes) == 1


def test_a_timeout_before_the_write_was_applied_is_safe_to_retry(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    platform.fails["write"] = [TIMEOUT]
    assert run(approved, now).state == State.UNKNOWN
    assert run(approved, now + timedelta(minutes=2)).state == State.APPROVED
    assert run(approved, now + timedelta(minutes=3)).state == State.SUCCEEDED
    assert len(platform.writes) == 1


def test_unknown_and_changed_by_somebody_else_is_stale(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.lost.append(TIMEOUT)
    run(approved, now)
    platform.clock = now + timedelta(minutes=1)
    platform.put("120", "budget", "500")  # put back by hand: no longer ours to repeat
    assert run(approved, now + timedelta(minutes=2)).state == State.STALE
    assert len(platform.writes) == 1


def without_times(platform: FakePlatform) -> None:
    """As Google, which tells no time of an entity's last change."""
    platform.clock = None
    platform.entities_["120"] = replace(platform.entities_["120"], updated_at=None)


def test_where_no_time_of_change_is_told_the_list_of_changes_says_whether_it_is_safe_to_retry(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    without_times(platform)
    platform.fails["write"] = [TIMEOUT]
    assert run(approved, now).state == State.UNKNOWN
    waiting = run(approved, now + timedelta(minutes=2))
    assert (waiting.state, waiting.try_at) == (State.UNKNOWN, now + timedelta(minutes=5))
    assert waiting.why.startswith("Not applied so far")
    assert run(approved, now + timedelta(minutes=5)).state == State.APPROVED
    assert run(approved, now + timedelta(minutes=6)).state == State.SUCCEEDED
    assert len(platform.writes) == 1


def test_there_a_value_that_went_away_and_came_back_is_not_overwritten(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    without_times(platform)
    platform.lost.append(TIMEOUT)
    run(approved, now)
    platform.put("120", "budget", "500")
    platform.outside += [OutsideChange("120", "budget", now + timedelta(seconds=one), "Maya") for one in (1, 40)]
    done = run(approved, now + timedelta(minutes=6))
    assert done.state == State.STALE
    assert "changed back" in done.why
    assert len(platform.writes) == 1


def test_a_list_of_changes_that_cannot_be_read_leaves_it_unknown(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    without_times(platform)
    platform.fails["write"] = [TIMEOUT]
    run(approved, now)
    platform.fails["outside_changes"] = [Throttled("Slow down.", retry_at=now + timedelta(hours=1))]
    waiting = run(approved, now + timedelta(minutes=6))
    assert (waiting.state, waiting.try_at) == (State.UNKNOWN, now + timedelta(hours=1))
    assert run(approved, now + timedelta(hours=1)).state == State.APPROVED


@pytest.mark.parametrize("step", ["automations", "outside_changes", "validate"])
@pytest.mark.parametrize("failure", [TIMEOUT, Throttled("Slow down."), Garbled("The answer is not JSON.")])
def test_what_the_platform_cannot_answer_for_a_moment_is_waited_for(
    approved: Action, platform: FakePlatform, now: datetime, step: str, failure: Exception
) -> None:
    platform.fails[step] = [failure]
    waiting = run(approved, now)
    assert (waiting.state, waiting.try_at) == (State.APPROVED, now + timedelta(minutes=1))
    assert platform.writes == []
    assert run(approved, now + timedelta(minutes=1)).state == State.SUCCEEDED


def test_what_it_refuses_to_answer_goes_back_to_a_person(
    approved: Action, platform: FakePlatform, now: datetime
) -> None:
    platform.fails["outside_changes"] = [NotAuthorised("The token may not read activities.")]
    assert run(approved, now).state == State.PENDING_REVIEW


def test_what_breaks_on_our_side_does_not_keep_the_others_from_their_turn(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime,
    account: AdAccount, propose: Propose, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    other = entity(account, "121", "Other", "500", now)
    platform.entities_["121"] = campaign("121", "Other", "500")
    second = actions.approve(workspace=workspace, by=by_alice, action_id=propose(of=other).pk, now=now)
    platform.fails["validate"] = [TypeError("int() argument")]
    assert executor.execute_due(workspace_id=workspace.pk, now=now, side_by_side=1) == 2
    approved.refresh_from_db()
    second.refresh_from_db()
    assert (approved.state, approved.try_at) == (State.APPROVED, now + timedelta(minutes=15))
    assert approved.why.startswith("Something broke on our side.")
    assert "could not be carried on" in caplog.text
    assert second.state == State.SUCCEEDED
    assert run(approved, now + timedelta(minutes=15)).state == State.SUCCEEDED


def test_a_run_ends_in_time_and_leaves_the_rest_to_the_next(
    approved: Action, platform: FakePlatform, workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "LONGEST", 0.0)
    assert executor.execute_due(workspace_id=workspace.pk, now=now) == 0
    monkeypatch.setattr(executor, "LONGEST", 50.0)
    assert executor.execute_due(workspace_id=workspace.pk, now=now, side_by_side=1) == 1


@pytest.mark.parametrize("step", ["read", "validate", "write", "after_write"])
def test_killed_at_any_step(approved: Action, platform: FakePlatform, now: datetime, step: str) -> None:
    if step == "after_write":
        platform.lost.append(Killed())
    else:
        platform.fails[step] = [Killed()]
    with pytest.raises(Killed):
        executor.execute_one(action_id=str(approved.pk), now=now)
    at = now
    for _ in range(6):
        at += timedelta(minutes=4)
        run(approved, at)
    assert approved.state == State.SUCCEEDED
    assert len(platform.writes) == 1


def test_a_lost_token_blocks_with_the_reason(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.fails["read"] = [NotAuthorised("The access token was revoked.")]
    done = run(approved, now)
    assert done.state == State.BLOCKED
    assert "The access token was revoked." in done.why


def test_throttled_waits_and_comes_back(approved: Action, platform: FakePlatform, now: datetime) -> None:
    later = now + timedelta(hours=1)
    platform.fails["read"] = [Throttled("Meta asks us to slow down.", retry_at=later)]
    done = run(approved, now)
    assert (done.state, done.try_at) == (State.APPROVED, later)
    assert run(approved, later).state == State.SUCCEEDED


def test_refused_by_the_platform(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.fails["write"] = [Rejected("The budget is below the minimum.")]
    done = run(approved, now)
    assert done.state == State.FAILED
    assert "The budget is below the minimum." in done.why


def test_an_entity_that_vanished(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.fails["read"] = [Gone("There is no campaign 120.")]
    assert run(approved, now).state == State.STALE


def test_garbage_on_reading_waits(approved: Action, platform: FakePlatform, now: datetime) -> None:
    platform.fails["read"] = [Unreachable("The answer is not JSON.")]
    done = run(approved, now)
    assert done.state == State.APPROVED
    assert done.try_at and done.try_at > now


def test_health_that_fell_after_the_approval_brings_it_back(
    approved: Action, platform: FakePlatform, workspace: Workspace, now: datetime
) -> None:
    at = now + timedelta(minutes=5)
    report_signals(workspace, at, emq=4.05)
    done = run(approved, at)
    assert (done.state, done.waits_for) == (State.PENDING_REVIEW, "hold")
    assert platform.writes == []


def test_dry_run_mode_executes_nothing(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime, propose: Propose
) -> None:
    settings.change(workspace=workspace, by=by_alice, body={"dry_run": True}, now=now)
    assert run(approved, now).state == State.APPROVED
    assert platform.writes == []
    other = propose("budget_decrease", percent=10)
    with pytest.raises(Refusal, match="Dry-Run Mode is on"):
        actions.approve(workspace=workspace, by=by_alice, action_id=other.pk, now=now)


def test_the_guarded_level_executes_by_itself(
    platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime, propose: Propose
) -> None:
    settings.change(workspace=workspace, by=by_alice, body={"level": "guarded"}, now=now)
    action = propose(percent=15)
    assert action.state == State.APPROVED
    assert run(action, now).state == State.SUCCEEDED


@pytest.mark.parametrize("state", [State.REJECTED, State.UNKNOWN, State.SUCCEEDED])
def test_only_what_waits_is_approved_and_nothing_typed_for_the_rest(
    workspace: Workspace, by_alice: Actor, now: datetime, propose: Propose, state: State
) -> None:
    """An unknown outcome is read back before anybody writes again."""
    action = propose(percent=80)
    Action.objects.filter(pk=action.pk).update(state=state)
    with pytest.raises(Refusal, match="cannot become approved") as caught:
        actions.approve(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    assert caught.value.code == "state_changed"


def test_a_large_change_wants_its_amount_typed(
    workspace: Workspace, by_alice: Actor, now: datetime, propose: Propose
) -> None:
    action = propose(percent=80)
    with pytest.raises(Invalid, match="Type 900 to confirm"):
        actions.approve(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    done = actions.approve(workspace=workspace, by=by_alice, action_id=action.pk, now=now, confirm="900")
    assert done.state == State.APPROVED
    assert "change_size" in done.approved_despite


def test_undo_goes_back_while_nobody_has_touched_it(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    run(approved, now)
    back = actions.undo(workspace=workspace, by=by_alice, action_id=approved.pk, now=now + timedelta(hours=1))
    assert back.state == State.APPROVED
    run(back, now + timedelta(hours=1))
    approved.refresh_from_db()
    assert (back.state, approved.state) == (State.SUCCEEDED, State.REVERTED)
    assert platform.entities_["120"].budget and platform.entities_["120"].budget.amount == 500


def test_undo_refuses_once_somebody_has_changed_it(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    run(approved, now)
    platform.put("120", "budget", "640")
    with pytest.raises(Refusal, match="Somebody has changed it since"):
        actions.undo(workspace=workspace, by=by_alice, action_id=approved.pk, now=now)


def test_the_emergency_stop_cancels_and_blocks(
    approved: Action, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime, propose: Propose
) -> None:
    assert settings.stop(workspace=workspace, by=by_alice, now=now) == 1
    approved.refresh_from_db()
    assert approved.state == State.CANCELLED
    assert propose("budget_decrease", percent=10).state == State.BLOCKED
    settings.resume(workspace=workspace, by=by_alice, now=now)
    assert propose("budget_decrease", percent=15).state == State.PENDING_REVIEW


def test_what_nobody_decides_expires(propose: Propose, now: datetime) -> None:
    action = propose()
    assert actions.expire_due(now=now + timedelta(hours=71)) == 0
    assert actions.expire_due(now=now + timedelta(hours=72)) == 1
    action.refresh_from_db()
    assert (action.state, action.why) == (State.EXPIRED, "Nothing came of it within 72 hours.")
