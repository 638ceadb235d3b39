"""Runs what is due: attempts of what is approved, readings back of what is unknown. Side by side, a few at once."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from autopilot.models import Action
from autopilot.services import settling
from autopilot.services.attempts import attempt
from autopilot.services.stage import Stage
from autopilot.states import State
from stratum.workspaces.models import Workspace

TASK = "autopilot.execute_due"
AT_ONCE = 500
SIDE_BY_SIDE = 8  # they wait for platforms most of the time
DUE = (State.APPROVED, State.EXECUTING, State.UNKNOWN)


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with something due."""
    due = Action.objects.filter(state__in=DUE, try_at__lte=now).values_list("workspace_id", flat=True)
    return [{"workspace_id": pk} for pk in due.distinct()]


def execute_due(*, workspace_id: int, now: datetime, side_by_side: int = SIDE_BY_SIDE) -> int:
    """How many were taken on."""
    workspace = Workspace.objects.get(pk=workspace_id)
    due = Action.objects.filter(workspace=workspace, state__in=DUE, try_at__lte=now)
    ids = list(due.order_by("try_at").values_list("pk", flat=True)[:AT_ONCE])
    lanes = [ids[lane::side_by_side] for lane in range(min(side_by_side, len(ids)))]
    if len(lanes) == 1:
        run_lane(workspace, lanes[0], now)
    elif lanes:
        with ThreadPoolExecutor(len(lanes)) as pool:
            list(pool.map(lambda lane: _in_thread(workspace, lane, now), lanes))
    return len(ids)


def _in_thread(workspace: Workspace, ids: Sequence[UUID], now: datetime) -> None:
    try:
        run_lane(workspace, ids, now)
    finally:
        connections.close_all()


def run_lane(workspace: Workspace, ids: Sequence[UUID], now: datetime) -> None:
    """One after the other, sharing what was read once."""
    stage = Stage(workspace, now)
    for action in in_turn(ids):
        execute(action, stage)


def in_turn(ids: Sequence[UUID]) -> Iterable[Action]:
    joined = Action.objects.select_related(
        "account__connection", "entity", "rule", "workspace", "undoes__account", "undoes__entity", "undoes__workspace"
    )
    found = joined.in_bulk(list(ids))
    return [found[pk] for pk in ids if pk in found]


def execute(action: Action, stage: Stage) -> None:
    if action.state == State.APPROVED:
        attempt(action=action, stage=stage, dry_run=False)
    else:
        settling.resolve(action=action, stage=stage)


def execute_one(*, action_id: str, now: datetime) -> None:
    for action in in_turn([UUID(action_id)]):
        execute(action, Stage(action.workspace, now))
