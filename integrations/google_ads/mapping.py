"""Google's words and micros into ours, and back. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

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
    SimulationPoint,
    Status,
)
from integrations.google_ads.shapes import (
    GoogleBudget,
    GoogleCustomer,
    GoogleDay,
    GoogleEvent,
    GoogleNode,
    GoogleSimulationPoint,
)
from stratum.lib.http import Garbled, Rejected
from stratum.lib.refusal import Fault

MICROS = 1_000_000
# Whose smallest billable unit is one: https://developers.google.com/google-ads/api/reference/data/codes-formats
WHOLE_UNITS = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
RESOURCES: dict[EntityKind, str] = {"campaign": "campaign", "adset": "ad_group", "creative": "ad_group_ad"}
SERVICES: dict[EntityKind, str] = {"campaign": "campaigns", "adset": "adGroups", "creative": "adGroupAds"}
STATUSES: dict[str, Status] = {"ENABLED": "active", "PAUSED": "paused", "REMOVED": "removed"}
WORDS = {"active": "ENABLED", "paused": "PAUSED"}
# Match qualities whose scores are 100, 80, 50 and 20.
UPLOADS = {"EXCELLENT": 8.5, "GOOD": 6.83, "NEEDS_ATTENTION": 4.67, "NO_RECENT_UPLOAD": 2.0}
AUTOMATIC = {"GOOGLE_ADS_RECOMMENDATIONS_SUBSCRIPTION", "GOOGLE_ADS_AUTOMATED_RULE", "INTERNAL_TOOL"}
FIELDS_OF_EVENTS: dict[tuple[str, str], Field] = {
    ("CAMPAIGN_BUDGET", "amount_micros"): "budget",
    ("CAMPAIGN", "status"): "status",
    ("AD_GROUP", "status"): "status",
    ("AD_GROUP_AD", "status"): "status",
    ("AD_GROUP", "cpc_bid_micros"): "bid",
    ("CAMPAIGN", "target_cpa_micros"): "bid",
}
FIELDS_OF_RECOMMENDATIONS: dict[str, tuple[Field, ...]] = {
    "MARGINAL_ROI_CAMPAIGN_BUDGET": ("budget",),
    "MOVE_UNUSED_BUDGET": ("budget",),
    "FORECASTING_CAMPAIGN_BUDGET": ("budget",),
    "CAMPAIGN_BUDGET": ("budget",),
    "TARGET_CPA_OPT_IN": ("bid",),
    "MAXIMIZE_CONVERSIONS_OPT_IN": ("bid",),
    "SET_TARGET_CPA": ("bid",),
    "RAISE_TARGET_CPA": ("bid",),
    "LOWER_TARGET_ROAS": ("bid",),
}


def to_major(micros: int) -> Decimal:
    return Decimal(micros) / MICROS


def to_micros(amount: Decimal, currency: str) -> str:
    """Raises Rejected for less than the currency's smallest unit: Google refuses those."""
    unit = Decimal(1) if currency in WHOLE_UNITS else Decimal("0.01")
    if amount <= 0 or amount % unit:
        smallest = "whole units" if unit == 1 else "at most two decimals"
        sentence = f"Amounts in {currency} have to be positive and in {smallest}."
        raise Rejected(sentence, faults=[Fault("/after", sentence)], code="amount")
    return str(int(amount * MICROS))


def account(told: GoogleCustomer) -> Account:
    return Account(told.id, told.name, told.currency, told.time_zone, active=told.enabled)


def entity(told: GoogleNode, kind: EntityKind, shared_with: Iterable[str] = ()) -> Entity:
    return Entity(
        kind=kind,
        id=told.id,
        name=told.name,
        status=_status(told.status),
        parent_id=told.parent_id,
        effective_status=told.primary_status,
        budget=_budget(told.budget, tuple(shared_with)) if told.budget else None,
        bid=to_major(told.bid_micros) if told.bid_micros else None,
        learning=told.learning,
        details={"bidding": told.strategy} if told.strategy else {},
    )


def _budget(told: GoogleBudget, shared_with: tuple[str, ...]) -> Budget:
    if told.total_micros and not told.amount_micros:
        return Budget(to_major(told.total_micros), "lifetime", told.resource, shared_with)
    return Budget(to_major(told.amount_micros), "daily", told.resource, shared_with)


def _status(word: str) -> Status:
    if word not in STATUSES:
        raise Garbled(f"Google sent the unknown status “{word[:40]}”.")
    return STATUSES[word]


def resource_name(customer_id: str, kind: EntityKind, entity_id: str) -> str:
    return f"customers/{customer_id}/{SERVICES[kind]}/{entity_id}"


def update_of(customer_id: str, change: Change, node: GoogleNode, currency: str) -> tuple[str, dict[str, Any], str]:
    """Service, fields and mask of a write. Raises Rejected for what Google has no field for."""
    name = resource_name(customer_id, change.kind, change.entity_id)
    if change.field == "status":
        if change.after not in WORDS:
            raise Rejected("Only “active” and “paused” can be set.", code="status")
        return SERVICES[change.kind], {"resourceName": name, "status": WORDS[str(change.after)]}, "status"
    micros = to_micros(Decimal(change.after), currency)
    if change.field == "budget" and node.budget is not None:
        return "campaignBudgets", {"resourceName": node.budget.resource, "amountMicros": micros}, "amountMicros"
    if change.field == "bid" and change.kind == "adset":
        return "adGroups", {"resourceName": name, "cpcBidMicros": micros}, "cpcBidMicros"
    if change.field == "bid" and change.kind == "campaign" and node.strategy == "MAXIMIZE_CONVERSIONS":
        target = {"targetCpaMicros": micros}
        return "campaigns", {"resourceName": name, "maximizeConversions": target}, "maximizeConversions.targetCpaMicros"
    word = {"adset": "ad group", "creative": "ad"}.get(change.kind, "campaign")
    raise Rejected(f"On Google Ads this {word} has no {change.field} of its own.", code="field")


def day(told: GoogleDay, kind: EntityKind, chosen: Mapping[tuple[str, date], GoogleDay] | None) -> DayMetrics:
    """`chosen`: the days of the one conversion action that counts, None where all primary ones do."""
    counted = told if chosen is None else chosen.get((told.node_id, told.day))
    return DayMetrics(
        kind=kind,
        entity_id=told.node_id,
        day=told.day,
        spend=to_major(told.cost_micros),
        impressions=told.impressions,
        clicks=told.clicks,
        conversions=_exact(counted.conversions if counted else 0.0),
        revenue=_exact(counted.value if counted else 0.0),
    )


def _exact(value: float) -> Decimal:
    """Raises Garbled."""
    try:
        return Decimal(repr(value)).quantize(Decimal("0.000001"))
    except InvalidOperation:
        raise Garbled(f"Google sent {value:g} conversions or worth of them.") from None


def quality(statuses: Iterable[str], now: datetime) -> list[QualityReading]:
    """Google publishes no match quality, only how its uploads are doing: the worst of them, on the scale of 0 to 10."""
    known = [(UPLOADS[status], status) for status in statuses if status in UPLOADS]
    if not known:
        return []
    value, status = min(known)
    return [QualityReading("emq", value, now, f"Conversion uploads: {status.lower().replace('_', ' ')}")]


def outside_change(told: GoogleEvent, kinds: Mapping[str, list[str]], zone: str) -> list[OutsideChange]:
    """One change of a shared budget is one of each campaign that spends from it (`kinds`: campaigns by budget)."""
    field = field_of(told)
    if field is None:
        return []
    number = told.resource.rpartition("/")[2]
    targets = kinds.get(number, []) if told.resource_type == "CAMPAIGN_BUDGET" else [number]
    by = told.client_type if told.client_type in AUTOMATIC else told.by or told.client_type
    return [OutsideChange(target, field, instant(told.at, zone), by) for target in targets]


def field_of(told: GoogleEvent) -> Field | None:
    names = {path.rpartition(".")[2] for path in told.fields.split(",")}
    names |= {_snake(name) for name in names}
    found = (field for (kind, name), field in FIELDS_OF_EVENTS.items() if kind == told.resource_type and name in names)
    return next(found, None)


def automation(kind: str) -> NativeAutomation | None:
    """A recommendation that Google applies by itself; None for those that touch neither budget nor bid."""
    fields = FIELDS_OF_RECOMMENDATIONS.get(kind)
    if fields is None:
        return None
    word = kind.lower().replace("_", " ")
    return NativeAutomation(word, f"Google applies its recommendation “{word}” to this account by itself.", fields)


def simulation_point(told: GoogleSimulationPoint) -> SimulationPoint:
    """A day of it: Google adds up the days of the simulation."""
    days = Decimal(told.days)
    return SimulationPoint(
        budget=to_major(told.budget_micros),
        spend=to_major(told.cost_micros) / days,
        conversions=_exact(told.conversions) / days,
    )


def instant(text: str, zone: str) -> datetime:
    """Google writes 2026-01-31 09:30:00.123 in the account's time zone. Raises Garbled."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except ValueError:
        raise Garbled(f"Google sent “{text[:40]}” as a time.") from None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
