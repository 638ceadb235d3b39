"""Meta's words and minor units into ours, and back. Pure."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from integrations.base import (
    Account,
    Budget,
    Change,
    DayMetrics,
    Entity,
    EntityKind,
    Field,
    NativeAutomation,
    OutsideChange,
    QualityReading,
    Status,
)
from integrations.meta.shapes import MetaAccount, MetaActivity, MetaInsight, MetaMatchQuality, MetaNode, MetaRule
from stratum.lib.http import Garbled, Rejected
from stratum.lib.refusal import Fault

# Whose amounts have no minor unit on Meta: https://developers.facebook.com/docs/marketing-api/currencies
WHOLE_UNITS = frozenset(["JPY", "KRW", "CLP", "COP", "CRC", "HUF", "ISK", "IDR", "PYG", "TWD", "VND"])
LEVELS: dict[EntityKind, str] = {"campaign": "campaign", "adset": "adset", "creative": "ad"}
KINDS: dict[str, EntityKind] = {level: kind for kind, level in LEVELS.items()}
STATUSES: dict[str, Status] = {"ACTIVE": "active", "PAUSED": "paused", "DELETED": "removed", "ARCHIVED": "removed"}
WORDS: dict[str, str] = {status: word for word, status in list(STATUSES.items())[:2]}
PREFERRED = ("omni_purchase", "offsite_conversion.fb_pixel_purchase", "purchase")
FIELDS_OF_EVENTS: dict[str, Field] = {
    "update_campaign_budget": "budget",
    "update_ad_set_budget": "budget",
    "update_campaign_run_status": "status",
    "update_ad_set_run_status": "status",
    "update_ad_run_status": "status",
    "update_ad_set_bidding": "bid",
}
FIELDS_OF_RULES: dict[str, tuple[Field, ...]] = {
    "PAUSE": ("status",),
    "UNPAUSE": ("status",),
    "ROTATE": ("status",),
    "CHANGE_BUDGET": ("budget",),
    "CHANGE_CAMPAIGN_BUDGET": ("budget",),
    "CHANGE_BID": ("bid",),
    "REBALANCE_BUDGET": ("budget", "status"),
}


def offset(currency: str) -> int:
    return 1 if currency in WHOLE_UNITS else 100


def to_major(minor: str, currency: str) -> Decimal:
    """Raises Garbled."""
    try:
        return Decimal(minor) / offset(currency)
    except InvalidOperation:
        raise Garbled(f"Meta sent “{minor[:40]}” as an amount.") from None


def to_minor(amount: Decimal, currency: str) -> str:
    """Raises Rejected: an amount finer than the currency's smallest unit would be changed silently."""
    minor = amount * offset(currency)
    if minor != minor.to_integral_value(ROUND_HALF_UP) or amount <= 0:
        smallest = "whole units" if offset(currency) == 1 else "at most two decimals"
        sentence = f"Amounts in {currency} have to be positive and in {smallest}."
        raise Rejected(sentence, faults=[Fault("/after", sentence)], code="amount")
    return str(int(minor))


def account(told: MetaAccount) -> Account:
    return Account(told.id, told.name, told.currency, told.timezone_name, active=told.account_status == 1)


def entity(told: MetaNode, kind: EntityKind, currency: str) -> Entity:
    return Entity(
        kind=kind,
        id=told.id,
        name=told.name,
        status=_status(told.status),
        parent_id=told.adset_id if kind == "creative" else told.campaign_id if kind == "adset" else "",
        effective_status=told.effective_status,
        budget=_budget(told, currency),
        bid=to_major(told.bid_amount, currency) if told.bid_amount else None,
        updated_at=instant(told.updated_time) if told.updated_time else None,
        learning=told.learning_stage == "LEARNING",
    )


def _budget(told: MetaNode, currency: str) -> Budget | None:
    """Meta writes "0" for the kind of budget that is not set."""
    if told.daily_budget not in ("", "0"):
        return Budget(to_major(told.daily_budget, currency), "daily")
    if told.lifetime_budget not in ("", "0"):
        return Budget(to_major(told.lifetime_budget, currency), "lifetime")
    return None


def _status(word: str) -> Status:
    if word not in STATUSES:
        raise Garbled(f"Meta sent the unknown status “{word[:40]}”.")
    return STATUSES[word]


def fields_of(change: Change, currency: str) -> dict[str, str]:
    """The form of a write; budgets are daily ones. Raises Rejected for what Meta has no field for."""
    if change.field == "status":
        if change.after not in WORDS:
            raise Rejected("Only “active” and “paused” can be set.", code="status")
        return {"status": WORDS[str(change.after)]}
    if change.kind == "creative" or (change.field == "bid" and change.kind == "campaign"):
        raise Rejected(f"On Meta a {change.kind} has no {change.field} of its own.", code="field")
    name = "bid_amount" if change.field == "bid" else "daily_budget"
    return {name: to_minor(Decimal(change.after), currency)}


def day(told: MetaInsight, kind: EntityKind, action_type: str) -> DayMetrics:
    """Only one action type counts: the others count the same purchases again."""
    try:
        return DayMetrics(
            kind=kind,
            entity_id=told.node_id,
            day=date.fromisoformat(told.date_start),
            spend=Decimal(told.spend),
            impressions=int(told.impressions),
            clicks=int(told.clicks),
            conversions=Decimal(told.actions.get(action_type, "0")),
            revenue=Decimal(told.action_values.get(action_type, "0")),
        )
    except (InvalidOperation, ValueError):
        raise Garbled("Meta sent a day of insights with something else than numbers.") from None


def action_types(seen: Iterable[str]) -> list[str]:
    """Purchases first, by preference; then whatever else the account counts."""
    known = dict.fromkeys(seen)
    return [name for name in PREFERRED if name in known] + sorted(known.keys() - set(PREFERRED))


def match_quality(told: Iterable[MetaMatchQuality], now: datetime) -> list[QualityReading]:
    """The mean of the events that have a score; none without any."""
    scores = {one.event_name: one.composite_score for one in told if one.composite_score is not None}
    if not scores:
        return []
    mean = sum(scores.values()) / len(scores)
    sentence = ", ".join(f"{name} {score:.1f}" for name, score in sorted(scores.items()))
    return [QualityReading("emq", round(mean, 2), now, sentence[:300])]


def automation(told: MetaRule, kind: EntityKind, entity_id: str) -> NativeAutomation | None:
    """None for a rule that is off, only notifies, or looks at something else."""
    does = str(told.execution_spec.get("execution_type") or "")
    if told.status != "ENABLED" or does not in FIELDS_OF_RULES or not _concerns(told, kind, entity_id):
        return None
    sentence = f"Meta's own rule “{told.name}” may {does.lower().replace('_', ' ')} here."
    return NativeAutomation(told.name, sentence, FIELDS_OF_RULES[does])


def _concerns(told: MetaRule, kind: EntityKind, entity_id: str) -> bool:
    """By the filters on entity type and id; filters on metrics are for Meta to decide, so the rule may strike."""
    level = LEVELS[kind]
    filters = told.evaluation_spec.get("filters")
    for one in filters if isinstance(filters, list) else ():
        if not isinstance(one, dict):
            continue
        name, value = one.get("field"), one.get("value")
        if name == "entity_type" and str(value).lower().replace("_", "") != level:
            return False
        named = map(str, value if isinstance(value, list) else [value])
        if name in ("id", f"{level}.id") and one.get("operator") == "IN" and entity_id not in named:
            return False
    return True


def outside_change(told: MetaActivity) -> OutsideChange | None:
    field = FIELDS_OF_EVENTS.get(told.event_type)
    if field is None or not told.object_id:
        return None
    by = told.actor_name or told.application_name or "somebody"
    return OutsideChange(told.object_id, field, instant(told.event_time), by)


def instant(text: str) -> datetime:
    """Meta writes 2026-01-31T09:30:00-0500. Raises Garbled."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Garbled(f"Meta sent “{text[:40]}” as a time.") from None
