"""Meta's answers as they come: names, minor units and strings are Meta's own."""

from dataclasses import dataclass
from typing import Any

from integrations.zones import known_zone
from stratum.lib.http import Garbled

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetaAccount:
    """`account_status` 1 is active."""

    id: str
    name: str
    currency: str
    timezone_name: str
    account_status: int


@dataclass(frozen=True, slots=True)
class MetaNode:
    """A campaign, ad set or ad. Budgets and bids are text in minor units; empty where another level has them."""

    id: str
    name: str
    status: str
    effective_status: str
    account_id: str
    updated_time: str
    campaign_id: str = ""
    adset_id: str = ""
    daily_budget: str = ""
    lifetime_budget: str = ""
    bid_amount: str = ""
    learning_stage: str = ""


@dataclass(frozen=True, slots=True)
class MetaInsight:
    """One node's day. `actions` and `action_values` by action type: several types count the same purchases."""

    node_id: str
    date_start: str
    spend: str
    impressions: str
    clicks: str
    actions: dict[str, str]
    action_values: dict[str, str]


@dataclass(frozen=True, slots=True)
class MetaActivity:
    event_time: str
    event_type: str
    object_id: str
    actor_name: str
    application_id: str
    application_name: str


@dataclass(frozen=True, slots=True)
class MetaRule:
    id: str
    name: str
    status: str
    evaluation_spec: Told
    execution_spec: Told


@dataclass(frozen=True, slots=True)
class MetaMatchQuality:
    """What Meta says of the copies of one event; None where it says nothing."""

    event_name: str
    composite_score: float | None
    coverage_percentage: float | None = None
    upload_frequency: str = ""


def account(told: Told) -> MetaAccount:
    return MetaAccount(
        id=text(told, "account_id"),
        name=str(told.get("name") or text(told, "account_id")),
        currency=text(told, "currency"),
        timezone_name=known_zone(told.get("timezone_name")),
        account_status=_integer(told, "account_status"),
    )


def node(told: Told) -> MetaNode:
    learning = told.get("learning_stage_info")
    return MetaNode(
        id=text(told, "id"),
        name=str(told.get("name") or ""),
        status=text(told, "status"),
        effective_status=str(told.get("effective_status") or ""),
        account_id=str(told.get("account_id") or ""),
        updated_time=str(told.get("updated_time") or ""),
        campaign_id=str(told.get("campaign_id") or ""),
        adset_id=str(told.get("adset_id") or ""),
        daily_budget=str(told.get("daily_budget") or ""),
        lifetime_budget=str(told.get("lifetime_budget") or ""),
        bid_amount=str(told.get("bid_amount") or ""),
        learning_stage=str(learning.get("status") or "") if isinstance(learning, dict) else "",
    )


def insight(told: Told, level: str) -> MetaInsight:
    return MetaInsight(
        node_id=text(told, f"{level}_id"),
        date_start=text(told, "date_start"),
        spend=str(told.get("spend") or "0"),
        impressions=str(told.get("impressions") or "0"),
        clicks=str(told.get("clicks") or "0"),
        actions=_by_type(told.get("actions")),
        action_values=_by_type(told.get("action_values")),
    )


def activity(told: Told) -> MetaActivity:
    return MetaActivity(
        event_time=text(told, "event_time"),
        event_type=text(told, "event_type"),
        object_id=str(told.get("object_id") or ""),
        actor_name=str(told.get("actor_name") or ""),
        application_id=str(told.get("application_id") or ""),
        application_name=str(told.get("application_name") or ""),
    )


def action_types(told: Told) -> list[str]:
    return list(_by_type(told.get("actions")))


def rule(told: Told) -> MetaRule:
    return MetaRule(
        id=text(told, "id"),
        name=str(told.get("name") or ""),
        status=str(told.get("status") or ""),
        evaluation_spec=_object(told.get("evaluation_spec")),
        execution_spec=_object(told.get("execution_spec")),
    )


def match_quality(told: Told) -> MetaMatchQuality:
    """Documented thinly and changed often: whatever is not as expected is unknown."""
    quality = _object(told.get("event_match_quality"))
    return MetaMatchQuality(
        event_name=str(told.get("event_name") or ""),
        composite_score=_float(quality.get("composite_score")),
        coverage_percentage=_float(_object(told.get("event_coverage")).get("percentage")),
        upload_frequency=str(_object(told.get("data_freshness")).get("upload_frequency") or ""),
    )


def text(told: Told, name: str) -> str:
    """A field that is always there. Raises Garbled."""
    value = told.get(name)
    if not isinstance(value, str | int) or value == "":
        raise Garbled(f"Meta left out “{name}”.")
    return str(value)


def _by_type(told: object) -> dict[str, str]:
    entries = told if isinstance(told, list) else ()
    named = (one for one in entries if isinstance(one, dict) and "action_type" in one)
    return {str(one["action_type"]): str(one.get("value") or "0") for one in named}


def _integer(told: Told, name: str) -> int:
    """Zero when absent. Raises Garbled."""
    try:
        return int(told.get(name) or 0)
    except (TypeError, ValueError):
        raise Garbled(f"Meta sent “{str(told[name])[:40]}” as a number.") from None


def _object(told: object) -> Told:
    return told if isinstance(told, dict) else {}


def _float(told: object) -> float | None:
    try:
        return float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
