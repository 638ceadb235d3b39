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
from stratum.lib.http import Failure, Gone
from stratum.workspaces.access import SYSTEM

LOST_AFTER = timedelta(minutes=3)  # longer than a write's time-out: its worker is dead
SETTLE = timedelta(minutes=1)  # what may still be on its way arrives by then
PAUSE = timedelta(minutes=5)
MOST_ATTEMPTS = 5


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
        at = stage.now + PAUSE
        why = f"The outcome could not be read back: {failure.sentence} Again from {at:%H:%M} UTC."
        Action.objects.filter(pk=action.pk, state=State.UNKNOWN).update(try_at=at, why=why[:600])
        return
    _conclude(action, stage, live)


def _conclude(action: Action, stage: Stage, live: Entity) -> None:
    value = value_of(live, action.field)
    if value == changes.from_json(action.target, action.field):
        stage.note_done()
        succeed(action, stage.now, live, sentence="Read back: the platform has the target.")
    elif not _is_before(action, live):
        _stale(action, stage.now, value, stale_sentence(action, value))
    elif action.attempts >= MOST_ATTEMPTS:
        sentence = f"The platform never applied it in {action.attempts} attempts."
        move(action, State.FAILED, by=SYSTEM, now=stage.now, sentence=sentence, code="never_applied")
    else:
        sentence = "Read back: it was not applied, so it is safe to try again."
        move(action, State.APPROVED, by=SYSTEM, now=stage.now, sentence=sentence, code="not_applied", try_at=stage.now)


def _is_before(action: Action, live: Entity) -> bool:
    """As before, and untouched since: a value that went away and came back is somebody else's word."""
    expected = action.expected_before
    if changes.to_json(value_of(live, action.field)) != expected.get("value"):
        return False
    told = expected.get("updated_at")
    return live.updated_at is None or (bool(told) and live.updated_at <= datetime.fromisoformat(told))


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
