"""What an attempt finds out before it changes anything: the same for a test and for the real run.

`look` goes outside and writes nothing; `weigh` asks the gate, which writes its decision into the book.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from autopilot import changes, guards, projection, verdicts
from autopilot.changes import Aim
from autopilot.guards import Check, Facts
from autopilot.models import Action
from autopilot.projection import NoProjection, Point, Projection
from autopilot.queries import history
from autopilot.services.facts import Subject, as_seen, gather, value_of
from autopilot.services.moves import change_detail, entity_of
from autopilot.services.stage import Stage
from autopilot.verdicts import Findings, Outcome, PlatformAnswer
from integrations.base import Change, Entity, NativeAutomation
from stratum.lib.http import Failure, Gone, NotAuthorised, Rejected, Throttled
from stratum.workspaces.access import Actor
from trustlayer.actions import PAUSE_ALL
from trustlayer.gate import what_would_change
from trustlayer.models import LedgerEntry
from trustlayer.queries import health
from trustlayer.services import judging, policies
from trustlayer.services.judging import Proposal


@dataclass(frozen=True, slots=True)
class Seen:
    """`live` is None where the platform could not be read; then `failure` says why. `hiccup`: what else the platform
    could not answer at this moment.
    """

    subject: Subject
    live: Entity | None
    failure: Failure | None
    facts: Facts
    checks: tuple[Check, ...]
    conflicts: tuple[Check, ...]
    platform: PlatformAnswer
    impact: Projection | NoProjection | None
    hiccup: Failure | None = None

    @property
    def live_value(self) -> changes.Value | None:
        return value_of(self.live, self.subject.aim.field) if self.live else None

    @property
    def is_done(self) -> bool:
        """The platform has the target already."""
        return self.live is not None and self.live_value == self.subject.aim.after

    @property
    def has_drifted(self) -> bool:
        return self.live is not None and self.live_value not in (self.subject.aim.before, self.subject.aim.after)


@dataclass(frozen=True, slots=True)
class Weighed:
    seen: Seen
    findings: Findings
    outcome: Outcome
    entry: LedgerEntry


def subject_of(action: Action) -> Subject:
    before = changes.from_json(action.expected_before.get("value"), action.field)
    after = changes.from_json(action.target, action.field)
    assert after is not None
    field: Any = action.field
    aim = Aim(field, before, after, action.said)
    return Subject(
        action.kind,
        action.account,
        action.entity,
        aim,
        action,
        action.rule,
        action.undoes,
        never_refused=action.never_refused,
    )


def change_of(subject: Subject) -> Change:
    kind: Any = subject.entity.kind
    after: Any = subject.aim.after
    return Change(kind, subject.entity.external_id, subject.aim.field, after)


def look(subject: Subject, stage: Stage, *, with_impact: bool) -> Seen:
    """Read the entity, let the platform validate, and check every guard rail on what is live. Writes nothing."""
    try:
        live = read_live(subject, stage)
    except Failure as failure:
        return _unread(subject, stage, failure)
    native, unread = _native(subject, stage)
    facts = gather(subject, live, stage, native=native)
    conflicts = guards.conflicts(facts)
    if unread is not None and not subject.never_refused:
        sentence = f"The platform's own automation could not be read: {unread.sentence}"
        conflicts.append(Check("native", "The platform's own automation", None, sentence, hard=True))
    checks = [unchanged(subject, live), *guards.check_all(facts, stage.settings.for_account(subject.account.pk))]
    answer, unasked = _platform(subject, stage, live)
    lost = (unread, stage.outside(subject.account)[1], unasked)
    waits = not subject.never_refused
    hiccup = next((one for one in lost if waits and one is not None and may_try_later(one)), None)
    seen = Seen(subject, live, None, facts, tuple(checks), tuple(conflicts), answer, None, hiccup)
    return _with_impact(seen, stage) if with_impact else seen


def glance(subject: Subject, live: Entity, stage: Stage) -> Seen:
    """As for a new proposal: by what is known already, the platform is not asked to validate."""
    facts = gather(subject, live, stage)
    checks = guards.check_all(facts, stage.settings.for_account(subject.account.pk))
    unasked = PlatformAnswer("not_checked", True, "The platform is asked when it is tested and before it is executed.")
    seen = Seen(subject, live, None, facts, tuple(checks), tuple(guards.conflicts(facts)), unasked, None)
    return _with_impact(seen, stage)


def read_live(subject: Subject, stage: Stage) -> Entity:
    kind: Any = subject.entity.kind
    return stage.platform(subject.account).read(subject.account.external_id, kind, subject.entity.external_id)


def _native(subject: Subject, stage: Stage) -> tuple[Sequence[NativeAutomation], Failure | None]:
    kind: Any = subject.entity.kind
    try:
        platform = stage.platform(subject.account)
        return platform.automations(subject.account.external_id, kind, subject.entity.external_id), None
    except Failure as failure:
        return (), failure


def _platform(subject: Subject, stage: Stage, live: Entity) -> tuple[PlatformAnswer, Failure | None]:
    if value_of(live, subject.aim.field) == subject.aim.after:
        return PlatformAnswer("not_checked", True, "Nothing is left to change."), None
    try:
        found = stage.platform(subject.account).validate(subject.account.external_id, change_of(subject))
    except Rejected as refused:
        return PlatformAnswer("verified", False, refused.sentence), None
    except Failure as failure:
        return PlatformAnswer("not_checked", None, failure.sentence), failure
    return PlatformAnswer(found.status, found.accepted, found.sentence), None


def unchanged(subject: Subject, live: Entity) -> Check:
    field, currency = subject.aim.field, subject.account.currency
    now = value_of(live, field)
    expected, seen = (changes.shown(value, currency, field) for value in (subject.aim.before, now))
    passed = now in (subject.aim.before, subject.aim.after)
    sentence = f"Unchanged: the {field} is {seen}" + ("" if passed else f", and {expected} was expected")
    fix = "Propose again from what it is now."
    return Check("unchanged", "Unchanged Since Proposal", passed, sentence, seen, expected, hard=True, fix=fix)


def _unread(subject: Subject, stage: Stage, failure: Failure) -> Seen:
    """What we last saw stands in, and the verdict says that the platform was not asked."""
    facts = gather(subject, as_seen(subject.entity), stage, unread=failure.sentence)
    checks = guards.check_all(facts, stage.settings.for_account(subject.account.pk))
    lost = isinstance(failure, NotAuthorised | Gone | Rejected)
    answer = PlatformAnswer("not_checked", False if lost else None, failure.sentence)
    return Seen(subject, None, failure, facts, tuple(checks), tuple(guards.conflicts(facts)), answer, None)


def _with_impact(seen: Seen, stage: Stage) -> Seen:
    return replace(seen, impact=impact(seen, stage))


def impact(seen: Seen, stage: Stage) -> Projection | NoProjection:
    subject, live = seen.subject, seen.live
    aim = subject.aim
    if aim.field == "status":
        return NoProjection(_of_status(subject, stage))
    if aim.field == "bid":
        return NoProjection("No projection: what a bid does is known only from a simulation, and there is none.")
    if live is None or live.budget is None or live.budget.period != "daily":
        return NoProjection("No projection: it is made for daily budgets only.")
    if not isinstance(aim.before, Decimal) or not isinstance(aim.after, Decimal):
        return NoProjection("No projection: there is no budget to compare with.")
    days = history.before(subject.entity, stage.today(subject.account))
    unrest = stage.noise(subject.account, subject.entity.kind)
    return projection.project(days, float(aim.before), float(aim.after), unrest, points=_points(subject, stage))


def _of_status(subject: Subject, stage: Stage) -> str:
    days = history.before(subject.entity, stage.today(subject.account))[-projection.BASE_DAYS :]
    spend = sum(day.spend for day in days) / projection.BASE_DAYS
    conversions = sum(day.conversions for day in days) / projection.BASE_DAYS
    per_day = f"{subject.account.currency} {spend:,.2f} and {conversions:.2g} conversions a day"
    if subject.aim.after == "paused":
        return f"No projection: it stops spending; it spent {per_day}, of which other campaigns may win some back."
    return f"No projection: what it brings once it runs is not known; it last had {per_day}."


def _points(subject: Subject, stage: Stage) -> list[Point]:
    """Only Google offers them. One that cannot be read leaves the projection to the rest of the method."""
    try:
        found = stage.platform(subject.account).simulation(subject.account.external_id, subject.entity.external_id)
    except Failure:
        return []
    return [Point(float(one.budget), float(one.spend), float(one.conversions)) for one in found]


def weigh(
    seen: Seen, *, stage: Stage, by: Actor, dry_run: bool, approved_despite: Collection[str] = (), action: Action | None
) -> Weighed:
    """Ask the gate; its decision is an entry of the book, in the caller's transaction."""
    subject = seen.subject
    proposal = Proposal(
        action=PAUSE_ALL if subject.never_refused else subject.kind,
        entity=entity_of(subject.account, subject.entity),
        change=subject.aim.said,
        change_detail=_change_detail(subject, action),
        action_id=str(action.pk) if action else "",
        checks=[check.to_json() for check in (*seen.checks, *seen.conflicts)],
        rule=str(subject.rule.pk) if subject.rule else "",
    )
    entry = judging.decide(workspace=stage.workspace, by=by, proposals=[proposal], now=stage.now, dry_run=dry_run)[0]
    findings = Findings(
        gate=entry.decision,
        gate_code=entry.reason_code,
        gate_reason=reason_of(entry),
        gate_fixes=_fixes(entry, subject, stage),
        checks=seen.checks,
        conflicts=seen.conflicts,
        platform=seen.platform,
    )
    return Weighed(seen, findings, verdicts.decide(findings, approved_despite=approved_despite), entry)


def _change_detail(subject: Subject, action: Action | None) -> dict[str, Any]:
    if action is not None:
        return change_detail(action)
    aim = subject.aim
    currency = None if aim.field == "status" else subject.account.currency
    return {
        "field": aim.field,
        "before": changes.to_json(aim.before),
        "after": changes.to_json(aim.after),
        "currency": currency,
    }


def reason_of(entry: LedgerEntry) -> str:
    return f"{entry.reason}: {entry.blocked_reason}" if entry.blocked_reason else entry.reason


def _fixes(entry: LedgerEntry, subject: Subject, stage: Stage) -> tuple[str, ...]:
    if entry.decision == "PASS":
        return ()
    policy = policies.current(stage.workspace)
    found = health.health_of(stage.workspace, subject.account.platform, policy, now=stage.now)
    return tuple(what_would_change(subject.kind, found, policy))


def may_try_later(failure: Failure) -> bool:
    """Nothing is wrong with the action itself."""
    return not isinstance(failure, NotAuthorised | Gone | Rejected)


def retry_at(failure: Failure) -> Any:
    return failure.retry_at if isinstance(failure, Throttled) else None
