"""Rows of the queue in words: old → new, expected impact, health, what may be done."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autopilot import changes, money, report
from autopilot.models import Action
from autopilot.states import State
from stratum.workspaces.access import Actor
from trustlayer.actions import ACTIONS

LOOKS: Mapping[str, tuple[str, str]] = {
    State.PENDING_REVIEW: ("warn", "hourglass"),
    State.PROPOSED: ("neutral", "circle-dashed"),
    State.APPROVED: ("info", "circle-check"),
    State.EXECUTING: ("info", "refresh"),
    State.UNKNOWN: ("warn", "help-circle"),
    State.SUCCEEDED: ("ok", "circle-check"),
    State.REVERTED: ("neutral", "arrow-left"),
    State.BLOCKED: ("danger", "ban"),
    State.FAILED: ("danger", "alert-circle"),
    State.STALE: ("warn", "alert-triangle"),
}
TESTABLE = (State.PENDING_REVIEW, State.BLOCKED, State.APPROVED)
CANCELLABLE = (State.PENDING_REVIEW, State.BLOCKED, State.APPROVED, State.STALE)


@dataclass(frozen=True, slots=True)
class Line:
    """An action with the words of its row, and what this person may do with it."""

    action: Action
    label: str
    entity: str
    before: str
    after: str
    impact: str
    state: str
    tone: str
    icon: str
    health_tone: str
    health_icon: str
    may_test: bool
    may_approve: bool
    may_reject: bool
    may_cancel: bool
    may_execute: bool
    may_undo: bool
    may_judge: bool


def lines(actions: Iterable[Action], by: Actor) -> list[Line]:
    return [line(action, by) for action in actions]


def line(action: Action, by: Actor) -> Line:
    before, after = values(action)
    pending = action.state == State.PENDING_REVIEW
    tone, icon = LOOKS.get(action.state, ("neutral", "x"))
    return Line(
        action=action,
        label=ACTIONS[action.kind].label,
        entity=f"{changes.KIND_WORDS[action.entity.kind]}: {action.entity.name}",
        before=before,
        after=after,
        impact=impact_words(action),
        state="Held" if pending and action.waits_for == "hold" else action.get_state_display(),
        tone=tone,
        icon=icon,
        **_health(action.signal_health),
        may_test=by.may("build") and action.state in TESTABLE,
        may_approve=by.may("approve") and pending,
        may_reject=by.may("approve") and pending,
        may_cancel=by.may("approve" if action.state == State.APPROVED else "build") and action.state in CANCELLABLE,
        may_execute=by.may("execute") and action.state == State.APPROVED and action.try_at is None,
        may_undo=by.may("execute") and action.state == State.SUCCEEDED and action.after is not None,
        may_judge=by.may("build") and action.state == State.BLOCKED,
    )


def _health(score: int | None) -> dict[str, str]:
    if score is None:
        return {"health_tone": "neutral", "health_icon": "help-circle"}
    if score >= 70:
        return {"health_tone": "ok", "health_icon": "circle-check"}
    if score >= 40:
        return {"health_tone": "warn", "health_icon": "alert-triangle"}
    return {"health_tone": "danger", "health_icon": "alert-circle"}


def values(action: Action) -> tuple[str, str]:
    before, period = action.expected_before.get("value"), action.entity.budget_period or "daily"
    return changes.both(action.field, before, action.target, action.account.currency, period)


def impact_words(action: Action) -> str:
    """`8-12 more conversions, $100 more a day`, or nothing where there is no projection."""
    projected: Mapping[str, Any] = action.impact or {}
    conversions = projected.get("conversions_per_day")
    if not conversions:
        return ""
    spend = projected["spend_per_day"]
    effect = report.span(conversions["effect"], flip=spend < 0)
    more = "fewer conversions" if spend < 0 else "more conversions"
    per_day = money.words(round(abs(spend)), action.account.currency)
    return f"{effect} {more}, {per_day} {'less' if spend < 0 else 'more'} a day"
