"""Runs what is due: attempts of what is approved, readings back of what is unknown. Side by side, a few at once."""

import logging
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from autopilot.models import Action
from autopilot.services import settling
from autopilot.services.attempts import attempt
from autopilot.services.stage import Stage
from autopilot.states import State
from stratum.workspaces.models import Workspace

log = logging.getLogger(__name__)

TASK = "autopilot.execute_due"
MOST_AT_ONCE = 5_000
SIDE_BY_SIDE = 12  # they wait for platforms most of the time
LONGEST = 50.0  # seconds: what a run read once gets old, and the next tick goes on
TAKEN = 10  # actions that are read together
BROKEN_PAUSE = timedelta(minutes=15)
DUE = (State.APPROVED, State.EXECUTING, State.UNKNOWN)


def claim_due(now: datetime) -> Iterable[Mapping[str, Any]]:
    """For the tick: workspaces with something due."""
    due = Action.objects.filter(state__in=DUE, try_at__lte=now).values_list("workspace_id", flat=True)
    return [{"workspace_id": pk} for pk in due.distinct()]


def execute_due(*, workspace_id: int, now: datetime, side_by_side: int = SIDE_BY_SIDE) -> int:
    """How many were taken on."""
    workspace = Workspace.objects.get(pk=workspace_id)
    due = Action.objects.filter(workspace=workspace, state__in=DUE, try_at__lte=now)
    waiting = deque(due.order_by("try_at").values_list("pk", flat=True)[:MOST_AT_ONCE])
    found, until = len(waiting), time.monotonic() + LONGEST
    lanes = min(side_by_side, found)
    if lanes == 1:
        run_lane(workspace, waiting, now, until)
    elif lanes:
        with ThreadPoolExecutor(lanes) as pool:
            list(pool.map(lambda _: _in_thread(workspace, waiting, now, until), range(lanes)))
    return found - len(waiting)


def _in_thread(workspace: Workspace, waiting: deque[UUID], now: datetime, until: float) -> None:
    try:
        run_lane(workspace, waiting, now, until)
    finally:
        connections.close_all()


def run_lane(workspace: Workspace, waiting: deque[UUID], now: datetime, until: float) -> None:
    """One after the other, sharing what was read once, until nothing waits or the time is over."""
    stage = Stage(workspace, now)
    while time.monotonic() < until and (ids := _take(waiting)):
        taken = list(in_turn(ids))
        stage.prepare(taken)
        for action in taken:
            execute(action, stage)


def _take(waiting: deque[UUID]) -> list[UUID]:
    """Other lanes take from it too."""
    ids: list[UUID] = []
    try:
        while len(ids) < TAKEN:
            ids.append(waiting.popleft())
    except IndexError:
        pass
    return ids


def in_turn(ids: Sequence[UUID]) -> Iterable[Action]:
    joined = Action.objects.select_related(
        "account__connection", "entity", "rule", "workspace", "undoes__account", "undoes__entity", "undoes__workspace"
    )
    found = joined.in_bulk(list(ids))
    return [found[pk] for pk in ids if pk in found]


def execute(action: Action, stage: Stage) -> None:
    """What breaks on our side is noted and tried again later; it does not keep the others from their turn."""
    try:
        if action.state == State.APPROVED:
            attempt(action=action, stage=stage, dry_run=False)
        else:
            settling.resolve(action=action, stage=stage)
    except Exception:
        log.exception("Action %s could not be carried on", action.pk)
        _postpone(action, stage.now + BROKEN_PAUSE)


def _postpone(action: Action, at: datetime) -> None:
    """Where it stands is kept: a write that may have been sent is read back then."""
    why = f"Something broke on our side. The error was noted; tried again from {at:%Y-%m-%d %H:%M} UTC."
    Action.objects.filter(pk=action.pk, state__in=DUE).update(try_at=at, why=why)


def execute_one(*, action_id: str, now: datetime) -> None:
    for action in in_turn([UUID(action_id)]):
        execute(action, Stage(action.workspace, now))
