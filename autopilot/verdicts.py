"""What a test says in the end: WOULD EXECUTE, WOULD HOLD or WOULD BLOCK, why, and what would have to change. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from autopilot.guards import Check


class Verdict(StrEnum):
    EXECUTE = "WOULD_EXECUTE"
    HOLD = "WOULD_HOLD"
    BLOCK = "WOULD_BLOCK"


WORDS = {
    Verdict.EXECUTE: "Action WOULD EXECUTE if approved",
    Verdict.HOLD: "Action WOULD HOLD for manual review",
    Verdict.BLOCK: "Action WOULD BLOCK",
}
STATUS_WORDS = {
    "verified": "verified by the platform",
    "checked_locally": "checked locally (no test call exists)",
    "not_checked": "not checked",
}


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """`accepted` is None when nothing was checked."""

    status: Literal["verified", "checked_locally", "not_checked"]
    accepted: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that an attempt found out before it changes anything.

    `gate` is the trust gate's word, `gate_reason` its sentence, `gate_fixes` what would change it.
    """

    gate: str
    gate_code: str
    gate_reason: str
    gate_fixes: tuple[str, ...]
    checks: tuple[Check, ...]
    conflicts: tuple[Check, ...]
    platform: PlatformAnswer

    @property
    def soft(self) -> tuple[str, ...]:
        """Names of what makes it wait for a person."""
        held: tuple[str, ...] = ("gate",) if self.gate == "HOLD" else ()
        held += ("platform",) if self.platform.accepted is None else ()
        return held + tuple(check.name for check in (*self.checks, *self.conflicts) if _waits(check))


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    reasons: tuple[str, ...]
    to_change: tuple[str, ...]


def _waits(check: Check) -> bool:
    """An unset limit restricts nothing; a hard check that could not run does not pass either."""
    return (check.passed is False and not check.hard) or (check.passed is None and check.hard)


def decide(findings: Findings, *, approved_despite: Collection[str] = ()) -> Outcome:
    """`approved_despite`: what a person saw and let pass. Nobody lets pass what blocks."""
    blocking = [check for check in findings.checks if check.hard and check.passed is False]
    blocks, fixes = [check.sentence for check in blocking], [check.fix for check in blocking]
    if findings.gate == "BLOCK":
        blocks.insert(0, findings.gate_reason)
        fixes = [*findings.gate_fixes, *fixes]
    if findings.platform.accepted is False:
        blocks.append(f"The platform refuses: {findings.platform.detail}")
        fixes.append("Change what the platform refuses.")
    if blocks:
        return Outcome(Verdict.BLOCK, tuple(blocks), tuple(fixes))
    waiting = _waiting(findings, approved_despite)
    if waiting:
        return Outcome(Verdict.HOLD, tuple(one for one, _ in waiting), tuple(fix for _, fix in waiting if fix))
    return Outcome(Verdict.EXECUTE, (findings.gate_reason,), ())


def _waiting(findings: Findings, approved_despite: Collection[str]) -> list[tuple[str, str]]:
    waiting: list[tuple[str, str]] = []
    if findings.platform.accepted is None and "platform" not in approved_despite:
        waiting.append((f"The platform was not asked: {findings.platform.detail}", "Test it again."))
    if findings.gate == "HOLD" and "gate" not in approved_despite:
        waiting.append((findings.gate_reason, " ".join(findings.gate_fixes)))
    checks = (*findings.checks, *findings.conflicts)
    return waiting + [(one.sentence, one.fix) for one in checks if _waits(one) and one.name not in approved_despite]


def failing(findings: Findings) -> Sequence[Check]:
    return [check for check in (*findings.checks, *findings.conflicts) if check.passed is False]
