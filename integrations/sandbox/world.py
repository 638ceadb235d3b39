"""What a platform knows: accounts, their campaigns, ad sets and creatives, budgets, and every change since it began."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import orjson

Kind = Literal["campaign", "adset", "creative"]
BELOW: dict[str, Kind] = {"campaign": "adset", "adset": "creative"}


@dataclass(slots=True)
class Shop:
    """An ad account. `manager` is the account that leads to it; a manager names itself."""

    id: str
    name: str
    currency: str
    time_zone: str
    active: bool = True
    manager: str = ""


@dataclass(slots=True)
class Pot:
    """A budget, and what it buys in a day when spent at its `usual` height: the market behind it.

    `delivery` is the share that gets spent, `cpm` the price of 1,000 impressions, `ctr` clicks per impression.
    """

    id: str
    account: str
    amount: Decimal
    usual: Decimal
    conversions: float
    value: float
    cpm: float = 12.0
    ctr: float = 0.012
    delivery: float = 0.985
    name: str = ""
    shared: bool = False


@dataclass(slots=True)
class Node:
    """A campaign, ad set or creative. `weight` is its share among its siblings; `pot` is empty where others pay."""

    id: str
    kind: Kind
    account: str
    name: str
    parent: str = ""
    status: Literal["active", "paused", "removed"] = "active"
    pot: str = ""
    bid: Decimal | None = None
    usual_bid: Decimal | None = None
    weight: float = 1.0
    changed_at: datetime | None = None
    learning: bool = False


@dataclass(slots=True)
class Past:
    """A change of a pot's `amount`, or a node's `status` or `bid`; values as text. `client`: what it was made with."""

    at: datetime
    target: str
    field: Literal["amount", "status", "bid"]
    before: str
    after: str
    by: str
    client: str = ""


@dataclass(slots=True)
class Dataset:
    """Where an account's events arrive: `quality` is the score 0–10 of each event."""

    id: str
    account: str
    name: str
    quality: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    platform: str
    seed: str
    began: datetime
    owner: str = "Sandbox"
    token: str = "sandbox"
    revoked: bool = False
    accounts: dict[str, Shop] = field(default_factory=dict)
    pots: dict[str, Pot] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    past: list[Past] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    touched: int = 0  # how many changes this process made: whether there is something to store

    def children(self, parent: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.parent == parent]

    def of_account(self, account: str, kind: Kind) -> list[Node]:
        return [node for node in self.nodes.values() if node.account == account and node.kind == kind]

    def payer(self, node: Node) -> Pot:
        """The budget that a node spends from: its own or that of the level above."""
        while not node.pot:
            node = self.nodes[node.parent]
        return self.pots[node.pot]

    def spenders(self, pot: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.pot == pot]

    def line(self, node: Node) -> list[Node]:
        """The node and everything above it."""
        return [node, *(self.line(self.nodes[node.parent]) if node.parent else ())]

    def set_amount(self, pot: Pot, amount: Decimal, at: datetime, by: str, client: str = "") -> None:
        self._remember(at, pot.id, "amount", str(pot.amount), str(amount), by, client)
        pot.amount = amount
        for node in self.spenders(pot.id):
            node.changed_at = at

    def set_status(
        self, node: Node, status: Literal["active", "paused", "removed"], at: datetime, by: str, client: str = ""
    ) -> None:
        self._remember(at, node.id, "status", node.status, status, by, client)
        node.status, node.changed_at = status, at

    def set_bid(self, node: Node, bid: Decimal, at: datetime, by: str, client: str = "") -> None:
        self._remember(at, node.id, "bid", str(node.bid or ""), str(bid), by, client)
        node.bid, node.changed_at = bid, at

    def _remember(
        self,
        at: datetime,
        target: str,
        what: Literal["amount", "status", "bid"],
        before: str,
        after: str,
        by: str,
        client: str,
    ) -> None:
        self.touched += 1
        if before != after:
            self.past.append(Past(at, target, what, before, after, by, client))


def dump(world: World) -> dict[str, Any]:
    """As JSON: decimals as text, instants in ISO 8601."""
    told: dict[str, Any] = orjson.loads(orjson.dumps(asdict(world), default=str))
    del told["touched"]
    return told


def load(told: dict[str, Any]) -> World:
    return World(
        **{
            **told,
            "began": datetime.fromisoformat(told["began"]),
            "accounts": {key: Shop(**one) for key, one in told["accounts"].items()},
            "pots": {key: Pot(**_decimals(one, "amount", "usual")) for key, one in told["pots"].items()},
            "nodes": {key: Node(**_instants(_decimals(one, "bid", "usual_bid"))) for key, one in told["nodes"].items()},
            "past": [Past(**{**one, "at": datetime.fromisoformat(one["at"])}) for one in told["past"]],
            "datasets": {key: Dataset(**one) for key, one in told["datasets"].items()},
        }
    )


def _decimals(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**told, **{name: Decimal(told[name]) for name in names if told[name] is not None}}


def _instants(told: dict[str, Any]) -> dict[str, Any]:
    changed = told["changed_at"]
    return {**told, "changed_at": datetime.fromisoformat(changed) if changed else None}
