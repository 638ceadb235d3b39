"""Seeded runs of failures at every step. `AUTOPILOT_FAULT_SEEDS=200 pytest tests/autopilot/test_faults.py` runs more.

A kill is an exception that nothing catches, at each call to the platform and right after the write was applied.
"""

import os
from datetime import datetime

import pytest

from autopilot.models import Action
from autopilot.services import actions
from autopilot.states import State
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from tests.autopilot import faults
from tests.autopilot.conftest import Propose
from tests.autopilot.platform import FakePlatform
from trustlayer.models import LedgerEntry
from trustlayer.services import verification

pytestmark = pytest.mark.django_db
SEEDS = range(int(os.environ.get("AUTOPILOT_FAULT_SEEDS", "12")))
ENDS = {
    State.SUCCEEDED, State.FAILED, State.STALE, State.EXPIRED, State.BLOCKED, State.PENDING_REVIEW,
}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_never_twice_never_lost(
    seed: int, propose: Propose, platform: FakePlatform, workspace: Workspace, by_alice: Actor, now: datetime
) -> None:
    action = actions.approve(workspace=workspace, by=by_alice, action_id=propose().pk, now=now)
    ended = faults.live(seed, action, platform, now)
    assert ended.state in ENDS, f"lost in {ended.state}"
    assert ended.why
    assert ended.writes <= 1, "applied twice"
    if ended.state == State.SUCCEEDED:
        executed = LedgerEntry.objects.filter(action_id=str(action.pk), reason_code="executed")
        assert executed.count() == 1
        assert ended.value == "600"
    told = list(action.moves.order_by("id").values_list("after", flat=True))
    assert told[-1] == ended.state == Action.objects.get().state
    assert action.moves.filter(entry_id=None).count() == 0
    assert verification.check(workspace).broken is None
