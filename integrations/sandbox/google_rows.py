"""The rows that Google's resources have in a world, by dotted field names; amounts in micros, int64 as text."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from integrations.sandbox.gaql import BadQuery, Flat, Query
from integrations.sandbox.market import ELASTICITY, Figures, Market, by_level
from integrations.sandbox.world import Node, Pot, Shop, World

WORDS = {"active": "ENABLED", "paused": "PAUSED", "removed": "REMOVED"}
LEVELS = {"campaign": "campaign", "ad_group": "adset", "ad_group_ad": "creative"}
ACTIONS = (("1001", "Purchase", "PURCHASE", True), ("1002", "Add to cart", "ADD_TO_CART", False))
CARTS = 4  # per purchase
SIMULATED = ("0.7", "0.85", "1", "1.15", "1.3", "1.6")  # of the present budget
CHANGED: dict[tuple[str, str], tuple[str, str]] = {
    ("campaign", "amount"): ("CAMPAIGN_BUDGET", "amount_micros"),
    ("campaign", "status"): ("CAMPAIGN", "status"),
    ("campaign", "bid"): ("CAMPAIGN", "maximize_conversions.target_cpa_micros"),
    ("adset", "status"): ("AD_GROUP", "status"),
    ("adset", "bid"): ("AD_GROUP", "cpc_bid_micros"),
    ("creative", "status"): ("AD_GROUP_AD", "status"),
}


def rows(world: World, shop: Shop, query: Query, now: datetime) -> Iterator[Flat]:
    """Raises BadQuery for a resource that the fake does not have."""
    if query.resource in LEVELS:
        return _nodes(world, shop, query, now)
    tables: dict[str, Callable[[], Iterator[Flat]]] = {
        "customer": lambda: iter([_customer(shop, "customer")]),
        "customer_client": lambda: _clients(world, shop),
        "conversion_action": lambda: _actions(shop),
        "change_event": lambda: _events(world, shop),
        "campaign_simulation": lambda: _simulations(world, shop, now),
        "recommendation_subscription": lambda: _subscriptions(world),
        "offline_conversion_upload_client_summary": lambda: _uploads(world, shop),
    }
    if query.resource not in tables:
        raise BadQuery(f"Error in query: '{query.resource}' is no resource.")
    return tables[query.resource]()


def _nodes(world: World, shop: Shop, query: Query, now: datetime) -> Iterator[Flat]:
    kind = LEVELS[query.resource]
    if not any(field.startswith(("metrics.", "segments.")) for field in query.fields):
        only = world.nodes.get(query.equal_to("campaign.id")) if kind == "campaign" else None
        nodes = world.nodes.values() if only is None else [only]
        yield from (_node(world, node) for node in nodes if node.account == shop.id and node.kind == kind)
        return
    since, until = query.bounds("segments.date") or ("", "")
    if not since:
        raise BadQuery("The query must filter segments.date by a finite range.")
    days = Market(world, now).days(shop.id, date.fromisoformat(since), date.fromisoformat(until))
    for (key, day), figures in sorted(by_level(world, days, kind).items(), key=lambda one: (one[0][1], one[0][0])):
        for segment in _segments(shop, query):
            yield {**_node(world, world.nodes[key]), "segments.date": str(day), **segment, **_metrics(figures, segment)}


def _segments(shop: Shop, query: Query) -> list[Flat]:
    asked = "segments.conversion_action"
    if asked not in query.fields and not query.equal_to(asked):
        return [{}]
    if any(f"metrics.{name}" in query.fields for name in ("cost_micros", "impressions", "clicks")):
        raise BadQuery("Cannot select metrics of delivery together with segments.conversion_action.")
    return [{asked: action_name(shop, key)} for key, *_ in ACTIONS]


def _metrics(figures: Figures, segment: Flat) -> Flat:
    """Purchases alone are primary: `conversions` has them, `all_conversions` has carts too."""
    action = str(segment.get("segments.conversion_action") or "")
    purchases, carts = float(figures.conversions), float(figures.conversions) * CARTS
    everything = purchases if action.endswith("1001") else carts if action.endswith("1002") else purchases + carts
    primary = 0.0 if action.endswith("1002") else purchases
    worth = 0.0 if action.endswith("1002") else float(figures.revenue)
    return {
        "metrics.cost_micros": micros(figures.spend),
        "metrics.impressions": str(figures.impressions),
        "metrics.clicks": str(figures.clicks),
        "metrics.conversions": primary,
        "metrics.conversions_value": worth,
        "metrics.all_conversions": everything,
        "metrics.all_conversions_value": worth,
    }


def _node(world: World, node: Node) -> Flat:
    """Its own fields and those of everything above it."""
    told: Flat = {}
    for one in world.line(node):
        told |= {"campaign": _campaign, "adset": _ad_group, "creative": _ad}[one.kind](world, one)
    return told


def _campaign(world: World, node: Node) -> Flat:
    pot = world.pots.get(node.pot)
    return {
        "campaign.resource_name": f"customers/{node.account}/campaigns/{node.id}",
        "campaign.id": node.id,
        "campaign.name": node.name,
        "campaign.status": WORDS[node.status],
        "campaign.primary_status": _primary(world, node),
        "campaign.bidding_strategy_type": "MAXIMIZE_CONVERSIONS" if node.bid else "MANUAL_CPC",
        "campaign.bidding_strategy_system_status": "LEARNING_BUDGET_CHANGE" if node.learning else "ENABLED",
        "campaign.maximize_conversions.target_cpa_micros": micros(node.bid) if node.bid else None,
        "campaign.target_cpa.target_cpa_micros": None,
        **(_budget(world, pot) if pot else {}),
    }


def _budget(world: World, pot: Pot) -> Flat:
    return {
        "campaign_budget.resource_name": f"customers/{pot.account}/campaignBudgets/{pot.id}",
        "campaign_budget.id": pot.id,
        "campaign_budget.name": pot.name,
        "campaign_budget.amount_micros": micros(pot.amount),
        "campaign_budget.total_amount_micros": None,
        "campaign_budget.explicitly_shared": pot.shared,
        "campaign_budget.reference_count": str(len(world.spenders(pot.id))),
    }


def _ad_group(world: World, node: Node) -> Flat:
    return {
        "ad_group.resource_name": f"customers/{node.account}/adGroups/{node.id}",
        "ad_group.id": node.id,
        "ad_group.name": node.name,
        "ad_group.status": WORDS[node.status],
        "ad_group.primary_status": _primary(world, node),
        "ad_group.cpc_bid_micros": micros(node.bid) if node.bid else None,
    }


def _ad(world: World, node: Node) -> Flat:
    return {
        "ad_group_ad.resource_name": f"customers/{node.account}/adGroupAds/{node.id}",
        "ad_group_ad.ad.id": node.id.partition("~")[2],
        "ad_group_ad.ad.name": node.name,
        "ad_group_ad.ad.type": "RESPONSIVE_SEARCH_AD",
        "ad_group_ad.status": WORDS[node.status],
        "ad_group_ad.primary_status": _primary(world, node),
    }


def _primary(world: World, node: Node) -> str:
    worst = [one.status for one in world.line(node) if one.status != "active"]
    return {"paused": "PAUSED", "removed": "REMOVED"}[worst[0]] if worst else "ELIGIBLE"


def _customer(shop: Shop, place: str) -> Flat:
    return {
        f"{place}.resource_name": f"customers/{shop.id}",
        f"{place}.id": shop.id,
        f"{place}.descriptive_name": shop.name,
        f"{place}.currency_code": shop.currency,
        f"{place}.time_zone": shop.time_zone,
        f"{place}.manager": shop.id == shop.manager,
        f"{place}.status": "ENABLED" if shop.active else "SUSPENDED",
    }


def _clients(world: World, manager: Shop) -> Iterator[Flat]:
    """The manager itself comes first, as with Google."""
    for shop in world.accounts.values():
        if shop is manager or shop.manager == manager.id:
            yield {**_customer(shop, "customer_client"), "customer_client.hidden": False}


def action_name(shop: Shop, key: str) -> str:
    return f"customers/{shop.id}/conversionActions/{key}"


def _actions(shop: Shop) -> Iterator[Flat]:
    for key, name, category, primary in ACTIONS:
        yield {
            "conversion_action.resource_name": action_name(shop, key),
            "conversion_action.name": name,
            "conversion_action.category": category,
            "conversion_action.primary_for_goal": primary or None,
            "conversion_action.status": "ENABLED",
        }


def _events(world: World, shop: Shop) -> Iterator[Flat]:
    zone = ZoneInfo(shop.time_zone)
    for past in world.past:
        node = world.nodes.get(past.target) or next(iter(world.spenders(past.target)), None)
        if node is None or node.account != shop.id or (node.kind, past.field) not in CHANGED:
            continue
        kind, mask = CHANGED[node.kind, past.field]
        line = {one.kind: one for one in world.line(node)}
        yield {
            "change_event.resource_name": f"customers/{shop.id}/changeEvents/{int(past.at.timestamp())}",
            "change_event.change_date_time": past.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "change_event.change_resource_type": kind,
            "change_event.change_resource_name": f"customers/{shop.id}/{_place(kind)}/{past.target}",
            "change_event.campaign": f"customers/{shop.id}/campaigns/{line['campaign'].id}",
            "change_event.ad_group": f"customers/{shop.id}/adGroups/{line['adset'].id}" if "adset" in line else None,
            "change_event.client_type": past.client or "GOOGLE_ADS_WEB_CLIENT",
            "change_event.user_email": past.by,
            "change_event.changed_fields": mask,
        }


def _place(kind: str) -> str:
    places = {"CAMPAIGN_BUDGET": "campaignBudgets", "CAMPAIGN": "campaigns", "AD_GROUP": "adGroups"}
    return places.get(kind, "adGroupAds")


def _simulations(world: World, shop: Shop, now: datetime) -> Iterator[Flat]:
    """Over seven days, for campaigns with a budget of their own."""
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    for node in world.of_account(shop.id, "campaign"):
        pot = world.pots.get(node.pot)
        if pot and not pot.shared and node.status == "active":
            yield {
                "campaign_simulation.resource_name": f"customers/{shop.id}/campaignSimulations/{node.id}",
                "campaign_simulation.campaign_id": node.id,
                "campaign_simulation.type": "BUDGET",
                "campaign_simulation.start_date": str(date.fromordinal(today.toordinal() - 7)),
                "campaign_simulation.end_date": str(date.fromordinal(today.toordinal() - 1)),
                "campaign_simulation.budget_point_list.points": [_point(pot, Decimal(share)) for share in SIMULATED],
            }


def _point(pot: Pot, share: Decimal) -> dict[str, Any]:
    spend = pot.amount * share * Decimal(str(pot.delivery))
    usual = pot.usual * Decimal(str(pot.delivery))
    return {
        "budgetAmountMicros": micros(pot.amount * share),
        "costMicros": micros(spend * 7),
        "biddableConversions": round(7 * pot.conversions * float(spend / usual) ** ELASTICITY, 2),
    }


def _subscriptions(world: World) -> Iterator[Flat]:
    for rule in world.rules:
        yield {
            "recommendation_subscription.resource_name": None,
            "recommendation_subscription.type": rule["type"],
            "recommendation_subscription.status": rule.get("status", "ENABLED"),
        }


def _uploads(world: World, shop: Shop) -> Iterator[Flat]:
    for one in world.datasets.values():
        if one.account == shop.id:
            status = "EXCELLENT" if min(one.quality.values(), default=0) >= 8.5 else "GOOD"
            yield {
                "offline_conversion_upload_client_summary.resource_name": None,
                "offline_conversion_upload_client_summary.status": one.name if one.name.isupper() else status,
            }


def micros(amount: Decimal) -> str:
    return str(int(amount * 1_000_000))
