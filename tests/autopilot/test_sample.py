"""What the demo workspace shows of the autopilot, made by its own services."""

from datetime import datetime

import pytest

from autopilot.models import Action, AutopilotSettings, DryRun, Rule, RuleRun
from autopilot.queries import dry_runs
from autopilot.services import sample
from autopilot.states import State
from integrations.models import SandboxState
from integrations.services import sample as platforms
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot.conftest import report_signals
from trustlayer.services import verification

pytestmark = pytest.mark.django_db


def test_it_works(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    platforms.build(workspace, now)
    for platform in ("meta", "google"):
        report_signals(workspace, now, platform=platform)
    sample.build(workspace, now)
    states = set(Action.objects.values_list("state", flat=True))
    assert {State.PENDING_REVIEW, State.SUCCEEDED} <= states
    assert Action.objects.filter(entity__name="Holiday Promo 2026", state=State.PENDING_REVIEW).exists()
    assert Rule.objects.filter(enabled=True).count() == 2
    assert RuleRun.objects.filter(is_dry_run=False).count() == 2
    scores = dry_runs.scores(workspace)
    assert scores and scores[0].count >= 5
    assert verification.check(workspace).broken is None
    before = Action.objects.count()
    sample.build(workspace, now)
    assert Action.objects.count() == before


def test_it_goes_without_a_trace(workspace: Workspace, by_alice: Actor, now: datetime) -> None:
    platforms.build(workspace, now)
    report_signals(workspace, now)
    sample.build(workspace, now)
    platforms.remove(workspace, now)
    sample.remove(workspace, now)
    for model in (Action, DryRun, Rule, AutopilotSettings, SandboxState):
        assert not model.objects.exists(), model
