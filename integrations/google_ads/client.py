"""One method per question or change that we need. https://developers.google.com/google-ads/api/rest/reference/rest"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from integrations.callers import Caller
from integrations.google_ads import shapes
from integrations.google_ads.errors import failure_of
from integrations.google_ads.tokens import Tokens
from stratum.lib.http import Answer, Garbled, Rejected, Unreachable

CUSTOMER = "descriptive_name, {0}.currency_code, {0}.time_zone, {0}.manager, {0}.status"
CAMPAIGN_FIELDS = (
    "campaign.id, campaign.name, campaign.status, campaign.primary_status, campaign.bidding_strategy_type, "
    "campaign.bidding_strategy_system_status, campaign.maximize_conversions.target_cpa_micros, "
    "campaign.target_cpa.target_cpa_micros, campaign_budget.resource_name, campaign_budget.amount_micros, "
    "campaign_budget.total_amount_micros, campaign_budget.explicitly_shared, campaign_budget.reference_count"
)
AD_GROUP_FIELDS = (
    "ad_group.id, ad_group.name, ad_group.status, ad_group.primary_status, ad_group.cpc_bid_micros, campaign.id"
)
AD_FIELDS = (
    "ad_group_ad.ad.id, ad_group_ad.ad.name, ad_group_ad.ad.type, ad_group_ad.status, ad_group_ad.primary_status, "
    "ad_group.id"
)
IDS = {
    "campaign": "campaign.id",
    "ad_group": "ad_group.id",
    "ad_group_ad": "ad_group.id, ad_group_ad.ad.id",
}
MOST_EVENTS = 10_000  # Google demands a LIMIT, of no more than that


class GoogleAdsClient:
    """`login_customer_id` is the manager account that leads to the others, digits only; empty without one."""

    def __init__(
        self,
        caller: Caller,
        tokens: Tokens,
        *,
        now: Callable[[], datetime],
        login_customer_id: str = "",
        developer_token: str = "",
    ) -> None:
        self._caller, self._tokens, self._now = caller, tokens, now
        manager = login_customer_id.replace("-", "")
        self._headers = {
            name: value
            for name, value in (
                ("login-customer-id", manager),
                ("developer-token", developer_token),
            )
            if value
        }

    def accessible_customers(self) -> list[str]:
        told = self._checked(self._call("GET", "customers:listAccessibleCustomers"))
        if not isinstance(told, dict):
            raise Garbled("Google answered without the accounts.")
        return [str(name).rpartition("/")[2] for name in shapes.items(told, "resourceNames")]

    def customer(self, customer_id: str) -> shapes.GoogleCustomer:
        query = f"SELECT customer.id, customer.{CUSTOMER.format('customer')} FROM customer LIMIT 1"
        rows = list(self.search(customer_id, query))
        if not rows:
            raise Garbled("Google answered without the account.")
        return shapes.customer(rows[0])

    def clients(self, manager_id: str) -> list[shapes.GoogleCustomer]:
        fields = f"customer_client.id, customer_client.{CUSTOMER.format('customer_client')}"
        query = f"SELECT {fields} FROM customer_client WHERE customer_client.hidden = FALSE"
        return [shapes.customer(row, "customerClient") for row in self.search(manager_id, query)]

    def campaigns(self, customer_id: str, *, only: str = "") -> Iterator[shapes.GoogleNode]:
        chosen = f"campaign.id = {digits(only)}" if only else "campaign.status != 'REMOVED'"
        for row in self.search(customer_id, f"SELECT {CAMPAIGN_FIELDS} FROM campaign WHERE {chosen}"):
            yield shapes.campaign(row)

    def campaigns_of_budget(self, customer_id: str, resource: str) -> list[tuple[str, str]]:
        """Id and name of each."""
        chosen = f"campaign_budget.id = {digits(resource.rpartition('/')[2])} AND campaign.status != 'REMOVED'"
        rows = self.search(customer_id, f"SELECT campaign.id, campaign.name FROM campaign WHERE {chosen}")
        return [(shapes.text(told, "id"), str(told.get("name"))) for told in (shapes.part(r, "campaign") for r in rows)]

    def ad_groups(self, customer_id: str, *, only: str = "") -> Iterator[shapes.GoogleNode]:
        chosen = f"ad_group.id = {digits(only)}" if only else "ad_group.status != 'REMOVED'"
        for row in self.search(customer_id, f"SELECT {AD_GROUP_FIELDS} FROM ad_group WHERE {chosen}"):
            yield shapes.ad_group(row)

    def ads(self, customer_id: str, *, only: str = "") -> Iterator[shapes.GoogleNode]:
        chosen = "ad_group_ad.status != 'REMOVED'"
        if only:
            group, _, ad = only.partition("~")
            chosen = f"ad_group.id = {digits(group)} AND ad_group_ad.ad.id = {digits(ad)}"
        for row in self.search(customer_id, f"SELECT {AD_FIELDS} FROM ad_group_ad WHERE {chosen}"):
            yield shapes.ad(row)

    def delivery(self, customer_id: str, resource: str, since: date, until: date) -> Iterator[shapes.GoogleDay]:
        """With the conversions of all primary actions together."""
        metrics = (
            "metrics.cost_micros, metrics.impressions, metrics.clicks, metrics.conversions, metrics.conversions_value"
        )
        yield from self._days(customer_id, resource, metrics, _between(since, until))

    def conversions(
        self, customer_id: str, resource: str, since: date, until: date, action: str
    ) -> Iterator[shapes.GoogleDay]:
        """Of one conversion action; Google gives no cost in this view."""
        chosen = f"{_between(since, until)} AND segments.conversion_action = '{_resource(action)}'"
        metrics = "metrics.all_conversions, metrics.all_conversions_value"
        yield from self._days(customer_id, resource, metrics, chosen)

    def conversion_actions(self, customer_id: str) -> list[shapes.Row]:
        fields = "conversion_action.resource_name, conversion_action.name, conversion_action.category"
        chosen = "conversion_action.status = 'ENABLED'"
        query = f"SELECT {fields}, conversion_action.primary_for_goal FROM conversion_action WHERE {chosen}"
        return [shapes.part(row, "conversionAction") for row in self.search(customer_id, query)]

    def events(self, customer_id: str, since: str, until: str) -> Iterator[shapes.GoogleEvent]:
        """Times as Google writes them, in the account's time zone, at most 30 days back."""
        fields = ", ".join(
            f"change_event.{name}"
            for name in (
                "change_date_time",
                "change_resource_type",
                "change_resource_name",
                "campaign",
                "ad_group",
                "client_type",
                "user_email",
                "changed_fields",
            )
        )
        chosen = f"change_event.change_date_time >= '{since}' AND change_event.change_date_time <= '{until}'"
        query = f"SELECT {fields} FROM change_event WHERE {chosen} ORDER BY change_event.change_date_time DESC"
        for row in self.search(customer_id, f"{query} LIMIT {MOST_EVENTS}"):
            yield shapes.event(row)

    def budget_simulation(self, customer_id: str, campaign_id: str) -> list[shapes.GoogleSimulationPoint]:
        """Of the newest simulation."""
        fields = (
            "campaign_simulation.start_date, campaign_simulation.end_date, campaign_simulation.budget_point_list.points"
        )
        chosen = f"campaign_simulation.campaign_id = {digits(campaign_id)} AND campaign_simulation.type = 'BUDGET'"
        rows = list(self.search(customer_id, f"SELECT {fields} FROM campaign_simulation WHERE {chosen}"))
        told = [shapes.part(row, "campaignSimulation") for row in rows]
        if not told:
            return []
        newest = max(told, key=lambda one: str(one.get("endDate")))
        days = (shapes.day_of(newest, "endDate") - shapes.day_of(newest, "startDate")).days + 1
        points = shapes.rows(shapes.inside(newest, "budgetPointList"), "points")
        return [
            shapes.GoogleSimulationPoint(
                shapes.integer(one, "budgetAmountMicros"),
                shapes.integer(one, "costMicros"),
                shapes.number(one, "biddableConversions"),
                max(days, 1),
            )
            for one in points
        ]

    def recommendation_subscriptions(self, customer_id: str) -> list[str]:
        """Kinds of recommendations that Google applies by itself."""
        query = (
            "SELECT recommendation_subscription.type, recommendation_subscription.status "
            "FROM recommendation_subscription WHERE recommendation_subscription.status = 'ENABLED'"
        )
        rows = self.search(customer_id, query)
        return [shapes.text(shapes.part(row, "recommendationSubscription"), "type") for row in rows]

    def upload_status(self, customer_id: str) -> list[str]:
        query = "SELECT offline_conversion_upload_client_summary.status FROM offline_conversion_upload_client_summary"
        rows = self.search(customer_id, query)
        told = (shapes.inside(row, "offlineConversionUploadClientSummary") for row in rows)
        return [str(one["status"]) for one in told if "status" in one]

    def update(
        self, customer_id: str, service: str, fields: Mapping[str, Any], mask: str, *, validate_only: bool
    ) -> str:
        """The request id. `fields` with `resourceName`."""
        body = {"operations": [{"update": dict(fields), "updateMask": mask}], "validateOnly": validate_only}
        answer = self._call("POST", f"customers/{digits(customer_id)}/{service}:mutate", body)
        told = self._checked(answer)
        if not validate_only and not (isinstance(told, dict) and told.get("results")):
            raise Garbled("Google answered a change without a result.")
        return answer.headers.get("request-id") or ""

    def search(self, customer_id: str, query: str) -> Iterator[shapes.Row]:
        """Every row of every chunk of the stream. Asking only reads, so it is repeated once after a lost answer."""
        path = f"customers/{digits(customer_id)}/googleAds:searchStream"
        try:
            told = self._checked(self._call("POST", path, {"query": query}))
        except Unreachable:
            told = self._checked(self._call("POST", path, {"query": query}))
        if not isinstance(told, list) or not all(isinstance(chunk, dict) for chunk in told):
            raise Garbled("Google answered without a list.")
        for chunk in told:
            yield from shapes.rows(chunk, "results")

    # Underneath

    def _days(self, customer_id: str, resource: str, metrics: str, chosen: str) -> Iterator[shapes.GoogleDay]:
        query = f"SELECT {IDS[resource]}, segments.date, {metrics} FROM {resource} WHERE {chosen}"
        for row in self.search(customer_id, query):
            yield shapes.day(row, resource)

    def _call(self, method: str, path: str, body: Any = None) -> Answer:
        """An access token that ended early is renewed once."""
        answer = self._caller.call(method, path, json=body, headers=self._authorised())
        if answer.status != 401:
            return answer
        self._tokens.forget()
        return self._caller.call(method, path, json=body, headers=self._authorised())

    def _authorised(self) -> dict[str, str]:
        return {**self._headers, "Authorization": f"Bearer {self._tokens.access_token()}"}

    def _checked(self, answer: Answer) -> Any:
        if answer.status != 200:
            raise failure_of(answer, now=self._now())
        told = answer.json()
        first = told[0] if isinstance(told, list) and told else told
        if isinstance(first, dict) and "error" in first:
            raise failure_of(answer, now=self._now())
        return told


def digits(text: str) -> str:
    """Ids go into paths and queries: nothing else than a number may. Raises Rejected."""
    plain = text.replace("-", "")
    if not plain.isascii() or not plain.isdigit():
        raise Rejected(f"“{text[:40]}” is no number of a Google Ads account or object.", code="id")
    return plain


def _resource(name: str) -> str:
    parts = name.split("/")
    if len(parts) != 4 or not all(part.isalnum() for part in parts):
        raise Rejected(f"“{name[:60]}” is no resource name.", code="id")
    return name


def _between(since: date, until: date) -> str:
    return f"segments.date BETWEEN '{since.isoformat()}' AND '{until.isoformat()}'"
