"""Google Ads as an AdPlatform."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from integrations.base import (
    Account,
    Change,
    ConversionAction,
    DayMetrics,
    Entity,
    EntityKind,
    Login,
    NativeAutomation,
    OutsideChange,
    QualityReading,
    SimulationPoint,
    Validation,
    Written,
)
from integrations.google_ads import mapping
from integrations.google_ads.client import GoogleAdsClient, digits
from integrations.google_ads.shapes import GoogleCustomer, GoogleDay, GoogleNode, text
from stratum.lib.http import Gone, NotAuthorised, Rejected

SECOND = timedelta(seconds=1)  # texts are compared, and 09:30:00.123 comes after 09:30:00
LONGEST_PAST = timedelta(days=29)  # of change events: Google keeps 30 days


class GoogleAdsPlatform:
    """`conversion_actions` by account id: resource names; without one, all primary actions count together."""

    name = "Google Ads"

    def __init__(
        self,
        client: GoogleAdsClient,
        *,
        now: Callable[[], datetime],
        login_customer_id: str = "",
        conversion_actions: Mapping[str, str] | None = None,
    ) -> None:
        self._client, self._now = client, now
        self._manager = digits(login_customer_id) if login_customer_id else ""
        self._counted = conversion_actions or {}
        self._customers: dict[str, GoogleCustomer] = {}
        self._subscriptions: dict[str, list[str]] = {}
        self._nodes: dict[tuple[str, EntityKind, str], GoogleNode] = {}

    def login(self) -> Login:
        reached = [self._manager] if self._manager else self._client.accessible_customers()
        if not reached:
            raise NotAuthorised("This login reaches no Google Ads account.")
        return Login(reached[0], self._customer(reached[0]).name)

    def accounts(self) -> Sequence[Account]:
        """Those that can spend: managers only lead to others."""
        if self._manager:
            found = self._client.clients(self._manager)
        else:
            found = [self._customer(one) for one in self._client.accessible_customers()]
        spending = [one for one in found if not one.manager]
        if found and not spending:
            sentence = "This login reaches manager accounts only. Enter the manager's number as login customer id."
            raise Rejected(sentence, code="manager")
        self._customers.update({one.id: one for one in spending})
        return [mapping.account(one) for one in spending]

    def conversion_actions(self, account_id: str) -> Sequence[ConversionAction]:
        rows = self._client.conversion_actions(account_id)
        rows.sort(
            key=lambda row: (row.get("category") != "PURCHASE", not row.get("primaryForGoal"), str(row.get("name")))
        )
        return [ConversionAction(text(row, "resourceName"), str(row.get("name") or "")) for row in rows]

    def entities(self, account_id: str) -> Iterator[Entity]:
        campaigns = list(self._client.campaigns(account_id))
        sharers: dict[str, list[GoogleNode]] = defaultdict(list)
        for one in campaigns:
            if one.budget:
                sharers[one.budget.resource].append(one)
        for one in campaigns:
            others = sharers[one.budget.resource] if one.budget else ()
            yield mapping.entity(one, "campaign", [other.name for other in others if other.id != one.id])
        yield from (mapping.entity(one, "adset") for one in self._client.ad_groups(account_id))
        yield from (mapping.entity(one, "creative") for one in self._client.ads(account_id))

    def read(self, account_id: str, kind: EntityKind, entity_id: str) -> Entity:
        node = self._node(account_id, kind, entity_id)
        shared: list[str] = []
        if node.budget and node.budget.shared:
            spenders = self._client.campaigns_of_budget(account_id, node.budget.resource)
            shared = [name for key, name in spenders if key != node.id]
        return mapping.entity(node, kind, shared)

    def validate(self, account_id: str, change: Change) -> Validation:
        try:
            self._update(account_id, change, validate_only=True)
        except (Rejected, Gone) as refused:
            return Validation("verified", False, f"Google Ads would refuse this: {refused.sentence}")
        return Validation("verified", True, "Google Ads is ready to accept this change.")

    def write(self, account_id: str, change: Change) -> Written:
        return Written(self._update(account_id, change, validate_only=False))

    def metrics(self, account_id: str, since: date, until: date) -> Iterator[DayMetrics]:
        for kind, resource in mapping.RESOURCES.items():
            chosen = self._chosen(account_id, resource, since, until)
            for row in self._client.delivery(account_id, resource, since, until):
                yield mapping.day(row, kind, chosen)

    def quality(self, account_id: str) -> Sequence[QualityReading]:
        return mapping.quality(self._client.upload_status(account_id), self._now())

    def automations(self, account_id: str, kind: EntityKind, entity_id: str) -> Sequence[NativeAutomation]:
        """Subscriptions hold for the whole account, and are read once."""
        if account_id not in self._subscriptions:
            self._subscriptions[account_id] = self._client.recommendation_subscriptions(account_id)
        found = map(mapping.automation, self._subscriptions[account_id])
        return [one for one in found if one is not None]

    def outside_changes(self, account_id: str, since: datetime) -> Sequence[OutsideChange]:
        zone = self._customer(account_id).time_zone
        start = max(since, self._now() - LONGEST_PAST)
        events = list(self._client.events(account_id, _local(start, zone), _local(self._now() + SECOND, zone)))
        spenders = self._spenders(account_id) if any(one.resource_type == "CAMPAIGN_BUDGET" for one in events) else {}
        return [change for one in events for change in mapping.outside_change(one, spenders, zone)]

    def simulation(self, account_id: str, entity_id: str) -> Sequence[SimulationPoint]:
        points = map(mapping.simulation_point, self._client.budget_simulation(account_id, entity_id))
        return sorted(points, key=lambda point: point.budget)

    # Underneath

    def _update(self, account_id: str, change: Change, *, validate_only: bool) -> str:
        """Which budget a campaign spends from and how it bids is taken from the last reading."""
        known = self._nodes.get((account_id, change.kind, change.entity_id))
        node = known or self._node(account_id, change.kind, change.entity_id)
        currency = self._customer(account_id).currency
        service, fields, mask = mapping.update_of(digits(account_id), change, node, currency)
        return self._client.update(account_id, service, fields, mask, validate_only=validate_only)

    def _node(self, account_id: str, kind: EntityKind, entity_id: str) -> GoogleNode:
        ask: dict[EntityKind, Callable[..., Iterable[GoogleNode]]] = {
            "campaign": self._client.campaigns,
            "adset": self._client.ad_groups,
            "creative": self._client.ads,
        }
        node = next(iter(ask[kind](account_id, only=entity_id)), None)
        if node is None:
            raise Gone("Google Ads has no such object (any more).")
        self._nodes[account_id, kind, entity_id] = node
        return node

    def _customer(self, account_id: str) -> GoogleCustomer:
        if account_id not in self._customers:
            self._customers[account_id] = self._client.customer(account_id)
        return self._customers[account_id]

    def _chosen(
        self, account_id: str, resource: str, since: date, until: date
    ) -> dict[tuple[str, date], GoogleDay] | None:
        action = self._counted.get(account_id)
        if not action:
            return None
        rows = self._client.conversions(account_id, resource, since, until, action)
        return {(row.node_id, row.day): row for row in rows}

    def _spenders(self, account_id: str) -> dict[str, list[str]]:
        """Ids of campaigns by the number of their budget."""
        found: dict[str, list[str]] = defaultdict(list)
        for one in self._client.campaigns(account_id):
            if one.budget:
                found[one.budget.resource.rpartition("/")[2]].append(one.id)
        return found


def _local(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
