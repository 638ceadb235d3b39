"""PASS, HOLD or BLOCK: the one judge of every automation. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trustlayer.actions import ACTIONS
from trustlayer.health import DUST, HEALTHY_FROM, Cap, Health, SignalState, Status
from trustlayer.policy import Policy, Thresholds
from trustlayer.signals import EMQ, SIGNALS


class Decision(StrEnum):
    PASS = "PASS"
    HOLD = "HOLD"
    BLOCK = "BLOCK"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is the sentence for people, `code` the same for programs; `blocked_reason` only when blocked."""

    decision: Decision
    signal_health: int | None
    code: str
    reason: str
    blocked_reason: str | None = None


BLOCKED = "Critical signal degradation, automation blocked"


def judge(kind: str, health: Health, policy: Policy, *, was_below: bool = False) -> Verdict:
    """`was_below`: the last decision for this platform found it under the threshold, which matters with hysteresis."""
    if ACTIONS[kind].never_refused:
        return Verdict(Decision.PASS, health.score, "safety", f"{ACTIONS[kind].label} is never refused")
    if health.score is None:
        sentence = "No signal has been measured recently enough to judge by"
        return Verdict(Decision.BLOCK, None, "no_data", "No usable signal data, automation blocked", sentence)
    if critical_emq := _cap(health, EMQ.name, "critical"):
        return Verdict(Decision.BLOCK, health.score, "emq_critical", BLOCKED, critical_emq.sentence)
    return _by_score(health, health.score, policy.for_action(kind), policy, was_below)


def _by_score(health: Health, score: int, limits: Thresholds, policy: Policy, was_below: bool) -> Verdict:
    if score < limits.block_below:
        return Verdict(Decision.BLOCK, score, "health_critical", BLOCKED, _why_so_low(health, score, limits))
    if score < limits.pass_at:
        code = health.caps[0].code if _is_capped(health) else "below_threshold"
        sentence = f"Signal health below threshold ({limits.pass_at}), action queued for manual review"
        return Verdict(Decision.HOLD, score, code, sentence)
    if policy.hysteresis and was_below and score < policy.resume_at:
        sentence = f"Signal health is recovering ({score}): actions pass again from {policy.resume_at}"
        return Verdict(Decision.HOLD, score, "recovering", sentence)
    if all(state.status is Status.HEALTHY for state in health.signals if state.score is not None):
        return Verdict(Decision.PASS, score, "healthy", "All signals healthy, automation approved")
    sentence = f"Signal health at or above threshold ({limits.pass_at}), automation approved"
    return Verdict(Decision.PASS, score, "above_threshold", sentence)


def _why_so_low(health: Health, score: int, limits: Thresholds) -> str:
    critical = next((cap for cap in health.caps if cap.code == "critical"), None)
    return critical.sentence if critical else f"Signal health {score} (below {limits.block_below} threshold)"


def _is_capped(health: Health) -> bool:
    return bool(health.caps) and health.score != health.uncapped


def _cap(health: Health, signal: str, code: str) -> Cap | None:
    return next((cap for cap in health.caps if cap.signal == signal and cap.code == code), None)


def what_would_change(kind: str, health: Health, policy: Policy) -> Iterator[str]:
    """What has to become true for the action to pass, worst first; nothing when it passes already."""
    if judge(kind, health, policy).decision is Decision.PASS:
        return
    for cap in sorted(health.caps, key=lambda cap: cap.most):
        yield f"{cap.sentence}: {_remedy(cap, policy)}"
    held = {cap.signal for cap in health.caps}
    for state in sorted(health.signals, key=_loss, reverse=True):
        if state.name not in held and state.score is not None and state.score < HEALTHY_FROM - DUST:
            yield f"{state.label} is {state.shown}: {_goal(state.name)}"


def _loss(state: SignalState) -> float:
    """How many points of the score the signal costs, up to a common factor."""
    return 0.0 if state.score is None else state.weight * (100 - state.score)


def _remedy(cap: Cap, policy: Policy) -> str:
    if cap.code in ("unknown", "stale"):
        return "it has to be measured again"
    if cap.code == "learning":
        return "wait until the source has been read for 7 days"
    if cap.signal == EMQ.name and cap.code == "critical":
        return f"it has to reach {max(policy.emq_block, EMQ.goal):.1f}"
    return _goal(cap.signal)


def _goal(name: str) -> str:
    signal = SIGNALS[name]
    direction = "at least" if signal.rising else "at most"
    return f"it has to be {direction} {signal.show(signal.goal)}"
