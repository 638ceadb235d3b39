"""Google's rows as they come: camelCase, int64 as text, unset fields absent, money in micros."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from integrations.zones import known_zone
from stratum.lib.http import Garbled

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GoogleCustomer:
    id: str
    name: str
    currency: str
    time_zone: str
    manager: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class GoogleBudget:
    """`amount_micros` per day; `total_micros` instead for budgets of a whole campaign."""

    resource: str
    amount_micros: int
    total_micros: int
    shared: bool
    references: int


@dataclass(frozen=True, slots=True)
class GoogleNode:
    """A campaign, ad group or ad. `bid_micros` is an ad group's CPC bid or a campaign's target CPA; 0 without."""

    id: str
    name: str
    status: str
    primary_status: str
    parent_id: str = ""
    budget: GoogleBudget | None = None
    bid_micros: int = 0
    strategy: str = ""
    learning: bool = False


@dataclass(frozen=True, slots=True)
class GoogleDay:
    node_id: str
    day: date
    cost_micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: float = 0.0
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class GoogleEvent:
    """One change; `fields` is the mask of what changed, comma-separated."""

    at: str
    resource_type: str
    resource: str
    campaign: str
    ad_group: str
    client_type: str
    by: str
    fields: str


@dataclass(frozen=True, slots=True)
class GoogleSimulationPoint:
    """Over `days` days."""

    budget_micros: int
    cost_micros: int
    conversions: float
    days: int


def customer(row: Row, place: str = "customer") -> GoogleCustomer:
    told = part(row, place)
    return GoogleCustomer(
        id=text(told, "id"),
        name=str(told.get("descriptiveName") or told.get("id")),
        currency=text(told, "currencyCode"),
        time_zone=known_zone(told.get("timeZone")),
        manager=bool(told.get("manager")),
        enabled=told.get("status", "ENABLED") == "ENABLED",
    )


def campaign(row: Row) -> GoogleNode:
    told = part(row, "campaign")
    targets = [told.get(name) for name in ("maximizeConversions", "targetCpa")]
    bids = [integer(one, "targetCpaMicros") for one in targets if isinstance(one, dict)]
    return GoogleNode(
        id=text(told, "id"),
        name=str(told.get("name") or ""),
        status=text(told, "status"),
        primary_status=str(told.get("primaryStatus") or ""),
        budget=budget(row) if "campaignBudget" in row else None,
        bid_micros=max(bids, default=0),
        strategy=str(told.get("biddingStrategyType") or ""),
        learning=str(told.get("biddingStrategySystemStatus") or "").startswith("LEARNING"),
    )


def budget(row: Row) -> GoogleBudget:
    told = part(row, "campaignBudget")
    return GoogleBudget(
        resource=text(told, "resourceName"),
        amount_micros=integer(told, "amountMicros"),
        total_micros=integer(told, "totalAmountMicros"),
        shared=bool(told.get("explicitlyShared")),
        references=integer(told, "referenceCount"),
    )


def ad_group(row: Row) -> GoogleNode:
    told = part(row, "adGroup")
    return GoogleNode(
        id=text(told, "id"),
        name=str(told.get("name") or ""),
        status=text(told, "status"),
        primary_status=str(told.get("primaryStatus") or ""),
        parent_id=text(part(row, "campaign"), "id"),
        bid_micros=integer(told, "cpcBidMicros"),
    )


def ad(row: Row) -> GoogleNode:
    """Its id is unique together with its ad group's only, as in Google's resource names."""
    told, group = part(row, "adGroupAd"), text(part(row, "adGroup"), "id")
    inner = part(told, "ad")
    return GoogleNode(
        id=f"{group}~{text(inner, 'id')}",
        name=str(inner.get("name") or f"{inner.get('type', 'Ad')} {inner.get('id')}"),
        status=text(told, "status"),
        primary_status=str(told.get("primaryStatus") or ""),
        parent_id=group,
    )


def day(row: Row, resource: str) -> GoogleDay:
    told = inside(row, "metrics")
    return GoogleDay(
        node_id=_id_of(row, resource),
        day=day_of(part(row, "segments"), "date"),
        cost_micros=integer(told, "costMicros"),
        impressions=integer(told, "impressions"),
        clicks=integer(told, "clicks"),
        conversions=number(told, "conversions") + number(told, "allConversions"),
        value=number(told, "conversionsValue") + number(told, "allConversionsValue"),
    )


def _id_of(row: Row, resource: str) -> str:
    if resource == "campaign":
        return text(part(row, "campaign"), "id")
    group = text(part(row, "adGroup"), "id")
    return group if resource == "ad_group" else f"{group}~{text(part(part(row, 'adGroupAd'), 'ad'), 'id')}"


def event(row: Row) -> GoogleEvent:
    told = part(row, "changeEvent")
    return GoogleEvent(
        at=text(told, "changeDateTime"),
        resource_type=text(told, "changeResourceType"),
        resource=str(told.get("changeResourceName") or ""),
        campaign=str(told.get("campaign") or "").rpartition("/")[2],
        ad_group=str(told.get("adGroup") or "").rpartition("/")[2],
        client_type=str(told.get("clientType") or ""),
        by=str(told.get("userEmail") or ""),
        fields=str(told.get("changedFields") or ""),
    )


def text(told: Row, name: str) -> str:
    """A field that is always there. Raises Garbled."""
    value = told.get(name)
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise Garbled(f"Google left out “{name}”.")
    return str(value)


def part(row: Row, name: str) -> Row:
    """Raises Garbled."""
    told = row.get(name)
    if not isinstance(told, dict):
        raise Garbled(f"Google left out “{name}”.")
    return told


def inside(row: Row, name: str) -> Row:
    """Empty when absent. Raises Garbled."""
    return part(row, name) if row.get(name) is not None else {}


def items(told: Row, name: str) -> list[Any]:
    """None when absent. Raises Garbled."""
    found = told.get(name)
    if found is not None and not isinstance(found, list):
        raise Garbled(f"Google sent something else than a list as “{name}”.")
    return found or []


def rows(told: Row, name: str) -> list[Row]:
    """None when absent. Raises Garbled."""
    found = items(told, name)
    if not all(isinstance(one, dict) for one in found):
        raise Garbled(f"Google sent something else than rows as “{name}”.")
    return found


def day_of(told: Row, name: str) -> date:
    """Raises Garbled."""
    try:
        return date.fromisoformat(text(told, name))
    except ValueError:
        raise Garbled(f"Google sent “{text(told, name)[:40]}” as a day.") from None


def integer(told: Row, name: str) -> int:
    """Zero when absent. Raises Garbled."""
    try:
        return int(told.get(name) or 0)
    except (TypeError, ValueError):
        raise Garbled(f"Google sent “{str(told[name])[:40]}” as a whole number.") from None


def number(told: Row, name: str) -> float:
    """Zero when absent. Raises Garbled."""
    try:
        return float(told.get(name) or 0)
    except (TypeError, ValueError):
        raise Garbled(f"Google sent “{str(told[name])[:40]}” as a number.") from None
