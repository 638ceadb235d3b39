"""The manual's §5.3, line by line, from a result with the manual's numbers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from autopilot import changes, guards, report
from autopilot.changes import Wish
from autopilot.guards import Facts
from autopilot.projection import Elasticity, Projection, Range
from autopilot.rails import Rails
from autopilot.report import Examined
from autopilot.verdicts import Findings, PlatformAnswer, decide

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RAILS = Rails(budget_cap=Decimal(1000), daily_spend_limit=Decimal(2000))
IMPACT = Projection(
    spend=100.0,
    effect=Range(8, 12),
    observed=Range(-3, 18),
    noise=Range(-9, 9),
    roas=Range(-0.1, 0.2),
    base_conversions=50,
    base_spend=500,
    elasticity=Elasticity(0.7, 0.3, "what is usual"),
    delivery=1.0,
    basis="Elasticity 0.70 ± 0.30 from what is usual; 60 days of history.",
)

MANUAL = """DRY-RUN RESULTS
===============
Action: Increase budget by 20%
Entity: Campaign "Holiday Promo 2026"
Current Budget: $500/day
Proposed Budget: $600/day

Pre-flight Checks:
✓ Signal Health: 88 (PASS)
✓ Budget Cap: $600 < $1000 limit (PASS)
✓ Daily Spend Limit: $600 < $2000 (PASS)
✓ Cooldown Period: 48 hours since last change (PASS)

Projected Impact:
- Estimated additional spend: $100/day
- Estimated additional conversions: 8-12
- Projected ROAS change: +0.2 to -0.1

Platform Validation:
✓ Meta API: Ready to accept change
✓ No conflicting rules detected

Result: Action WOULD EXECUTE if approved"""


def examined(platform: PlatformAnswer | None = None, gate: str = "PASS", **fields: object) -> Examined:
    known = {
        "action": "budget_increase",
        "aim": changes.aim(Wish("budget_increase", percent=Decimal(20)), Decimal(500), "USD"),
        "currency": "USD",
        "platform": "meta",
        "now": NOW,
        "local_now": NOW,
        "last_change": NOW - timedelta(hours=48),
        "week_start_value": Decimal(500),
        "account_daily": Decimal(500),
        "conversions": 540.0,
        "days_with_data": 27,
    }
    facts = Facts(**{**known, **fields})  # type: ignore[arg-type]
    findings = Findings(
        gate=gate,
        gate_code="healthy",
        gate_reason="All signals healthy, automation approved",
        gate_fixes=(),
        checks=tuple(guards.check_all(facts, RAILS)),
        conflicts=tuple(guards.conflicts(facts)),
        platform=platform or PlatformAnswer("verified", True, "Meta is ready to accept this change."),
    )
    return Examined(facts, "campaign", "Holiday Promo 2026", Decimal(500), findings, decide(findings), IMPACT, 88)


def lines(of: Examined) -> list[str]:
    return report.text(report.as_json(of)).split("\n")


def test_every_line_of_the_manual_stands_there_in_its_order():
    ours = iter(lines(examined()))
    missing = [line for line in MANUAL.split("\n") if line not in ours]
    assert missing == []


def test_what_we_add_to_the_manual_is_honest_about_ranges():
    more = [line for line in lines(examined()) if line not in MANUAL.split("\n")]
    assert more == [
        "✓ 7 more checks (PASS)",
        "– Not checked: Freeze Windows",
        "- Expected 8–12 more conversions a day (80 %). Averaged over 14 days you may see −3 to +18.",
        "- Elasticity 0.70 ± 0.30 from what is usual; 60 days of history.",
    ]


@pytest.mark.parametrize(
    ("status", "accepted", "line"),
    [
        ("checked_locally", True, "✓ Meta API: checked locally (no test call exists)"),
        ("not_checked", None, "– Meta API: not checked. Meta did not answer in time."),
        ("verified", False, "✗ Meta API: Meta did not answer in time."),
    ],
)
def test_never_a_tick_for_a_check_that_did_not_run(status, accepted, line):
    assert line in lines(examined(PlatformAnswer(status, accepted, "Meta did not answer in time.")))


def test_a_check_that_fails_is_a_cross_and_says_what_would_have_to_change():
    found = lines(examined(account_daily=Decimal(1950)))
    assert "✗ Daily Spend Limit: $2050 > $2000 (FAIL)" in found
    assert "Result: Action WOULD BLOCK" in found
    assert "- Lower other budgets of the account first, or raise the limit in Settings > Autopilot." in found


def test_what_was_not_checked_never_improves_a_verdict():
    assert examined(PlatformAnswer("not_checked", None, "Time-out.")).outcome.verdict == "WOULD_HOLD"
    assert examined(conversions=None, days_with_data=None).outcome.verdict == "WOULD_HOLD"
    assert examined(outside_unread="Time-out.").outcome.verdict == "WOULD_HOLD"
    assert examined(gate="HOLD").outcome.verdict == "WOULD_HOLD"
    assert examined(gate="BLOCK").outcome.verdict == "WOULD_BLOCK"
    assert examined().outcome.verdict == "WOULD_EXECUTE"


@pytest.mark.parametrize("flip", [False, True])
def test_an_effect_of_nothing_is_about_0(flip: bool) -> None:
    assert report.span({"low": 0.0, "high": 0.0}, flip=flip) == "about 0"
    assert report.span({"low": -0.5, "high": -0.2} if flip else {"low": 0.2, "high": 0.5}, flip=flip) == "0.2-0.5"
