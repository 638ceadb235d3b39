"""The result of a test: as the API tells it, and as the text block of the manual's §5.3. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from autopilot import changes, guards, money
from autopilot.guards import Check, Facts
from autopilot.projection import NoProjection, Projection, Range
from autopilot.verdicts import STATUS_WORDS, WORDS, Findings, Outcome, Verdict

# Always shown by themselves, in the manual's order; the others only when they fail or could not run.
ALWAYS = ("budget_cap", "daily_spend_limit", "cooldown")
MARKS = {True: "✓", False: "✗", None: "–"}
ANSWERS = {True: "PASS", False: "FAIL", None: "NOT CHECKED"}
SMALLEST_SHOWN = 0.05  # conversions a day
GATE_MARKS = {"PASS": "✓", "HOLD": "✗", "BLOCK": "✗"}
PLATFORMS = {"meta": "Meta", "google": "Google Ads"}


@dataclass(frozen=True, slots=True)
class Examined:
    """Everything that a result says."""

    facts: Facts
    entity_kind: str
    entity_name: str
    current: changes.Value | None
    findings: Findings
    outcome: Outcome
    impact: Projection | NoProjection | None
    signal_health: int | None


def as_json(examined: Examined) -> dict[str, Any]:
    """The members of api.md, without those that storing adds (inputs_hash, expires_at, audit_log)."""
    facts, aim = examined.facts, examined.facts.aim
    findings, outcome = examined.findings, examined.outcome
    return {
        "action": changes.headline(facts.action, aim.before, aim.after),
        "action_kind": facts.action,
        "entity": f'{changes.KIND_WORDS[examined.entity_kind]} "{examined.entity_name}"',
        "platform": facts.platform,
        "currency": facts.currency,
        "field": aim.field,
        "period": facts.budget_period,
        "current": changes.to_json(examined.current),
        "proposed": changes.to_json(aim.after),
        "signal_health": examined.signal_health,
        "gate": {"decision": findings.gate, "code": findings.gate_code, "reason": findings.gate_reason},
        "checks": [gate_check(examined).to_json(), *(check.to_json() for check in findings.checks)],
        "projected": impact_json(examined.impact),
        "platform_validation": {
            "status": findings.platform.status,
            "accepted": findings.platform.accepted,
            "detail": findings.platform.detail,
            "words": STATUS_WORDS[findings.platform.status],
        },
        "conflicts": [check.to_json() for check in findings.conflicts],
        "verdict": outcome.verdict.value,
        "reasons": list(outcome.reasons),
        "to_change": list(outcome.to_change),
    }


def gate_check(examined: Examined) -> Check:
    """The gate's word as the first check."""
    health = "unknown" if examined.signal_health is None else str(examined.signal_health)
    passed = examined.findings.gate == "PASS"
    return Check(
        "signal_health",
        "Signal Health",
        passed,
        f"Signal Health: {health}",
        health,
        hard=examined.findings.gate == "BLOCK",
        fix=" ".join(examined.findings.gate_fixes),
    )


def impact_json(impact: Projection | NoProjection | None) -> dict[str, Any]:
    if not isinstance(impact, Projection):
        sentence = impact.sentence if impact else "No projection."
        return {"method": None, "basis": sentence, "spend_per_day": None, "conversions_per_day": None, "roas": None}
    return {
        "method": impact.version,
        "basis": impact.basis,
        "spend_per_day": round(impact.spend, 2),
        "base_spend_per_day": round(impact.base_spend, 2),
        "base_conversions_per_day": round(impact.base_conversions, 2),
        "conversions_per_day": {"effect": _range(impact.effect), "observed": _range(impact.observed)},
        "noise": _range(impact.noise),
        "roas": _range(impact.roas) if impact.roas else None,
        "elasticity": {"mean": round(impact.elasticity.mean, 3), "sd": round(impact.elasticity.sd, 3)},
        "delivery": round(impact.delivery, 3),
    }


def _range(found: Range) -> dict[str, float]:
    return {"low": round(found.low, 2) + 0.0, "high": round(found.high, 2) + 0.0}  # never -0.0


def text(result: Mapping[str, Any]) -> str:
    """The block of the manual, line by line."""
    return "\n".join(_lines(result))


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    yield from ("DRY-RUN RESULTS", "===============")
    yield f"Action: {result['action']}"
    yield f"Entity: {result['entity']}"
    yield from _values(result)
    yield from ("", "Pre-flight Checks:")
    yield from check_lines(result)
    yield from ("", "Projected Impact:")
    yield from (f"- {line}" for line in impact_lines(result["projected"], result["currency"]))
    yield from ("", "Platform Validation:")
    yield from platform_lines(result)
    yield from ("", f"Result: {WORDS[Verdict(result['verdict'])]}")
    if result["to_change"]:
        yield from ("", "What would have to change:")
        yield from (f"- {line}" for line in result["to_change"])


def _values(result: Mapping[str, Any]) -> Iterator[str]:
    field, currency = result["field"], result["currency"]
    noun = field.capitalize()
    for word, value in (("Current", result["current"]), ("Proposed", result["proposed"])):
        shown = changes.shown(changes.from_json(value, field), currency, field, result.get("period", "daily"))
        yield f"{word} {noun}: {shown}"


def check_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """The gate and what the manual names, then what failed or could not run, then how many others passed."""
    checks = [guards.read(one) for one in result["checks"]]
    gate = result["gate"]["decision"]
    yield f"{GATE_MARKS[gate]} {checks[0].sentence} ({gate})"
    usual = [check for check in checks[1:] if check.name in ALWAYS]
    others = [check for check in checks[1:] if check.name not in ALWAYS]
    for check in (*usual, *(one for one in others if one.passed is False)):
        yield f"{MARKS[check.passed]} {check.sentence} ({ANSWERS[check.passed]})"
    passed = sum(check.passed is True for check in others)
    unset = [check.label for check in others if check.passed is None]
    if passed:
        yield f"✓ {passed} more {'check' if passed == 1 else 'checks'} (PASS)"
    if unset:
        yield f"– Not checked: {', '.join(unset)}"


def impact_lines(projected: Mapping[str, Any], currency: str) -> list[str]:
    conversions = projected.get("conversions_per_day")
    if not conversions:
        return [projected["basis"]]
    spend = projected["spend_per_day"]
    effect, observed = conversions["effect"], conversions["observed"]
    lines = [
        f"Estimated {_more(spend)} spend: {money.words(round(abs(spend)), currency)}/day",
        f"Estimated {_more(spend)} conversions: {span(effect, flip=spend < 0)}",
    ]
    if projected["roas"]:
        lines.append(
            f"Projected ROAS change: {_signed(projected['roas']['high'])} to {_signed(projected['roas']['low'])}"
        )
    return [*lines, expectation(effect, observed), projected["basis"]]


def _more(spend: float) -> str:
    return "saved" if spend < 0 else "additional"


def span(found: Mapping[str, float], *, flip: bool = False) -> str:
    """`8-12`, or `about 0`; a loss is told as what is lost."""
    low, high = sorted((-found["low"], -found["high"])) if flip else (found["low"], found["high"])
    if max(abs(low), abs(high)) < SMALLEST_SHOWN:
        return "about 0"
    return f"{_number(low)}-{_number(high)}"


def expectation(effect: Mapping[str, float], observed: Mapping[str, float]) -> str:
    """`Expected 3–11 more conversions a day (80 %). Averaged over 14 days you may see −3 to +18.`"""
    fewer = effect["low"] + effect["high"] < 0
    low, high = sorted(abs(effect[end]) for end in ("low", "high"))
    seen = " to ".join(_signed_number(observed[end]) for end in ("low", "high"))
    return (
        f"Expected {_number(low)}–{_number(high)} {'fewer' if fewer else 'more'} conversions a day (80 %). "
        f"Averaged over 14 days you may see {seen}."
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


def _signed_number(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{_number(abs(value))}"


def _signed(value: float) -> str:
    return f"{value:+.2g}" if abs(value) < 10 else f"{value:+.0f}"


def platform_lines(result: Mapping[str, Any]) -> Iterator[str]:
    answer = result["platform_validation"]
    name = PLATFORMS.get(result["platform"], result["platform"].capitalize())
    if answer["accepted"] is False:
        yield f"✗ {name} API: {answer['detail']}"
    elif answer["status"] == "verified":
        yield f"✓ {name} API: Ready to accept change"
    elif answer["status"] == "checked_locally":
        yield f"✓ {name} API: {STATUS_WORDS['checked_locally']}"
    else:
        yield f"– {name} API: {STATUS_WORDS['not_checked']}. {answer['detail']}"
    yield from conflict_lines(result["conflicts"])


def conflict_lines(conflicts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not conflicts:
        yield "✓ No conflicting rules detected"
    for one in conflicts:
        check = guards.read(one)
        yield f"{MARKS[check.passed]} {check.sentence}"


def amount(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))
