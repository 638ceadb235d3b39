"""What the demo workspace shows of the autopilot, made by its own services."""

from datetime import datetime

import pytest

from autopilot.models import Action, AutopilotSettings, DryRun, Rule, RuleRun
from autopilot.queries import actions as queries
from autopilot.queries import dry_runs
from autopilot.services import actions, sample
from autopilot.states import State
from cdp.services import demo_trust
from integrations.models import SandboxState
from integrations.services import sample as platforms
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import report_signals
from trustlayer.services import verification

pytestmark = pytest.mark.django_db


def test_it_works(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    demo_trust.tell(workspace=workspace, seed=2026, now=now)
    platforms.build(workspace, now)
    sample.build(workspace, now)
    assert all(queries.counts(workspace).values()), "there is something on every tab"
    assert Rule.objects.filter(enabled=True).count() == 2
    assert RuleRun.objects.filter(is_dry_run=False).count() == 2
    assert verification.check(workspace).broken is None
    _the_manuals_action(workspace, by_alice, now)
    _the_history(workspace)
    before = Action.objects.count()
    sample.build(workspace, now)
    assert Action.objects.count() == before


def _the_manuals_action(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    """It waits alone on its budget, was not tested yet, and would execute."""
    action = Action.objects.get(entity__name="Holiday Promo 2026", state=State.PENDING_REVIEW)
    assert (action.expected_before["value"], action.target, action.waits_for) == ("500", "600", "approval")
    assert not action.dry_runs.exists()
    tested = actions.test(workspace=workspace, by=by_alice, action_id=action.pk, now=now)
    assert (tested.verdict, tested.failed_checks, tested.result["conflicts"]) == ("WOULD_EXECUTE", [], [])


def _the_history(workspace: Workspace) -> None:
    """Predictions that can be compared with what came, of executed actions too, and checks that rules' actions fail."""
    resolved = {(one.executed, one.count) for one in dry_runs.scores(workspace)}
    assert {executed for executed, _ in resolved} == {True, False}
    assert sum(count for _, count in resolved) >= 8
    done = DryRun.objects.filter(executed=True, actual_14__isnull=False)
    assert {one.action.state for one in done} == {State.SUCCEEDED}
    assert {"Scale winners", "No rule: proposed by hand"} <= {one.rule for one in dry_runs.failing(workspace)}


def test_it_goes_without_a_trace(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    platforms.build(workspace, now)
    report_signals(workspace, now)
    sample.build(workspace, now)
    platforms.remove(workspace, now)
    sample.remove(workspace, now)
    for model in (Action, DryRun, Rule, AutopilotSettings, SandboxState):
        assert not model.objects.exists(), model
