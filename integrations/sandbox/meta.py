"""A fake of Meta's Marketing API over a world: the answers, errors and headers that our client has to understand."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, cast

import orjson

from integrations.meta.mapping import offset
from integrations.sandbox.market import Figures, Market, by_level
from integrations.sandbox.wire import Mishaps, Reply, Request, reply
from integrations.sandbox.world import Node, Shop, World

LEVELS = {"campaigns": "campaign", "adsets": "adset", "ads": "creative"}
WORDS = {"active": "ACTIVE", "paused": "PAUSED", "removed": "DELETED"}
STATUSES: dict[str, Literal["active", "paused", "removed"]] = {
    "ACTIVE": "active",
    "PAUSED": "paused",
    "DELETED": "removed",
    "ARCHIVED": "removed",
}
TYPES = ("omni_purchase", "offsite_conversion.fb_pixel_purchase", "purchase")  # the same purchases, three times
SMALLEST = 100  # minor units of a daily budget
CHANGES_AN_HOUR = 4  # of one budget
EVENTS = {
    ("campaign", "amount"): "update_campaign_budget",
    ("adset", "amount"): "update_ad_set_budget",
    ("campaign", "status"): "update_campaign_run_status",
    ("adset", "status"): "update_ad_set_run_status",
    ("creative", "status"): "update_ad_run_status",
    ("adset", "bid"): "update_ad_set_bidding",
}


class FakeMeta:
    def __init__(self, world: World, *, now: Callable[[], datetime], mishaps: Mishaps | None = None) -> None:
        self.world, self.mishaps = world, mishaps or Mishaps()
        self._now = now
        self._answered = 0

    def answer(self, request: Request) -> Reply:
        return self.mishaps.around(request, self._answer)

    def _answer(self, request: Request) -> Reply:
        self._answered += 1
        path = request.path.strip("/").partition("/")[2] if request.path.startswith("/v") else request.path.strip("/")
        if self.world.revoked or request.bearer() != self.world.token:
            return _error(190, "Error validating access token: The session has been invalidated.", subcode=460)
        if request.method == "POST":
            return self._write(path, request.form())
        place = path.partition("/")[0]
        if place == "me":
            return self._me(path, request.params)
        if place == "dataset_quality":
            return self._quality(request.params)
        if place.startswith("act_"):
            return self._account(path, request.params)
        return self._node(path)

    # Reading

    def _me(self, path: str, params: Mapping[str, str]) -> Reply:
        if path == "me":
            return reply({"id": "100200300", "name": self.world.owner})
        if path == "me/permissions":
            rows = [{"permission": name, "status": "granted"} for name in ("ads_management", "ads_read")]
            return reply({"data": rows})
        if path == "me/adaccounts":
            return _page([_account(one) for one in self.world.accounts.values()], params)
        return _unknown(path)

    def _account(self, path: str, params: Mapping[str, str]) -> Reply:
        place, _, edge = path.partition("/")
        shop = self.world.accounts.get(place.removeprefix("act_"))
        if shop is None:
            return _gone(place)
        if not edge:
            return reply(_account(shop))
        if edge in LEVELS:
            nodes = self.world.of_account(shop.id, cast(Any, LEVELS[edge]))
            return _page([self._told(node) for node in nodes if node.status != "removed"], params)
        edges: dict[str, Callable[[Shop, Mapping[str, str]], Reply]] = {
            "insights": self._insights,
            "activities": self._activities,
            "adrules_library": lambda _, params: _page(self.world.rules, params),
            "adspixels": self._pixels,
        }
        return edges[edge](shop, params) if edge in edges else _unknown(path)

    def _node(self, path: str) -> Reply:
        node = self.world.nodes.get(path)
        return _gone(path) if node is None else reply(self._told(node))

    def _told(self, node: Node) -> dict[str, Any]:
        shop = self.world.accounts[node.account]
        changed = (node.changed_at or self.world.began).astimezone(UTC)
        told: dict[str, Any] = {
            "id": node.id,
            "name": node.name,
            "status": WORDS[node.status],
            "effective_status": self._effective(node),
            "account_id": node.account,
            "updated_time": changed.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        above = self.world.line(node)[1:]
        told |= {f"{'adset' if one.kind == 'adset' else 'campaign'}_id": one.id for one in above}
        if node.pot:
            told["daily_budget"] = _minor(self.world.pots[node.pot].amount, shop)
            told["lifetime_budget"] = "0"
        if node.bid is not None:
            told["bid_amount"] = int(_minor(node.bid, shop))
        if node.kind == "adset":
            told["learning_stage_info"] = {"status": "LEARNING" if node.learning else "SUCCESS"}
        return told

    def _effective(self, node: Node) -> str:
        for one in reversed(self.world.line(node)):
            if one.status != "active":
                return WORDS[one.status] if one is node else f"{one.kind.upper()}_PAUSED"
        return "ACTIVE"

    def _insights(self, shop: Shop, params: Mapping[str, str]) -> Reply:
        since, until = self._range(params)
        rows = Market(self.world, self._now()).days(shop.id, since, until)
        level = params.get("level", "account")
        if level == "account":
            total = sum((figures for *_, figures in rows), Figures())
            return reply({"data": [{**_figures(total), "date_start": str(since), "date_stop": str(until)}]})
        kind = "creative" if level == "ad" else level
        sums = by_level(self.world, rows, kind)
        told = [
            {f"{level}_id": key, "date_start": str(day), "date_stop": str(day), **_figures(sums[key, day])}
            for key, day in sorted(sums, key=lambda one: (one[1], one[0]))
        ]
        return _page(told, params)

    def _range(self, params: Mapping[str, str]) -> tuple[date, date]:
        if "time_range" in params:
            told = orjson.loads(params["time_range"])
            return date.fromisoformat(told["since"]), date.fromisoformat(told["until"])
        today = self._now().date()
        return today - timedelta(days=30), today

    def _activities(self, shop: Shop, params: Mapping[str, str]) -> Reply:
        since, until = (datetime.fromtimestamp(int(params[name]), UTC) for name in ("since", "until"))
        told = []
        for past in reversed(self.world.past):
            node = self.world.nodes.get(past.target) or next(iter(self.world.spenders(past.target)), None)
            event = EVENTS.get((node.kind, past.field)) if node else None
            if node and event and node.account == shop.id and since <= past.at <= until:
                told.append(
                    {
                        "event_time": past.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S%z"),
                        "event_type": event,
                        "object_id": node.id,
                        "object_name": node.name,
                        "actor_name": past.by,
                        "application_name": past.client,
                        "extra_data": orjson.dumps({"old_value": past.before, "new_value": past.after}).decode(),
                    }
                )
        return _page(told, params)

    def _pixels(self, shop: Shop, params: Mapping[str, str]) -> Reply:
        mine = [one for one in self.world.datasets.values() if one.account == shop.id]
        return _page([{"id": one.id, "name": one.name} for one in mine], params)

    def _quality(self, params: Mapping[str, str]) -> Reply:
        dataset = self.world.datasets.get(params.get("dataset_id", ""))
        if dataset is None:
            return _gone(params.get("dataset_id", ""))
        rows = [
            {
                "event_name": name,
                "event_match_quality": {"composite_score": score},
                "event_coverage": {"percentage": 96.0, "goal_percentage": 75.0},
                "data_freshness": {"upload_frequency": "real_time"},
            }
            for name, score in dataset.quality.items()
        ]
        return reply({"web": rows})

    # Writing

    def _write(self, path: str, form: Mapping[str, str]) -> Reply:
        node = self.world.nodes.get(path)
        if node is None:
            return _gone(path)
        refused = self._refused(node, form)
        if refused is not None:
            return refused
        if "validate_only" not in form.get("execution_options", ""):
            self._apply(node, form)
        return reply({"success": True}, headers={"x-fb-trace-id": f"Fake{self._answered:04d}{node.id}"})

    def _refused(self, node: Node, form: Mapping[str, str]) -> Reply | None:
        if "status" in form and form["status"] not in STATUSES:
            return _error(100, "Invalid parameter", text="The status is not one of ACTIVE, PAUSED, DELETED, ARCHIVED.")
        if node.status == "removed":
            return _error(100, "Invalid parameter", text="A deleted object cannot be edited.", subcode=1487564)
        if "bid_amount" in form and (node.bid is None or not form["bid_amount"].isdigit()):
            return _error(100, "Invalid parameter", text="This bid strategy takes no bid amount.", subcode=1815089)
        if "daily_budget" in form:
            return self._refused_budget(node, form["daily_budget"])
        return None

    def _refused_budget(self, node: Node, minor: str) -> Reply | None:
        if not node.pot:
            return _error(100, "Invalid parameter", text="The budget of this object is set on another level.")
        if not minor.isdigit() or int(minor) < SMALLEST:
            return _error(
                100, "Invalid parameter", subcode=1885272, title="Budget Is Too Low", text="Your budget is too low."
            )
        hour_ago = self._now() - timedelta(hours=1)
        recent = [one for one in self.world.past if one.target == node.pot and one.at > hour_ago and one.client]
        if len(recent) >= CHANGES_AN_HOUR and node.kind == "adset":
            usage = {"call_count": 20, "total_cputime": 5, "total_time": 5, "estimated_time_to_regain_access": 60}
            return _error(
                613,
                "Calls to this api have exceeded the rate limit.",
                subcode=1487632,
                text="An ad set's budget can be changed four times an hour.",
                headers={"X-Business-Use-Case-Usage": orjson.dumps({"1": [usage]}).decode()},
            )
        return None

    def _apply(self, node: Node, form: Mapping[str, str]) -> None:
        now, shop = self._now(), self.world.accounts[node.account]
        client = "Stratum"
        if "daily_budget" in form:
            amount = Decimal(form["daily_budget"]) / offset(shop.currency)
            self.world.set_amount(self.world.pots[node.pot], amount, now, self.world.owner, client)
        if "status" in form:
            self.world.set_status(node, STATUSES[form["status"]], now, self.world.owner, client)
        if "bid_amount" in form:
            bid = Decimal(form["bid_amount"]) / offset(shop.currency)
            self.world.set_bid(node, bid, now, self.world.owner, client)


def _account(shop: Shop) -> dict[str, Any]:
    return {
        "id": f"act_{shop.id}",
        "account_id": shop.id,
        "name": shop.name,
        "currency": shop.currency,
        "timezone_name": shop.time_zone,
        "account_status": 1 if shop.active else 2,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    count, value = str(int(figures.conversions)), str(figures.revenue)
    told: dict[str, Any] = {
        "spend": str(figures.spend),
        "impressions": str(figures.impressions),
        "clicks": str(figures.clicks),
    }
    if figures.conversions:
        told["actions"] = [{"action_type": "link_click", "value": str(figures.clicks)}]
        told["actions"] += [{"action_type": name, "value": count} for name in TYPES]
        told["action_values"] = [{"action_type": name, "value": value} for name in TYPES]
    return told


def _page(rows: list[dict[str, Any]], params: Mapping[str, str]) -> Reply:
    start, size = int(params.get("after") or 0), int(params.get("limit") or 25)
    part, end = rows[start : start + size], start + size
    told: dict[str, Any] = {"data": part}
    if part:
        told["paging"] = {"cursors": {"before": str(start), "after": str(end)}}
    if end < len(rows):
        told["paging"]["next"] = "https://graph.facebook.com/next"
    return reply(told)


def _minor(amount: Decimal, shop: Shop) -> str:
    try:
        return str(int(amount * offset(shop.currency)))
    except InvalidOperation:
        return "0"


def _gone(place: str) -> Reply:
    said = f"Unsupported get request. Object with ID '{place}' does not exist or cannot be loaded."
    return _error(100, said, subcode=33, kind="GraphMethodException")


def _unknown(path: str) -> Reply:
    return _error(2500, f"Unknown path components: /{path}")


def _error(
    code: int,
    message: str,
    *,
    subcode: int | None = None,
    title: str = "",
    text: str = "",
    kind: str = "OAuthException",
    headers: Mapping[str, str] | None = None,
    transient: bool = False,
) -> Reply:
    told: dict[str, Any] = {"message": message, "type": kind, "code": code, "fbtrace_id": f"AFake{code}"}
    if subcode is not None:
        told["error_subcode"] = subcode
    if text:
        told |= {"error_user_title": title or message, "error_user_msg": text}
    if transient:
        told["is_transient"] = True
    return reply({"error": told}, 400, headers)
