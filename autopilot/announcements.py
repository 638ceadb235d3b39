"""What the autopilot announces: actions that wait for review, were executed, failed, or are blocked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from autopilot import changes
from autopilot.models import ActionMove
from autopilot.queries.actions import tab_of
from autopilot.states import State
from stratum.notifications.registry import INFO, WARNING, Collected, Kind, Notice
from stratum.workspaces.models import Workspace
from trustlayer.actions import ACTIONS
from trustlayer.models import LedgerEntry, LedgerHead

MOST_AT_ONCE = 1_000  # entries of the book looked at in one go
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Told:
    """How an option is put: of one action, of many."""

    one: str
    many: str
    severity: str


TOLD: Mapping[str, Told] = {
    "waiting": Told("waits for review", "wait for review", INFO),
    "executed": Told("was executed", "were executed", INFO),
    "failed": Told("failed", "failed", WARNING),
    "blocked": Told("is blocked", "are blocked", WARNING),
}
OPTION_OF: Mapping[str, str] = {
    State.PENDING_REVIEW: "waiting",
    State.SUCCEEDED: "executed",
    State.FAILED: "failed",
    State.STALE: "failed",
    State.BLOCKED: "blocked",
}
PASSING = (State.PENDING_REVIEW, State.BLOCKED)  # told only while they last: who has decided needs no reminder


def collect(workspace: Workspace, place: Any, now: datetime) -> Collected:
    """`place`: the last entry of the book that was looked at, which every move has. Many at once are told together."""
    head = LedgerHead.objects.filter(workspace=workspace).values_list("seq", flat=True).first() or 0
    if place is None:
        return Collected((), head)
    until = min(head, place + MOST_AT_ONCE)
    moves = _moves(workspace, place, until)
    by_option = {option: [one for one in moves if OPTION_OF[one.after] == option] for option in TOLD}
    return Collected([_notice(option, found, until) for option, found in by_option.items() if found], until)


def _moves(workspace: Workspace, place: int, until: int) -> Sequence[ActionMove]:
    entries = LedgerEntry.objects.filter(workspace=workspace, seq__gt=place, seq__lte=until, is_dry_run=False)
    about = dict(entries.exclude(action_id="").values_list("pk", "action_id"))
    moves = ActionMove.objects.filter(action__in=set(about.values()), entry_id__in=list(about), after__in=OPTION_OF)
    found = moves.filter(action__workspace=workspace).select_related("action__entity", "action__account")
    return [one for one in found.order_by("id") if one.after not in PASSING or one.action.state == one.after]


def _notice(option: str, moves: Sequence[ActionMove], until: int) -> Notice:
    told, first, alone = TOLD[option], moves[0], len(moves) == 1
    tab = tab_of(first.action.state, first.action.waits_for)
    return Notice(
        kind=AUTOPILOT.name,
        key=f"autopilot:{option}:{until}",
        title=f"{_named(first)} {told.one}" if alone else f"{len(moves):,} actions {told.many}",
        text=first.sentence if alone else "",
        severity=told.severity,
        facts=[("Change", _change(first))] if alone else _list_of(moves),
        path=reverse("action_detail", args=[first.action_id]) if alone else f"{reverse('action_list')}?tab={tab}",
        option=option,
    )


def _named(move: ActionMove) -> str:
    action = move.action
    return f"{ACTIONS[action.kind].label}: {changes.KIND_WORDS[action.entity.kind]} “{action.entity.name}”"


def _change(move: ActionMove) -> str:
    action = move.action
    before, after = changes.both(
        action.field, action.expected_before.get("value"), action.target, action.account.currency
    )
    return f"{before} → {after}"


def _list_of(moves: Sequence[ActionMove]) -> list[tuple[str, str]]:
    named = [(_named(move), _change(move)) for move in moves[:MOST_NAMED]]
    more = len(moves) - MOST_NAMED
    return [*named, ("And", f"{more:,} more")] if more > 0 else named


AUTOPILOT = Kind(
    "autopilot",
    "Autopilot",
    "When actions wait for somebody, were executed, failed, or are blocked. Many at once are told together.",
    options=(("waiting", "Waiting for review"), ("executed", "Executed"), ("failed", "Failed"), ("blocked", "Blocked")),
    collect=collect,
    usual=True,
    order=30,
)
