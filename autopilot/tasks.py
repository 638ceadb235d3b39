"""Background work of the autopilot."""

from celery import shared_task

from autopilot.services import actions, executor, proposals, recovery, resolving, rule_runs
from stratum.lib import clock


@shared_task(name=proposals.EXECUTE)
def execute(action_id: str) -> None:
    """Right after its approval, instead of at the next tick."""
    executor.execute_one(action_id=action_id, now=clock.now())


@shared_task(name=executor.TASK)
def execute_due(workspace_id: int) -> None:
    executor.execute_due(workspace_id=workspace_id, now=clock.now())


@shared_task(name=recovery.TASK)
def judge_again(workspace_id: int) -> None:
    recovery.judge_again(workspace_id=workspace_id, now=clock.now())


@shared_task(name="autopilot.housekeeping")
def housekeeping() -> None:
    """What expires, and predictions whose days are there."""
    now = clock.now()
    actions.expire_due(now=now)
    resolving.resolve_due(now=now)


@shared_task(name=rule_runs.TASK)
def run_rule(rule_id: str) -> None:
    rule_runs.run_by_id(rule_id=rule_id, now=clock.now())
