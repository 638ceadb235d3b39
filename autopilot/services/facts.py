"""Everything that the guard rails look at, gathered for one action."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

from autopilot import changes
from autopilot.changes import Aim
from autopilot.guards import Facts
from autopilot.models import Action, Rule
from autopilot.rules import definitions
from autopilot.services.stage import Stage
from autopilot.states import LIVE, State
from integrations.base import Budget, Entity, NativeAutomation, OutsideChange
from integrations.models import AdAccount, AdEntity

WEEK = timedelta(days=7)
MOST_REVERSALS = 3
EXECUTED = (State.SUCCEEDED, State.REVERTED)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be changed, by whom it was asked. `action` is None while it is not written yet."""

    kind: str
    account: AdAccount
    entity: AdEntity
    aim: Aim
    action: Action | None = None
    rule: Rule | None = None
    undoes: Action | None = None
    supersedes: tuple[UUID, ...] = ()
    never_refused: bool = False


def as_seen(row: AdEntity) -> Entity:
    """The entity as our last sync saw it."""
    shared = row.details.get("budget_shared_with") or ()
    budget = None
    if row.budget is not None:
        period: Any = row.budget_period or "daily"
        budget = Budget(row.budget, period, str(row.details.get("budget_resource") or ""), tuple(map(str, shared)))
    kind: Any = row.kind
    status: Any = row.status
    return Entity(
        kind=kind,
        id=row.external_id,
        name=row.name,
        status=status,
        effective_status=row.effective_status,
        budget=budget,
        bid=row.bid,
        updated_at=row.changed_at,
        learning=row.learning,
        details=row.details,
    )


def value_of(entity: Entity, field: str) -> changes.Value | None:
    if field == "status":
        return entity.status
    if field == "bid":
        return entity.bid
    return entity.budget.amount if entity.budget else None


def gather(
    subject: Subject, live: Entity, stage: Stage, *, native: Sequence[NativeAutomation] = (), unread: str = ""
) -> Facts:
    account, entity, aim = subject.account, subject.entity, subject.aim
    outside, lost = stage.outside(account)
    recent = _recent(entity, aim.field, stage.now)
    changed_at, changed_by = _last_change(recent, outside, entity.external_id, aim.field)
    conversions, days = stage.data(account, entity)
    return Facts(
        action=subject.kind,
        aim=aim,
        currency=account.currency,
        platform=account.platform,
        now=stage.now,
        local_now=stage.now.astimezone(stage.zone),
        is_active=live.status == "active",
        budget_period=live.budget.period if live.budget else "daily",
        last_change=changed_at,
        last_change_by=changed_by,
        week_start_value=_week_start(subject, recent, outside, stage.now),
        account_daily=_account_daily(stage, account, entity, live),
        conversions=conversions,
        days_with_data=days,
        learning=live.learning,
        done_today=stage.done_today,
        stopped=stage.settings.stopped,
        outside_unread=lost.sentence if lost else unread,
        shared_with=live.budget.shared_with if live.budget else (),
        native=tuple(one.sentence for one in native if not one.fields or aim.field in one.fields),
        rivals=tuple(_rivals(subject, recent)),
        never_refused=subject.never_refused,
    )


def _recent(entity: AdEntity, field: str, now: datetime) -> list[Action]:
    """Executed on this field in the last 7 days, the newest first."""
    done = Action.objects.filter(entity=entity, field=field, state__in=EXECUTED, executed_at__gt=now - WEEK)
    return list(done.order_by("-executed_at", "-pk"))


def _last_change(
    recent: Sequence[Action], outside: Sequence[OutsideChange], entity_id: str, field: str
) -> tuple[datetime | None, str]:
    """Ours or anybody's; the platform tells of ours too."""
    known = [(one.changed_at, one.by) for one in outside if one.entity_id == entity_id and one.field == field]
    known += [(one.executed_at, "Stratum") for one in recent[:1] if one.executed_at]
    return max(known, default=(None, ""), key=lambda pair: pair[0])


def _week_start(
    subject: Subject, recent: Sequence[Action], outside: Sequence[OutsideChange], now: datetime
) -> Decimal | None:
    """What the field was 7 days ago: as we read it then; unread then, as far as we know of the changes since."""
    entity, aim = subject.entity, subject.aim
    if not isinstance(aim.before, Decimal):
        return None
    then = entity.values.filter(field=aim.field, seen_at__lte=now - WEEK).order_by("-seen_at").first()
    if then is not None:
        comparable = then.period == (entity.budget_period if aim.field == "budget" else "")
        return then.value if comparable else None
    if recent:
        value = changes.from_json(recent[-1].expected_before.get("value"), aim.field)
        return value if isinstance(value, Decimal) else None
    foreign = any(one.entity_id == entity.external_id and one.field == aim.field for one in outside)
    return None if foreign else aim.before


def _account_daily(stage: Stage, account: AdAccount, entity: AdEntity, live: Entity) -> Decimal | None:
    """As last synced, with this entity as it is now."""
    total = stage.account_daily(account)
    if live.budget is None or live.budget.period != "daily":
        return total
    known = entity.budget if entity.status == "active" and entity.budget_period == "daily" else None
    now = live.budget.amount if live.status == "active" else Decimal(0)
    return total - (known or Decimal(0)) + now


def _rivals(subject: Subject, recent: Sequence[Action]) -> Iterator[str]:
    others = Action.objects.filter(entity=subject.entity, field=subject.aim.field, state__in=LIVE)
    if subject.action is not None:
        others = others.exclude(pk=subject.action.pk)
    others = others.exclude(pk__in=subject.supersedes)
    for other in others.select_related("rule")[:5]:
        by = f"rule “{other.rule.name}”" if other.rule else other.proposed_by
        word = other.get_state_display().lower()
        yield f"Another action on the same {subject.aim.field} is {word}: {other.said} by {by}"
    if subject.rule is not None:
        yield from rule_conflicts(subject.rule, subject.entity, subject.aim.field, subject.kind)
    if (reversals := _reversals(recent, subject.aim)) >= MOST_REVERSALS:
        yield f"The {subject.aim.field} changed its direction {reversals} times in 7 days"


def rule_conflicts(rule: Rule, entity: AdEntity, field: str, kind: str) -> Iterator[str]:
    """Other enabled rules that last proposed something for the same field of this entity, or would."""
    others = Rule.objects.filter(workspace=rule.workspace_id, enabled=True, archived_at=None).exclude(pk=rule.pk)
    met = others.filter(evaluations__entity=entity, evaluations__outcome__in=["proposed", "waiting", "conflict"])
    for other in met.distinct():
        theirs = str(other.definition.get("then", {}).get("action", ""))
        if theirs and theirs != kind and changes.field_of(theirs) == field:
            opposite = definitions.direction(theirs) * definitions.direction(kind) < 0
            yield f"The rule “{other.name}” {'wants the opposite for' if opposite else 'writes'} the same {field}"


def _reversals(recent: Sequence[Action], aim: Aim) -> int:
    """How often the direction turned, this change included."""
    signs = [_direction(one.expected_before.get("value"), one.target, one.field) for one in reversed(recent)]
    signs.append(_sign_of(aim.before, aim.after))
    moves = [sign for sign in signs if sign]
    return sum(first != second for first, second in pairwise(moves))


def _direction(before: Any, after: str, field: str) -> int:
    return _sign_of(changes.from_json(before, field), changes.from_json(after, field))


def _sign_of(before: changes.Value | None, after: changes.Value | None) -> int:
    if isinstance(before, Decimal) and isinstance(after, Decimal):
        return (after > before) - (after < before)
    return 0 if before == after else (1 if after == "active" else -1)
