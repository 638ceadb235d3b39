"""A fake of the Google Ads REST API and its token endpoint over a world."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from integrations.sandbox import gaql, google_rows
from integrations.sandbox.wire import Mishaps, Reply, Request, reply
from integrations.sandbox.world import Node, Pot, Shop, World

FAILURE = "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
PLACE = re.compile(r"customers/(?P<customer>\d+)/(?P<what>\w+):(?P<verb>\w+)$")
STATUSES: dict[str, Literal["active", "paused"]] = {"ENABLED": "active", "PAUSED": "paused"}
ACCESS = "ya29.sandbox"
CLIENT = "GOOGLE_ADS_API"
WHOLE = {"JPY", "KRW", "VND", "CLP"}
CHUNK = 1_000  # rows


class Refused(Exception):
    def __init__(self, kind: str, code: str, message: str, field: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.kind, self.code, self.message, self.field, self.status = kind, code, message, field, status


class FakeGoogle:
    """`world.token` is the refresh token; every answer with a body carries a request id."""

    def __init__(self, world: World, *, now: Callable[[], datetime], mishaps: Mishaps | None = None) -> None:
        self.world, self.mishaps = world, mishaps or Mishaps()
        self._now = now
        self._answered = 0
        self._expired: set[str] = set()

    def answer(self, request: Request) -> Reply:
        return self.mishaps.around(request, self._answer)

    def expire_access_tokens(self) -> None:
        """As after an hour: the next call needs a new one."""
        self._expired.add(self._access())

    def _answer(self, request: Request) -> Reply:
        self._answered += 1
        path = re.sub(r"^/?(v\d+/)?", "", request.path)
        if path.endswith("token"):
            return self._token(request.form())
        if self.world.revoked or request.bearer() != self._access():
            return self._unauthenticated()
        try:
            return self._routed(path, request)
        except Refused as refused:
            return self._refusal(refused, stream=path.endswith("Stream"))

    def _routed(self, path: str, request: Request) -> Reply:
        if path == "customers:listAccessibleCustomers":
            top = [one.id for one in self.world.accounts.values() if not one.manager or one.manager == one.id]
            return reply({"resourceNames": [f"customers/{key}" for key in top]})
        place = PLACE.match(path)
        if place is None:
            return reply({"error": {"code": 404, "message": "Not Found", "status": "NOT_FOUND"}}, 404)
        shop = self._entered(place["customer"], request.headers)
        if place["what"] == "googleAds":
            return self._search(shop, str(request.json().get("query") or ""))
        return self._mutate(shop, place["what"], request.json())

    def _entered(self, customer: str, headers: Mapping[str, str]) -> Shop:
        shop = self.world.accounts.get(customer)
        if shop is None:
            raise Refused(
                "authenticationError", "CUSTOMER_NOT_FOUND", "No customer found for the provided customer id."
            )
        if shop.manager not in ("", shop.id) and headers.get("login-customer-id") != shop.manager:
            message = (
                "User doesn't have permission to access customer. Set the manager in the 'login-customer-id' header."
            )
            raise Refused("authorizationError", "USER_PERMISSION_DENIED", message, status=403)
        return shop

    def _search(self, shop: Shop, text: str) -> Reply:
        try:
            query = gaql.parse(text)
            if query.resource == "change_event" and (query.limit is None or query.limit > 10_000):
                raise Refused("changeEventError", "LIMIT_NOT_SPECIFIED", "The query must specify a LIMIT.")
            found = query.answer(google_rows.rows(self.world, shop, query, self._now()))
        except gaql.BadQuery as bad:
            raise Refused("queryError", "UNRECOGNIZED_FIELD", str(bad)) from None
        mask = ",".join(query.fields)
        chunks = [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)] or [[]]
        told = [{"results": part, "fieldMask": mask, "requestId": self._request_id()} for part in chunks]
        return reply([{key: value for key, value in one.items() if value} for one in told])

    # Writing

    def _mutate(self, shop: Shop, service: str, body: Any) -> Reply:
        names = []
        for operation in body.get("operations") or ():
            fields, mask = operation.get("update") or {}, str(operation.get("updateMask") or "")
            change = self._change(shop, service, fields, mask)
            names.append(str(fields.get("resourceName")))
            if not body.get("validateOnly"):
                change()
        told = {} if body.get("validateOnly") else {"results": [{"resourceName": name} for name in names]}
        return reply(told, headers={"request-id": self._request_id()})

    def _change(self, shop: Shop, service: str, fields: Mapping[str, Any], mask: str) -> Callable[[], None]:
        """Checked now, done when called. Raises Refused."""
        key = str(fields.get("resourceName") or "").rpartition("/")[2]
        if service == "campaignBudgets":
            return self._change_budget(shop, key, fields, mask)
        node = self.world.nodes.get(key)
        kinds = {"campaigns": "campaign", "adGroups": "adset", "adGroupAds": "creative"}
        if node is None or node.account != shop.id or node.kind != kinds.get(service):
            raise Refused("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.", "resourceName")
        if mask == "status":
            return self._change_status(node, str(fields.get("status")))
        bid = fields.get("cpcBidMicros") or (fields.get("maximizeConversions") or {}).get("targetCpaMicros")
        return self._change_bid(shop, node, str(bid or ""))

    def _change_budget(self, shop: Shop, key: str, fields: Mapping[str, Any], mask: str) -> Callable[[], None]:
        pot: Pot | None = self.world.pots.get(key)
        if pot is None or pot.account != shop.id:
            raise Refused("mutateError", "RESOURCE_NOT_FOUND", "Resource was not found.", "resourceName")
        if mask not in ("amountMicros", "amount_micros"):
            raise Refused("fieldMaskError", "FIELD_NOT_FOUND", f"The field mask contained an invalid field: '{mask}'.")
        amount = _amount(shop, str(fields.get("amountMicros") or ""), "amountMicros")
        return lambda: self.world.set_amount(pot, amount, self._now(), self.world.owner, CLIENT)

    def _change_status(self, node: Node, word: str) -> Callable[[], None]:
        if node.status == "removed":
            raise Refused("contextError", "OPERATION_NOT_PERMITTED_FOR_REMOVED_RESOURCE", "The resource is removed.")
        if word not in STATUSES:
            raise Refused("requestError", "INVALID_ENUM_VALUE", "Enum value is not permitted.", "status")
        return lambda: self.world.set_status(node, STATUSES[word], self._now(), self.world.owner, CLIENT)

    def _change_bid(self, shop: Shop, node: Node, micros: str) -> Callable[[], None]:
        if node.bid is None:
            message = "The bidding strategy of the campaign takes no bid here."
            raise Refused("biddingError", "BIDDING_STRATEGY_NOT_SUPPORTED", message, "cpcBidMicros")
        bid = _amount(shop, micros, "cpcBidMicros")
        return lambda: self.world.set_bid(node, bid, self._now(), self.world.owner, CLIENT)

    # Underneath

    def _token(self, form: Mapping[str, str]) -> Reply:
        if self.world.revoked or form.get("refresh_token") != self.world.token:
            told = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return reply(told, 400)
        token = self._access()
        return reply({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _access(self) -> str:
        return f"{ACCESS}.{len(self._expired)}"

    def _request_id(self) -> str:
        return f"fake{self._answered:018d}"

    def _unauthenticated(self) -> Reply:
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        return reply({"error": {"code": 401, "message": message, "status": "UNAUTHENTICATED"}}, 401)

    def _refusal(self, refused: Refused, *, stream: bool) -> Reply:
        error: dict[str, Any] = {"errorCode": {refused.kind: refused.code}, "message": refused.message}
        if refused.field:
            error["location"] = {
                "fieldPathElements": [{"fieldName": "operations", "index": 0}, {"fieldName": refused.field}]
            }
        told = {
            "error": {
                "code": refused.status,
                "message": "Request contains an invalid argument.",
                "status": "INVALID_ARGUMENT" if refused.status == 400 else "PERMISSION_DENIED",
                "details": [{"@type": FAILURE, "errors": [error], "requestId": self._request_id()}],
            }
        }
        return reply([told] if stream else told, refused.status)


def quota_exhausted(delay: str = "30s") -> Reply:
    """What Google says to too many calls; for tests."""
    details = {"quotaErrorDetails": {"rateScope": "DEVELOPER", "rateName": "Requests per day", "retryDelay": delay}}
    error = {"errorCode": {"quotaError": "RESOURCE_EXHAUSTED"}, "message": "Too many requests.", "details": details}
    failure = {"@type": FAILURE, "errors": [error], "requestId": "fakequota"}
    told = {
        "code": 429,
        "message": "Resource has been exhausted.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [failure],
    }
    return reply({"error": told}, 429)


def _amount(shop: Shop, micros: str, field: str) -> Decimal:
    if not micros.isdigit() or int(micros) <= 0:
        raise Refused("rangeError", "TOO_LOW", "Too low.", field)
    if int(micros) % (1_000_000 if shop.currency in WHOLE else 10_000):
        message = "The money amount is not a multiple of the billable unit of the currency."
        raise Refused("currencyError", "VALUE_NOT_MULTIPLE_OF_BILLABLE_UNIT", message, field)
    return Decimal(micros) / 1_000_000
