"""A book with decisions of every kind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.models import LedgerEntry
from trustlayer.services import ledger
from trustlayer.services.ledger import Draft, Entity

Write = Callable[..., LedgerEntry]

SUMMER = Entity("Campaign", "120", "Summer Sale 2026", "meta", "act_1")
CARTS = Entity("Ad Set", "77", "Retargeting - Cart Abandoners", "meta", "act_1")
BRAND = Entity("Campaign", "9", "Brand Awareness Q1", "google", "555")
DECIDED: dict[str, dict[str, Any]] = {
    "PASS": {
        "decision": "PASS",
        "signal_health": 85,
        "reason": "All signals healthy, automation approved",
        "reason_code": "healthy",
        "action": "budget_increase",
        "entity": SUMMER,
        "change": "+15% budget",
    },
    "HOLD": {
        "decision": "HOLD",
        "signal_health": 62,
        "reason": "Signal health below threshold (70), action queued for manual review",
        "reason_code": "below_threshold",
        "action": "pause_adset",
        "entity": CARTS,
    },
    "BLOCK": {
        "decision": "BLOCK",
        "signal_health": 35,
        "reason": "Critical signal degradation, automation blocked",
        "reason_code": "emq_critical",
        "action": "scale_budget",
        "entity": BRAND,
        "blocked_reason": "EMQ score 3.2 (below 4.0 threshold)",
    },
}


@pytest.fixture
def write(workspace: Workspace, now: datetime) -> Write:
    """`write("HOLD", days=3, entity=…)`: the manual's decision of that kind, that long ago."""

    def written(like: str = "PASS", /, *, days: float = 0, into: Workspace = workspace, **fields: Any) -> LedgerEntry:
        draft = Draft(**{**DECIDED[like], **fields})
        return ledger.append(workspace=into, drafts=[draft], now=now - timedelta(days=days))[0]

    return written


@pytest.fixture
def book(write: Write, by_bob: Actor) -> list[LedgerEntry]:
    """Seven entries: over forty days, of people and of nobody, one of them a dry run, one no decision."""
    return [
        write("PASS", days=40),
        write("HOLD", days=20, by=by_bob),
        write("BLOCK", days=10),
        write("BLOCK", days=5, blocked_reason="EMQ score 2.9 (below 4.0 threshold)"),
        write("PASS", days=3, is_dry_run=True),
        write("PASS", days=2, kind="policy", decision="", action="policy_change", by=by_bob),
        write("PASS", days=1, entity=BRAND, action="bid_increase"),
    ]
