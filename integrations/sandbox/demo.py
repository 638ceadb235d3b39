"""The ad accounts of the demo shop, Northlight Outdoor: invented campaigns with the manual's names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from integrations.sandbox.world import Dataset, Node, Past, Pot, Shop, World

ZONE, CURRENCY = "America/New_York", "USD"
META_ACCOUNT, GOOGLE_ACCOUNT = "731400962218054", "4816207735"
TEAM = ("Maya Chen", "Jonas Weber")


@dataclass(frozen=True, slots=True)
class Group:
    """An ad set (Google: ad group) with the weights of its creatives by name; `daily` where it has a budget itself."""

    name: str
    creatives: dict[str, float]
    weight: float = 1.0
    bid: str = ""
    daily: int = 0
    conversions: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign: `daily` budget, and the conversions a day and the value of each that it brings."""

    name: str
    groups: tuple[Group, ...]
    daily: int = 0
    conversions: float = 0.0
    value: float = 96.0
    cpm: float = 12.0
    ctr: float = 0.012
    delivery: float = 0.985
    shared: str = ""


META = (
    Plan(
        "Holiday Promo 2026",
        (
            Group("Lookalike 1% - Purchasers", {"Gift Guide - Carousel": 1.3, "Winter Layers - Video 15s": 1.0}, 1.2),
            Group("Interest - Hiking and Camping", {"Gift Guide - Static": 1.0, "Winter Layers - Reel": 0.8}),
        ),
        daily=500,
        conversions=21.0,
        value=104.0,
        cpm=14.5,
    ),
    Plan(
        "Summer Sale 2026",
        (
            Group("Tents - Broad", {"Clearance Tents - Carousel": 1.0, "Clearance Tents - Static": 0.7}),
            Group("Past Summer Buyers", {"Last Sizes - Static": 1.0}, 0.6),
        ),
        daily=180,
        conversions=6.5,
        value=118.0,
    ),
    Plan(
        "Brand Awareness Q1",
        (Group("Outdoor Enthusiasts 25-54", {"Made for Weather - Video 30s": 1.0, "Made for Weather - Story": 0.9}),),
        daily=220,
        conversions=2.4,
        value=88.0,
        cpm=7.8,
        ctr=0.006,
    ),
    Plan(
        "Prospecting - Lookalike 2%",
        (Group("Lookalike 2% - Purchasers", {"Shell Jackets - Carousel": 1.1, "Shell Jackets - Reel": 0.9}),),
        daily=260,
        conversions=7.2,
        value=99.0,
    ),
    Plan(
        "Retargeting",
        (
            Group(
                "Retargeting - Cart Abandoners",
                {"Still Thinking - Dynamic": 1.0, "Free Shipping - Static": 0.6},
                bid="9.50",
                daily=120,
                conversions=9.0,
            ),
            Group("Retargeting - Product Viewers", {"Seen It - Dynamic": 1.0}, daily=90, conversions=4.6),
        ),
        value=91.0,
        cpm=19.0,
        ctr=0.021,
        delivery=0.86,
    ),
)
GOOGLE = (
    Plan(
        "Search - Brand",
        (Group("Brand - Exact", {"Northlight Official": 1.0, "Northlight Sale": 0.5}, bid="0.85"),),
        daily=90,
        conversions=8.5,
        cpm=180.0,
        ctr=0.16,
        delivery=0.78,
    ),
    Plan(
        "Search - Hiking Boots",
        (
            Group("Boots - Generic", {"Hiking Boots - Headline A": 1.0, "Hiking Boots - Headline B": 0.9}, bid="1.40"),
            Group("Boots - Waterproof", {"Waterproof Boots - Headline A": 1.0}, 0.7, bid="1.60"),
        ),
        daily=240,
        conversions=8.8,
        cpm=95.0,
        ctr=0.061,
        shared="Generic search",
    ),
    Plan(
        "Search - Tents",
        (Group("Tents - Generic", {"Tents - Headline A": 1.0}, 0.8, bid="1.25"),),
        daily=240,
        cpm=95.0,
        ctr=0.055,
        shared="Generic search",
    ),
    Plan(
        "Performance Max - Camping",
        (Group("Camping - All Assets", {"Camping - Asset Group 1": 1.0}),),
        daily=140,
        conversions=4.9,
        cpm=9.5,
        ctr=0.011,
    ),
    Plan(
        "Holiday Promo 2026 - Search",
        (Group("Gifts - Outdoor", {"Outdoor Gifts - Headline A": 1.0}, bid="1.75"),),
        daily=200,
        conversions=8.1,
        value=107.0,
        cpm=110.0,
        ctr=0.058,
    ),
)


def meta(began: datetime) -> World:
    world = World("meta", "northlight meta", began, owner="Northlight Outdoor (sandbox)")
    world.accounts[META_ACCOUNT] = Shop(META_ACCOUNT, "Northlight Outdoor", CURRENCY, ZONE)
    world.datasets["5540012"] = Dataset(
        "5540012", META_ACCOUNT, "Northlight website", {"Purchase": 8.7, "AddToCart": 8.3, "ViewContent": 7.9}
    )
    _found(world, META_ACCOUNT, META, first_id=12_020_000_000_100)
    _tell_past(world, "Holiday Promo 2026", "510", began - timedelta(hours=48), TEAM[0])
    _tell_past(world, "Prospecting - Lookalike 2%", "300", began - timedelta(days=31), TEAM[1])
    _tell_past(world, "Summer Sale 2026", "260", began - timedelta(days=58), TEAM[0])
    return world


def google(began: datetime) -> World:
    world = World("google", "northlight google", began, owner="Northlight Outdoor (sandbox)")
    world.accounts[GOOGLE_ACCOUNT] = Shop(GOOGLE_ACCOUNT, "Northlight Outdoor", CURRENCY, ZONE)
    world.datasets["uploads"] = Dataset("uploads", GOOGLE_ACCOUNT, "Conversion uploads", {"Purchase": 9.0})
    _found(world, GOOGLE_ACCOUNT, GOOGLE, first_id=2_140_000_100)
    _tell_past(world, "Search - Brand", "75", began - timedelta(days=12), TEAM[1])
    return world


def _found(world: World, account: str, plans: tuple[Plan, ...], first_id: int) -> None:
    ids = iter(range(first_id, first_id + 10_000))
    for plan in plans:
        campaign = Node(str(next(ids)), "campaign", account, plan.name, changed_at=world.began - timedelta(days=60))
        world.nodes[campaign.id] = campaign
        if plan.daily:
            campaign.pot = _pot(world, account, plan, str(next(ids)))
        for group in plan.groups:
            _found_group(world, campaign, plan, group, ids)


def _pot(world: World, account: str, plan: Plan, new_id: str) -> str:
    """A shared budget is founded by the first of its campaigns."""
    shared = next((pot.id for pot in world.pots.values() if plan.shared and pot.name == plan.shared), None)
    if shared is None:
        world.pots[new_id] = Pot(
            new_id,
            account,
            Decimal(plan.daily),
            Decimal(plan.daily),
            plan.conversions,
            plan.value,
            plan.cpm,
            plan.ctr,
            plan.delivery,
            plan.shared or plan.name,
            bool(plan.shared),
        )
    return shared or new_id


def _found_group(world: World, campaign: Node, plan: Plan, group: Group, ids: Iterator[int]) -> None:
    bid = Decimal(group.bid) if group.bid else None
    node = Node(
        str(next(ids)),
        "adset",
        campaign.account,
        group.name,
        campaign.id,
        bid=bid,
        usual_bid=bid,
        weight=group.weight,
        changed_at=world.began - timedelta(days=60),
    )
    world.nodes[node.id] = node
    if group.daily:
        node.pot = str(next(ids))
        world.pots[node.pot] = Pot(
            node.pot,
            campaign.account,
            Decimal(group.daily),
            Decimal(group.daily),
            group.conversions,
            plan.value,
            plan.cpm,
            plan.ctr,
            plan.delivery,
            group.name,
        )
    for name, weight in group.creatives.items():
        key = str(next(ids))
        key = f"{node.id}~{key}" if world.platform == "google" else key
        world.nodes[key] = Node(
            key,
            "creative",
            campaign.account,
            name,
            node.id,
            weight=weight,
            changed_at=world.began - timedelta(days=60),
        )


def _tell_past(world: World, name: str, before: str, at: datetime, by: str) -> None:
    """A change by hand that lies in the past: the budget had been `before`."""
    node = next(one for one in world.nodes.values() if one.name == name)
    pot = world.pots[node.pot]
    world.past.append(Past(at, pot.id, "amount", before, str(pot.amount), by))
    world.past.sort(key=lambda past: past.at)
    node.changed_at = at
