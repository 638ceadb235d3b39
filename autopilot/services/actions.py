"""What people and programs do with an action: approve, reject, cancel, undo, judge again; and what time does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from autopilot import changes, guards
from autopilot.changes import Absurd, Wish
from autopilot.models import Action, DryRun
from autopilot.queries import actions as queries
from autopilot.services import dry_runs, proposals
from autopilot.services.attempts import attempt
from autopilot.services.examination import glance, look, reason_of, subject_of, weigh
from autopilot.services.facts import value_of
from autopilot.services.moves import MovedOn, move
from autopilot.services.proposals import EXECUTE, Asked
from autopilot.services.stage import Stage
from autopilot.states import State
from autopilot.verdicts import Verdict
from stratum.lib import jobs, problems
from stratum.lib.refusal import Fault, Invalid, Refusal
from stratum.workspaces import access, limits
from stratum.workspaces.access import SYSTEM, Actor
from stratum.workspaces.models import Workspace

DRY_RUN_FEATURE = "action_dry_run"
AWAITED = (State.PROPOSED, State.PENDING_REVIEW)  # what somebody may approve
MOST_AT_ONCE = 200
MOST_EXPIRED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Done:
    """One of many: what became of it, or why not."""

    action_id: UUID
    sentence: str
    ok: bool


def test(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime) -> DryRun:
    """Test (Dry-Run): the very attempt of the real run, up to the write. Raises Refusal."""
    limits.require_feature(workspace, DRY_RUN_FEATURE)
    access.demand(by, "build")
    action = queries.get(workspace, action_id)
    if action.state not in (State.PENDING_REVIEW, State.BLOCKED, State.APPROVED, State.PROPOSED):
        word = action.get_state_display().lower()
        raise Refusal("not_open", f"This action is {word}: there is nothing left to test. Propose it again.")
    found = attempt(action=action, stage=Stage(workspace, now), dry_run=True, by=by).dry_run
    assert found is not None
    return found


def approve(
    *,
    workspace: Workspace,
    by: Actor,
    action_id: UUID,
    now: datetime,
    confirm: str = "",
    inputs_hash: str = "",
) -> Action:
    """Let it be executed. `inputs_hash` of a test: only while nothing that it rested on has changed."""
    access.demand(by, "approve")
    action = queries.get(workspace, action_id)
    stage = Stage(workspace, now)
    _refuse_approval(action, stage)
    if action.state not in AWAITED:  # an unknown outcome is read back, not approved anew
        raise MovedOn(action, State.APPROVED)
    _require_confirmation(action, stage, confirm)
    if inputs_hash:
        _require_unchanged(action, stage, inputs_hash)
    return _approved(action, by=by, now=now, inputs_hash=inputs_hash)


def _approved(action: Action, *, by: Actor, now: datetime, inputs_hash: str) -> Action:
    starts = by.may("execute")
    soft = action.findings.get("soft", [])
    despite = f" although: {_shown_soft(action)}" if soft else ""
    with transaction.atomic():
        move(
            action,
            State.APPROVED,
            by=by,
            now=now,
            sentence=f"{by.label} approved it{despite}.",
            code="approved",
            waits_for="",
            approved_by=by.label,
            approved_by_user=by.user,
            approved_at=now,
            approved_despite=soft,
            try_at=now if starts else None,
            evidence={"despite": soft, "inputs_hash": inputs_hash},
        )
        if starts:
            jobs.after_commit(EXECUTE, action_id=str(action.pk))
    return action


def _refuse_approval(action: Action, stage: Stage) -> None:
    if stage.settings.dry_run:
        sentence = "Dry-Run Mode is on: everything is simulated only. Test the action, or turn the mode off first."
        raise Refusal("dry_run_mode", sentence)
    if stage.settings.stopped:
        raise Refusal("stopped", "The emergency stop is on. Lift it before anything is approved.")
    if stage.settings.level == "suggest":
        sentence = "The autopilot only suggests here. Change its level in Settings > Autopilot to let it execute."
        raise Refusal("suggest_only", sentence)
    if action.state == State.BLOCKED:
        raise Refusal("blocked", f"Nobody can approve what is blocked: {action.why}")


def _require_confirmation(action: Action, stage: Stage, confirm: str) -> None:
    """A large change wants its new amount typed."""
    ratio = subject_of(action).aim.ratio
    rails = stage.settings.for_account(action.account_id)
    if ratio is None or not guards.needs_typing(abs(ratio - 1) * 100, rails):
        return
    if _number(confirm) != Decimal(action.target):
        sentence = (
            f"This changes the {action.field} by more than {rails.approval_percent} %. Type {action.target} to confirm."
        )
        raise Invalid([Fault("/confirm", sentence, "confirmation")], code="confirmation")


def _number(text: str) -> Decimal | None:
    try:
        return changes.parse_amount(text, "/confirm")
    except Absurd:
        return None


def _require_unchanged(action: Action, stage: Stage, inputs_hash: str) -> None:
    tested = DryRun.objects.filter(action=action, inputs_hash=inputs_hash).order_by("-at", "-pk").first()
    if tested is None:
        raise Refusal("not_tested", "There is no test of this action with that hash.")
    if tested.expires_at <= stage.now:
        raise Refusal("test_expired", "The test is more than 15 minutes old. Test it again before you approve.")
    seen = look(subject_of(action), stage, with_impact=True)
    with transaction.atomic():
        weighed = weigh(seen, stage=stage, by=SYSTEM, dry_run=True, action=action)
    if dry_runs.inputs_hash(action, weighed, stage) != inputs_hash:
        sentence = "What the test rested on has changed since. Test it again before you approve."
        raise Refusal("inputs_changed", sentence)


def _shown_soft(action: Action) -> str:
    checks = [*action.findings.get("checks", []), *action.findings.get("conflicts", [])]
    sentences = [check["sentence"] for check in checks if check["name"] in action.findings["soft"]]
    if "gate" in action.findings["soft"]:
        sentences.insert(0, action.findings["gate_reason"])
    return "; ".join(sentences)


def reject(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime, reason: str) -> Action:
    access.demand(by, "approve")
    if not reason.strip() or len(reason) > 500:
        raise Invalid([Fault("/reason", "Say why, in at most 500 characters: whoever proposed it will want to know.")])
    if faults := list(problems.unstorable(reason, "/reason")):
        raise Invalid(faults)
    action = queries.get(workspace, action_id)
    sentence = f"{by.label} rejected it: {reason.strip()}"
    return move(action, State.REJECTED, by=by, now=now, sentence=sentence, code="rejected", waits_for="")


def cancel(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime) -> Action:
    action = queries.get(workspace, action_id)
    access.demand(by, "approve" if action.state == State.APPROVED else "build")
    return move(
        action, State.CANCELLED, by=by, now=now, sentence=f"{by.label} cancelled it.", code="cancelled", waits_for=""
    )


def start(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime) -> Action:
    """Execute what somebody approved who may not execute."""
    access.demand(by, "execute")
    action = queries.get(workspace, action_id)
    if action.state != State.APPROVED:
        raise Refusal(
            "not_approved", f"Only what is approved is executed; this is {action.get_state_display().lower()}."
        )
    with transaction.atomic():
        Action.objects.filter(pk=action.pk, state=State.APPROVED).update(try_at=now)
        jobs.after_commit(EXECUTE, action_id=str(action.pk))
    return action


def judge_again(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime) -> Action:
    """Of a blocked one: signals may have healed, rails may have moved."""
    access.demand(by, "build")
    action = queries.get(workspace, action_id)
    if action.state != State.BLOCKED:
        raise Refusal("not_blocked", f"This action is {action.get_state_display().lower()}, not blocked.")
    stage = Stage(workspace, now)
    subject = subject_of(action)
    seen = glance(subject, proposals.live_of(action.entity, stage), stage)
    with transaction.atomic():
        weighed = weigh(seen, stage=stage, by=by, dry_run=False, action=action)
        dry_runs.remember(action, weighed)
        if weighed.outcome.verdict is Verdict.BLOCK:
            Action.objects.filter(pk=action.pk).update(why="; ".join(weighed.outcome.reasons)[:600])
            return action
        held = weighed.entry.decision == "HOLD"
        sentence = f"Judged again: {reason_of(weighed.entry)}."
        waits = Action.Waits.HOLD if held else Action.Waits.APPROVAL
        return move(
            action,
            State.PENDING_REVIEW,
            by=by,
            now=now,
            sentence=sentence,
            code="judged_again",
            entry=weighed.entry,
            waits_for=waits,
        )


def undo(*, workspace: Workspace, by: Actor, action_id: UUID, now: datetime) -> Action:
    """A new action back to what was before, approved at once, while the platform still has what we set."""
    access.demand(by, "execute")
    done = queries.get(workspace, action_id)
    if done.state != State.SUCCEEDED or done.after is None:
        raise Refusal(
            "not_executed", f"Only what was executed can be undone; this is {done.get_state_display().lower()}."
        )
    stage = Stage(workspace, now)
    _refuse_approval(done, stage)
    live = proposals.live_of(done.entity, stage)
    if changes.to_json(value_of(live, done.field)) != done.after["value"]:
        sentence = (
            "Somebody has changed it since, so undoing would overwrite their change. Propose what you want instead."
        )
        raise Refusal("changed_since", sentence)
    if done.undone_by.exclude(state__in=[State.REJECTED, State.EXPIRED, State.CANCELLED, State.FAILED]).exists():
        raise Refusal("undone_already", "This is being undone already.")
    asked = Asked(done.entity, _back(done), note=f"Undo of {done.said}", undoes=done)
    action = proposals.place(stage=stage, by=by, asked=asked, live=live)
    if action.state == State.PENDING_REVIEW and by.may("approve"):
        return _approved(action, by=by, now=now, inputs_hash="")
    return action


def _back(done: Action) -> Wish:
    before = changes.from_json(done.expected_before["value"], done.field)
    if done.field == "status":
        verb = "enable" if before == "active" else "pause"
        return Wish(f"{verb}_{done.entity.kind}")
    assert isinstance(before, Decimal)
    rises = before > Decimal(done.target)
    return Wish(f"{done.field}_{'increase' if rises else 'decrease'}", value=before)


def each(action_ids: Sequence[UUID], work: Callable[[UUID], Any], *, done: str) -> list[Done]:
    """Many at once: what fails does not keep the others from it."""
    if len(action_ids) > MOST_AT_ONCE:
        raise Invalid([Fault("/ids", f"Choose at most {MOST_AT_ONCE} actions at once.", "too_many")])
    results = []
    for action_id in dict.fromkeys(action_ids):
        try:
            work(action_id)
            results.append(Done(action_id, done, True))
        except Refusal as refused:
            results.append(Done(action_id, refused.sentence, False))
    return results


def expire_due(*, now: datetime) -> int:
    """What nobody decided in time, or could not be executed in time."""
    states = [State.PENDING_REVIEW, State.BLOCKED, State.APPROVED]
    due = Action.objects.filter(state__in=states, expires_at__lte=now).select_related("workspace", "account", "entity")
    expired = 0
    for action in due.order_by("expires_at")[:MOST_EXPIRED_AT_ONCE]:
        hours = round((action.expires_at - action.created_at).total_seconds() / 3600)
        sentence = f"Nothing came of it within {hours} hours."
        try:
            move(
                action, State.EXPIRED, by=SYSTEM, now=now, sentence=sentence, code="expired", waits_for="", try_at=None
            )
            expired += 1
        except Refusal:
            continue  # somebody decided in this very moment
    return expired
