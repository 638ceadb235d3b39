"""From executing to an end: succeeded once the target was read back, unknown until then, stale when it is neither."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from autopilot import changes
from autopilot.models import Action
from autopilot.services import dry_runs, entity_lock
from autopilot.services.facts import value_of
from autopilot.services.moves import move
from autopilot.services.stage import Stage
from autopilot.states import State
from integrations.base import Entity
from integrations.models import AdEntity
from stratum.lib.http import Failure, Gone, Throttled
from stratum.workspaces.access import SYSTEM

LOST_AFTER = timedelta(minutes=3)  # longer than a write's time-out: its worker is dead
SETTLE = timedelta(minutes=2)  # after the run began; what may still be on its way arrives by then
PAUSE = timedelta(minutes=5)
MOST_ATTEMPTS = 5
# Where a platform tells no time of the last change, its list of changes says it, and that one is written late.
HISTORY_LATE = timedelta(minutes=5)


def seen_json(live: Entity, field: str) -> dict[str, Any]:
    return {
        "value": changes.to_json(value_of(live, field)),
        "status": live.status,
        "updated_at": live.updated_at.isoformat() if live.updated_at else None,
    }


@transaction.atomic
def succeed(action: Action, now: datetime, live: Entity | None, *, sentence: str, request_id: str = "") -> None:
    """With what was read back; what we know of the entity follows at once, and whom it undoes."""
    after = seen_json(live, action.field) if live else None
    request_id = request_id or action.request_id
    move(
        action,
        State.SUCCEEDED,
        by=SYSTEM,
        now=now,
        sentence=sentence,
        code="executed",
        executed_at=now,
        after=after,
        request_id=request_id,
        try_at=None,
    )
    _remember(action, live, now)
    if action.undoes is not None and action.undoes.state == State.SUCCEEDED:
        move(action.undoes, State.REVERTED, by=SYSTEM, now=now, sentence="Undone.", code="reverted")
    dry_runs.link(action)


def _remember(action: Action, live: Entity | None, now: datetime) -> None:
    if live is None:
        return
    budget = {} if live.budget is None else {"budget": live.budget.amount}
    AdEntity.objects.filter(pk=action.entity_id).update(
        status=live.status, bid=live.bid, changed_at=live.updated_at, seen_at=now, **budget
    )


def unknown(
    action: Action,
    now: datetime,
    failure: Failure | None,
    *,
    at: datetime | None = None,
    request_id: str = "",
) -> None:
    """Nobody knows yet whether it was applied: look again later."""
    why = failure.sentence if failure else "The platform took the change and does not show it yet."
    try_at = max(at or now, now + SETTLE)
    sentence = f"{why} Whether it was applied is read back from {try_at:%H:%M} UTC."
    move(
        action,
        State.UNKNOWN,
        by=SYSTEM,
        now=now,
        sentence=sentence,
        code="unknown",
        try_at=try_at,
        request_id=request_id or (failure.request_id if failure else "") or action.request_id,
    )


def resolve(*, action: Action, stage: Stage) -> Action:
    """Of an action whose worker died or whose outcome is unknown: read, and say what became of it."""
    with entity_lock.held(action.entity_id) as mine:
        action.refresh_from_db(fields=["state", "try_at", "attempts"])
        if not mine or (action.try_at and action.try_at > stage.now):
            return action
        if action.state == State.EXECUTING:
            unknown(action, stage.now, _Lost())
            return action
        if action.state == State.UNKNOWN:
            _read_back(action, stage)
    return action


class _Lost(Failure):
    def __init__(self) -> None:
        super().__init__("The worker that executed this was lost.")


def _read_back(action: Action, stage: Stage) -> None:
    kind: Any = action.entity.kind
    try:
        live = stage.platform(action.account).read(action.account.external_id, kind, action.entity.external_id)
    except Gone as gone:
        _stale(action, stage.now, None, f"It is not there any more: {gone.sentence}")
        return
    except Failure as failure:
        _look_later(action, stage.now, failure)
        return
    _conclude(action, stage, live)


def _look_later(action: Action, now: datetime, failure: Failure) -> None:
    at = max(now + PAUSE, _asked_to_wait(failure) or now)
    _still_unknown(action, at, f"The outcome could not be read back: {failure.sentence} Again from {at:%H:%M} UTC.")


def _still_unknown(action: Action, at: datetime, why: str) -> None:
    Action.objects.filter(pk=action.pk, state=State.UNKNOWN).update(try_at=at, why=why[:600])


def _asked_to_wait(failure: Failure) -> datetime | None:
    return failure.retry_at if isinstance(failure, Throttled) else None


def _conclude(action: Action, stage: Stage, live: Entity) -> None:
    value = value_of(live, action.field)
    if value == changes.from_json(action.target, action.field):
        stage.note_done()
        succeed(action, stage.now, live, sentence="Read back: the platform has the target.")
    elif changes.to_json(value) != action.expected_before.get("value"):
        _stale(action, stage.now, value, stale_sentence(action, value))
    elif live.updated_at is None and stage.now < (at := _begun(action) + HISTORY_LATE):
        _still_unknown(action, at, f"Not applied so far; the platform's list of changes is looked at {at:%H:%M} UTC.")
    else:
        _conclude_before(action, stage, live)


def _conclude_before(action: Action, stage: Stage, live: Entity) -> None:
    """It has the value of before. If that went away and came back, it is somebody else's word."""
    try:
        touched = _touched(action, stage, live)
    except Failure as failure:
        _look_later(action, stage.now, failure)
        return
    if touched:
        value = value_of(live, action.field)
        sentence = "It was changed meanwhile and changed back: that is somebody else's word, and not overwritten."
        _stale(action, stage.now, value, sentence)
    elif action.attempts >= MOST_ATTEMPTS:
        sentence = f"The platform never applied it in {action.attempts} attempts."
        move(action, State.FAILED, by=SYSTEM, now=stage.now, sentence=sentence, code="never_applied")
    else:
        sentence = "Read back: it was not applied, so it is safe to try again."
        move(action, State.APPROVED, by=SYSTEM, now=stage.now, sentence=sentence, code="not_applied", try_at=stage.now)


def _touched(action: Action, stage: Stage, live: Entity) -> bool:
    """Whether anything changed it after the write was begun, by the platform's own time or list of changes."""
    told = action.expected_before.get("updated_at")
    if live.updated_at is not None:
        return not told or live.updated_at > datetime.fromisoformat(told)
    begun = _begun(action)
    found = stage.platform(action.account).outside_changes(action.account.external_id, begun)
    entity = action.entity.external_id
    return any(one.entity_id == entity and one.field == action.field and one.changed_at >= begun for one in found)


def _begun(action: Action) -> datetime:
    """When its last write was claimed."""
    claims = action.moves.filter(after=State.EXECUTING).order_by("-pk").values_list("at", flat=True)
    return claims[0]


def _stale(action: Action, now: datetime, live: changes.Value | None, sentence: str) -> None:
    move(
        action,
        State.STALE,
        by=SYSTEM,
        now=now,
        sentence=sentence,
        code="stale",
        difference=three_ways(action, live),
    )


def three_ways(action: Action, live: changes.Value | None) -> dict[str, Any]:
    expected = action.expected_before.get("value")
    return {"expected": expected, "live": changes.to_json(live), "wanted": action.target}


def stale_sentence(action: Action, live: changes.Value | None) -> str:
    field, currency = action.field, action.account.currency
    expected, wanted = (changes.from_json(one, field) for one in (action.expected_before.get("value"), action.target))
    shown = [changes.shown(value, currency, field) for value in (expected, live, wanted)]
    return f"Somebody changed it meanwhile: {shown[0]} was expected, {shown[1]} is live, {shown[2]} was wanted."
