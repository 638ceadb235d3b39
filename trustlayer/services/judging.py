"""A gate check that any code can call: every judgement is an entry of the book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stratum.lib.refusal import Fault, Invalid
from stratum.workspaces.access import Actor
from stratum.workspaces.models import Workspace
from trustlayer.actions import ACTIONS
from trustlayer.chain import canonical_text
from trustlayer.gate import Verdict, judge
from trustlayer.health import Health
from trustlayer.models import LedgerEntry
from trustlayer.policy import Policy
from trustlayer.queries import health as queries
from trustlayer.services import ledger, policies
from trustlayer.services.ledger import Draft, Entity

MOST = 1_000


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants to do. `change` in words, `change_detail`: field, before, after, currency.

    `rule`: the id of the rule that proposes it, if one does; the entry then names it as its actor.
    `checks`: guard rails and the like that the proposer has looked at, kept as evidence; the gate does not read them.
    """

    action: str
    entity: Entity
    change: str = ""
    change_detail: Mapping[str, Any] = field(default_factory=dict)
    action_id: str = ""
    rule: str = ""
    checks: Sequence[Mapping[str, Any]] = ()


def decide(
    *, workspace: Workspace, by: Actor, proposals: Sequence[Proposal], now: datetime, dry_run: bool = False
) -> list[LedgerEntry]:
    """Judge them by one policy and the health of their platforms at `now`; one entry each, in this order.

    The front door of the gate for every other room: what it returns are entries of the book, `entry.pk` the decision
    id, `entry.decision` PASS, HOLD or BLOCK, `entry.reason` and `entry.blocked_reason` the sentences. Called inside the
    caller's transaction the entry is there exactly when the caller's change is. It holds the workspace's head until
    that ends, so touch nothing outside meanwhile. Raises Invalid for a kind that trustlayer.actions does not know.
    """
    _refuse(proposals)
    policy = policies.current(workspace)
    healths = _healths(workspace, proposals, policy, now)
    below = _below(workspace, proposals) if policy.hysteresis else frozenset()
    shared = {platform: _shared(one) for platform, one in healths.items()}
    drafts = []
    for proposal in proposals:
        platform = proposal.entity.platform
        verdict = judge(proposal.action, healths[platform], policy, was_below=platform in below)
        drafts.append(_draft(proposal, verdict, shared[platform], policy, by, dry_run))
    return ledger.append(workspace=workspace, drafts=drafts, now=now)


def _refuse(proposals: Sequence[Proposal]) -> None:
    faults = [
        Fault(f"/{index}/action", f"There is no action “{one.action[:40]}”. Choose of {', '.join(ACTIONS)}.")
        for index, one in enumerate(proposals)
        if one.action not in ACTIONS
    ]
    if len(proposals) > MOST:
        faults = [Fault("", f"Judge at most {MOST:,} actions at once.", "too_many")]
    if faults:
        raise Invalid(faults)


def _healths(workspace: Workspace, proposals: Sequence[Proposal], policy: Policy, now: datetime) -> dict[str, Health]:
    platforms = {proposal.entity.platform for proposal in proposals}
    newest = queries.newest_readings(workspace, now, of=platforms)
    return {platform: queries.assessed(newest, policy, platform, now) for platform in platforms}


def _below(workspace: Workspace, proposals: Sequence[Proposal]) -> frozenset[str]:
    """The platforms whose last real decision did not pass."""
    below = set()
    for platform in {proposal.entity.platform for proposal in proposals}:
        decided = LedgerEntry.objects.filter(
            workspace=workspace, kind=LedgerEntry.Kind.DECISION, platform=platform, is_dry_run=False
        )
        last = decided.order_by("-seq").values_list("decision", flat=True).first()
        if last is not None and last != "PASS":
            below.add(platform)
    return frozenset(below)


def _shared(health: Health) -> dict[str, Any]:
    """What all decisions about a platform rest on."""
    signals = [
        {
            "name": state.name,
            "status": str(state.status),
            "value": state.value,
            "score": None if state.score is None else round(state.score, 2),
            "weight": state.weight,
            "observed_at": state.observed_at,
            "source": state.source,
            "reported": state.reported,
        }
        for state in health.signals
    ]
    caps = [{"signal": cap.signal, "code": cap.code, "most": cap.most} for cap in health.caps]
    return {"signals": canonical_text(signals), "caps": canonical_text(caps)}


def _draft(
    proposal: Proposal, verdict: Verdict, shared: Mapping[str, Any], policy: Policy, by: Actor, dry_run: bool
) -> Draft:
    limits = policy.for_action(proposal.action)
    return Draft(
        decision=verdict.decision,
        signal_health=verdict.signal_health,
        reason=verdict.reason,
        reason_code=verdict.code,
        blocked_reason=verdict.blocked_reason,
        action=proposal.action,
        entity=proposal.entity,
        change=proposal.change,
        by=by,
        rule=proposal.rule,
        is_dry_run=dry_run,
        policy_version=policy.version,
        action_id=proposal.action_id,
        evidence={
            "thresholds": {
                "pass_at": limits.pass_at,
                "block_below": limits.block_below,
                "emq_block": policy.emq_block,
            },
            **shared,
            "checks": list(proposal.checks),
            "change_detail": dict(proposal.change_detail),
        },
    )
