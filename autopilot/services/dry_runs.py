"""Tests of actions: kept with all that they said, and linked to the execution that followed."""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from autopilot import guards, report
from autopilot.models import Action, DryRun
from autopilot.projection import BASE_DAYS, Projection
from autopilot.report import Examined
from autopilot.services.examination import Weighed
from autopilot.services.stage import Stage
from stratum.workspaces.access import Actor

GOOD_FOR = timedelta(minutes=15)


def record(action: Action, weighed: Weighed, *, stage: Stage, by: Actor) -> DryRun:
    """In the transaction that wrote the gate's decision. What the test saw becomes what an approval lets pass."""
    examined = examined_of(weighed)
    found = inputs_hash(action, weighed, stage)
    expires = stage.now + GOOD_FOR
    result = report.as_json(examined) | {
        "inputs_hash": found,
        "expires_at": expires.isoformat(),
        "audit_log": str(weighed.entry.pk),
    }
    remember(action, weighed)
    return DryRun.objects.create(
        workspace=action.workspace,
        action=action,
        entity=action.entity,
        rule=action.rule,
        at=stage.now,
        by=by.label,
        verdict=weighed.outcome.verdict,
        failed_checks=_failing(examined),
        result=result,
        inputs_hash=found,
        expires_at=expires,
        entry_id=weighed.entry.pk,
        **_predicted(weighed.seen.impact),
        **_days(stage.now, action.account.time_zone),
    )


def examined_of(weighed: Weighed) -> Examined:
    seen = weighed.seen
    subject = seen.subject
    return Examined(
        facts=seen.facts,
        entity_kind=subject.entity.kind,
        entity_name=seen.live.name if seen.live else subject.entity.name,
        current=seen.live_value if seen.live else subject.aim.before,
        findings=weighed.findings,
        outcome=weighed.outcome,
        impact=seen.impact,
        signal_health=weighed.entry.signal_health,
    )


def remember(action: Action, weighed: Weighed) -> None:
    """On the action itself: the queue shows it, and an approval refers to it."""
    findings = weighed.findings
    action.findings = {
        "gate": findings.gate,
        "gate_reason": findings.gate_reason,
        "checks": [check.to_json() for check in findings.checks],
        "conflicts": [check.to_json() for check in findings.conflicts],
        "soft": list(findings.soft),
        "at": weighed.entry.timestamp.isoformat(),
    }
    action.signal_health = weighed.entry.signal_health
    action.impact = report.impact_json(weighed.seen.impact)
    if not action._state.adding:
        action.save(update_fields=["findings", "signal_health", "impact"])


def _failing(examined: Examined) -> list[str]:
    """Labels of what did not pass, the gate among them."""
    checks = [report.gate_check(examined), *examined.findings.checks, *examined.findings.conflicts]
    return [check.label for check in guards.failed(checks)]


def inputs_hash(action: Action, weighed: Weighed, stage: Stage) -> str:
    """Of all that the verdict rests on, but for the passing of time."""
    seen, findings = weighed.seen, weighed.findings
    live = seen.live
    inputs = {
        "action": str(action.pk),
        "target": action.target,
        "expected": action.expected_before.get("value"),
        "live": None if live is None else [str(seen.live_value), live.status, str(live.updated_at)],
        "settings": stage.settings.version,
        "rails": stage.settings.for_account(action.account_id).to_json(),
        "level": [stage.settings.level, stage.settings.stopped],
        "policy": weighed.entry.policy_version,
        "health": weighed.entry.signal_health,
        "gate": [findings.gate, findings.gate_code],
        "checks": [[check.name, check.passed] for check in (*findings.checks, *findings.conflicts)],
        "platform": [findings.platform.status, findings.platform.accepted],
        "projected": report.impact_json(seen.impact),
    }
    return hashlib.sha256(orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _predicted(impact: object) -> dict[str, Any]:
    if not isinstance(impact, Projection):
        return {"unresolvable": "There was no projection."}
    return {
        "method_version": impact.version,
        "base_conversions": impact.base_conversions,
        "effect_low": impact.effect.low,
        "effect_high": impact.effect.high,
        "observed_low": impact.observed.low,
        "observed_high": impact.observed.high,
        "noise_low": impact.noise.low,
        "noise_high": impact.noise.high,
    }


RESOLVES_AFTER = BASE_DAYS + 3


def _days(at: datetime, zone: str) -> dict[str, date]:
    """Day 0 is the day of the test until an execution moves it."""
    day = at.astimezone(ZoneInfo(zone)).date()
    return {"effective_day": day, "resolves_on": day + timedelta(days=RESOLVES_AFTER + 1)}


def link(action: Action) -> None:
    """The newest test of the executed action predicted this execution, if it still was about the same change."""
    newest = DryRun.objects.filter(action=action, method_version__isnull=False).order_by("-at", "-pk").first()
    if newest is None or action.executed_at is None or action.after is None:
        return
    if (
        newest.result.get("proposed") != action.target
        or newest.result.get("current") != action.expected_before["value"]
    ):
        return
    days = _days(action.executed_at, action.account.time_zone)
    DryRun.objects.filter(pk=newest.pk).update(executed=True, **days)
