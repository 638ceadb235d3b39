"""Blocked actions are judged again once nothing that we know of blocks them any more: signals healed, rails moved."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from autopilot import guards
from autopilot.models import Action
from autopilot.services import actions
from autopilot.services.examination import subject_of
from autopilot.services.facts import as_seen, gather
from autopilot.services.stage import Stage
from autopilot.states import State
from integrations.base import OutsideChange
from integrations.models import AdAccount
from stratum.lib.http import Failure
from stratum.lib.refusal import Refusal
from stratum.workspaces.access import SYSTEM
from stratum.workspaces.models import Workspace
from trustlayer.gate import Decision, judge
from trustlayer.health import Health
from trustlayer.policy import Policy
from trustlayer.queries import health
from trustlayer.services import policies

TASK = "autopilot.judge_again"
MOST_AT_ONCE = 200
PAUSE = timedelta(minutes=10)  # between two judgements of one action: each is an entry of the book


class OwnStage(Stage):
    """By what we know already: nothing is read from a platform."""

    def outside(self, account: AdAccount) -> tuple[Sequence[OutsideChange], Failure | None]:
        return (), None


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with something blocked."""
    blocked = Action.objects.filter(state=State.BLOCKED, expires_at__gt=now)
    return [{"workspace_id": pk} for pk in blocked.values_list("workspace_id", flat=True).distinct()]


def judge_again(*, workspace_id: int, now: datetime) -> int:
    """How many are not blocked any more."""
    workspace = Workspace.objects.get(pk=workspace_id)
    stage, policy = OwnStage(workspace, now), policies.current(workspace)
    healths: dict[str, Health] = {}
    freed = 0
    for action in _blocked(workspace, now):
        platform = action.account.platform
        if platform not in healths:
            healths[platform] = health.health_of(workspace, platform, policy, now=now)
        if _is_blocked(action, healths[platform], policy, stage):
            continue
        try:
            judged = actions.judge_again(workspace=workspace, by=SYSTEM, action_id=action.pk, now=now)
        except Refusal:
            continue  # the platform cannot be read, or somebody was quicker
        freed += judged.state != State.BLOCKED
    return freed


def _blocked(workspace: Workspace, now: datetime) -> list[Action]:
    rows = Action.objects.filter(workspace=workspace, state=State.BLOCKED, expires_at__gt=now)
    joined = rows.select_related("account__connection", "entity", "rule", "workspace", "undoes")
    found = list(joined.order_by("expires_at")[:MOST_AT_ONCE])
    return [one for one in found if _judged_at(one) <= now - PAUSE]


def _judged_at(action: Action) -> datetime:
    at = action.findings.get("at")
    return datetime.fromisoformat(at) if at else action.changed_at


def _is_blocked(action: Action, found: Health, policy: Policy, stage: Stage) -> bool:
    if judge(action.kind, found, policy).decision is Decision.BLOCK:
        return True
    facts = gather(subject_of(action), as_seen(action.entity), stage)
    checks = guards.check_all(facts, stage.settings.for_account(action.account_id))
    return any(check.hard for check in guards.failed(checks))
