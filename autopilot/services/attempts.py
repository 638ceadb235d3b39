"""`attempt`: one function for the test and for the real run.

Both read the live entity, check every guard rail, let the platform validate and ask the gate. Only then they part: a
test writes down what it found; the real run claims the action, writes, and reads back. Killed anywhere, an action is
never applied twice and never lost: before the claim nothing happened, after it the outcome is unknown until read back.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from autopilot import changes
from autopilot.models import Action, DryRun
from autopilot.services import dry_runs, entity_lock, settling
from autopilot.services.examination import (
    Seen,
    Weighed,
    change_of,
    look,
    may_try_later,
    reason_of,
    retry_at,
    subject_of,
    weigh,
)
from autopilot.services.facts import value_of
from autopilot.services.moves import move
from autopilot.services.stage import Stage
from autopilot.states import State
from autopilot.verdicts import Verdict
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled, Unreachable
from stratum.workspaces.access import SYSTEM, Actor

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Attempted:
    """`weighed` is None when nothing could be found out (taken by another worker, gone meanwhile)."""

    action: Action
    weighed: Weighed | None = None
    dry_run: DryRun | None = None


def attempt(*, action: Action, stage: Stage, dry_run: bool, by: Actor = SYSTEM) -> Attempted:
    """Test it, or really do it where it is approved. A real run that cannot be made now says when it is tried again."""
    if dry_run:
        return _examine(action, stage, by, dry_run=True)
    with entity_lock.held(action.entity_id) as mine:
        if not mine:
            return Attempted(action)
        action.refresh_from_db(fields=["state", "attempts", "approved_despite", "try_at"])
        if action.state != State.APPROVED or stage.settings.dry_run:
            return Attempted(action)
        if throttled := stage.throttled.get(action.account.connection_id):
            _wait(action, throttled, stage.now)  # the others of this run found out already
            return Attempted(action)
        found = _examine(action, stage, by, dry_run=False)
        if action.state == State.EXECUTING:
            _carry_out(action, found, stage)
        return found


def _examine(action: Action, stage: Stage, by: Actor, *, dry_run: bool) -> Attempted:
    seen = look(subject_of(action), stage, with_impact=dry_run)
    if not dry_run and (lost := _passing(seen)) is not None:
        _note_throttled(action, lost, stage)
        _wait(action, lost, stage.now)
        return Attempted(action)
    with transaction.atomic():
        despite = [] if dry_run else action.approved_despite
        weighed = weigh(seen, stage=stage, by=by, dry_run=dry_run, approved_despite=despite, action=action)
        if dry_run:
            return Attempted(action, weighed, dry_runs.record(action, weighed, stage=stage, by=by))
        _settle(action, weighed, stage)
        return Attempted(action, weighed)


def _passing(seen: Seen) -> Failure | None:
    """What keeps us from looking at everything now and will pass. What is clear without it is settled without it."""
    if seen.failure is not None:
        return seen.failure if may_try_later(seen.failure) else None
    return None if seen.has_drifted or seen.is_done else seen.hiccup


def _settle(action: Action, weighed: Weighed, stage: Stage) -> None:
    """From approved to what the findings say; the gate's decision is the entry that tells of it."""
    seen, outcome = weighed.seen, weighed.outcome
    told: dict[str, Any] = {"by": SYSTEM, "now": stage.now, "entry": weighed.entry}
    told["signal_health"] = weighed.entry.signal_health
    if isinstance(seen.failure, Gone):
        sentence = f"It is not there any more: {seen.failure.sentence}"
        move(action, State.STALE, sentence=sentence, code="gone", **told)
    elif seen.has_drifted:
        _stale(action, seen, told)
    elif seen.is_done:
        move(action, State.EXECUTING, sentence="The platform has the target already.", code="no_op", **told)
    elif outcome.verdict is Verdict.BLOCK:
        move(action, State.BLOCKED, sentence="; ".join(outcome.reasons), code="blocked", **told)
    elif outcome.verdict is Verdict.HOLD:
        sentence = f"It waits for a person again: {'; '.join(outcome.reasons)}"
        waits = Action.Waits.HOLD if weighed.entry.decision == "HOLD" else Action.Waits.APPROVAL
        told |= {"waits_for": waits, "approved_despite": []}
        move(action, State.PENDING_REVIEW, sentence=sentence, code="held", **told)
    else:
        assert seen.live is not None
        told |= {"attempts": action.attempts + 1, "try_at": stage.now + settling.LOST_AFTER}
        told["expected_before"] = settling.seen_json(seen.live, action.field)
        move(action, State.EXECUTING, sentence=reason_of(weighed.entry), code="claimed", **told)


def _stale(action: Action, seen: Seen, told: dict[str, Any]) -> None:
    difference = settling.three_ways(action, seen.live_value)
    sentence = settling.stale_sentence(action, seen.live_value)
    move(action, State.STALE, sentence=sentence, code="stale", difference=difference, **told)


def _note_throttled(action: Action, failure: Failure, stage: Stage) -> None:
    if isinstance(failure, Throttled):
        stage.throttled[action.account.connection_id] = failure


def _wait(action: Action, failure: Failure, now: datetime) -> None:
    """Still approved; the platform could not be read. Expiry ends the waiting."""
    waited = now - (action.approved_at or now)
    pause = next((one for one in PAUSES if one > waited), PAUSES[-1])
    at = retry_at(failure) or now + pause
    why = f"Tried again from {at:%Y-%m-%d %H:%M} UTC: {failure.sentence}"
    Action.objects.filter(pk=action.pk, state=State.APPROVED).update(try_at=at, why=why[:600])
    action.try_at, action.why = at, why


def _carry_out(action: Action, found: Attempted, stage: Stage) -> None:
    """Claimed: write once, then believe only what is read back."""
    assert found.weighed is not None
    seen = found.weighed.seen
    if seen.is_done:
        settling.succeed(action, stage.now, seen.live, sentence="The platform had the target already: nothing to do.")
        return
    platform, account = stage.platform(action.account), action.account.external_id
    try:
        written = platform.write(account, change_of(seen.subject))
    except (Rejected, NotAuthorised, Gone) as refused:
        sentence = f"The platform refused: {refused.sentence}"
        move(
            action,
            State.FAILED,
            by=SYSTEM,
            now=stage.now,
            sentence=sentence,
            code="refused",
            request_id=refused.request_id,
        )
        return
    except Throttled as throttled:
        _note_throttled(action, throttled, stage)
        settling.unknown(action, stage.now, throttled, at=throttled.retry_at)
        return
    except Unreachable as lost:
        settling.unknown(action, stage.now, lost)
        return
    _read_back(action, seen, written.request_id, stage)


def _read_back(action: Action, seen: Seen, request_id: str, stage: Stage) -> None:
    kind: Any = action.entity.kind
    try:
        live = stage.platform(action.account).read(action.account.external_id, kind, action.entity.external_id)
    except Failure as failure:
        settling.unknown(action, stage.now, failure, request_id=request_id)
        return
    if value_of(live, action.field) == seen.subject.aim.after:
        stage.note_done()
        settling.succeed(action, stage.now, live, sentence=_done_words(action), request_id=request_id)
    else:
        settling.unknown(action, stage.now, None, request_id=request_id)


def _done_words(action: Action) -> str:
    currency, field = action.account.currency, action.field
    before, after = (
        changes.shown(changes.from_json(value, field), currency, field)
        for value in (action.expected_before.get("value"), action.target)
    )
    return f"Executed and read back: {field} {before} → {after}."
