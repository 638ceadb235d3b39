"""Moments of the story as the messages that SDKs would send."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from cdp.demo.marketing import Campaign
from cdp.demo.people import Device, Person
from cdp.demo.products import Product

SITE = "https://www.northlight-outdoor.example"
Json = dict[str, Any]

_WEB = {"name": "analytics.js", "version": "next-1.81.0"}
_APP = {"name": "analytics-swift", "version": "1.9.1"}
_SERVER = {"name": "analytics-python", "version": "2.3.4"}
_MAILER: Json = {"library": _SERVER, "integration": {"name": "Postbote"}}
_BACKEND: Json = {"library": _SERVER}

# The shop's first tag and its app send the tutorial's names; the present tag sends Segment's.
FIRST_TAG = {
    "Product Viewed": "view_content",
    "Product Added": "add_to_cart",
    "Product Added to Wishlist": "add_to_wishlist",
    "Checkout Started": "initiate_checkout",
    "Order Completed": "purchase",
}


class Page(NamedTuple):
    """`before`: the path of the visit's page before; empty on the page where it landed."""

    name: str
    path: str
    before: str = ""


@dataclass(slots=True)
class Visit:
    """`click_id`: what the platform appended to the landing URL. `path`: the page it is on."""

    person: Person
    device: Device
    campaign: Campaign
    is_first_tag: bool
    click_id: str
    fbc: str
    path: str = ""
    context: Json | None = None


class Happening(NamedTuple):
    """A track event and its properties; `path` is the page on which it happened."""

    name: str
    properties: Json
    path: str = ""


class Introduction(NamedTuple):
    """An identify call. An empty user id is somebody who has told an e-mail address only."""

    user_id: str
    traits: Json


# (visit, message id, timestamp, user id, detail) → message
Telling = Callable[[Visit, str, str, str, Any], Json]


def page(visit: Visit, message_id: str, at: str, user_id: str, detail: Page) -> Json:
    message = _message("screen" if visit.device.is_app else "page", visit, message_id, at, user_id)
    message["name"] = detail.name
    if visit.device.is_app:
        message["context"] = _context(visit)
        message["properties"] = {"path": detail.path}
        return message
    where = _page(visit, detail)
    message["context"] = {**_context(visit), "page": where}
    message["properties"] = where
    return message


def track(visit: Visit, message_id: str, at: str, user_id: str, detail: Happening) -> Json:
    message = _message("track", visit, message_id, at, user_id)
    message["event"] = FIRST_TAG.get(detail.name, detail.name) if visit.is_first_tag else detail.name
    message["properties"] = {**detail.properties, **_meta(visit)}
    context = _context(visit)
    if not visit.device.is_app:
        context = {**context, "page": {"path": detail.path, "url": SITE + detail.path}}
    message["context"] = context
    return message


def identify(visit: Visit, message_id: str, at: str, user_id: str, detail: Introduction) -> Json:
    message = _message("identify", visit, message_id, at, detail.user_id)
    message["traits"] = detail.traits
    message["context"] = _context(visit)
    return message


def mail(visit: Visit, message_id: str, at: str, user_id: str, detail: Happening) -> Json:
    """What the e-mail service reports; it learned the subscriber's cookie when the address was entered."""
    message = _message("track", visit, message_id, at, user_id)
    if user_id:
        del message["anonymousId"]
    message["event"] = detail.name
    message["properties"] = detail.properties
    message["context"] = _MAILER
    return message


def backend(visit: Visit, message_id: str, at: str, user_id: str, detail: Happening) -> Json:
    """What the shop's server reports: orders with the buyer's address, refunds, support tickets."""
    message = mail(visit, message_id, at, user_id, detail)
    message["context"] = _BACKEND
    return message


def enrol(visit: Visit, message_id: str, at: str, user_id: str, detail: Introduction) -> Json:
    """What the shop's server knows about a member."""
    return {
        "type": "identify",
        "messageId": message_id,
        "timestamp": at,
        "userId": detail.user_id,
        "traits": detail.traits,
        "context": _BACKEND,
    }


FROM_SERVER: frozenset[Telling] = frozenset({mail, backend, enrol})


@cache
def on_shelf(product: Product, currency: str, quantity: int) -> Json:
    """A line of a products list. Shared: not to be changed."""
    return {
        "product_id": product.sku,
        "sku": product.sku,
        "name": product.name,
        "category": product.category,
        "price": product.cents[currency] / 100,
        "quantity": quantity,
    }


@cache
def on_page(product: Product, currency: str, quantity: int) -> Json:
    """The properties of an event about one product. Shared: not to be changed."""
    value = product.cents[currency] * quantity / 100
    return {**on_shelf(product, currency, quantity), "value": value, "currency": currency}


def _message(kind: str, visit: Visit, message_id: str, at: str, user_id: str) -> Json:
    message: Json = {
        "type": kind,
        "messageId": message_id,
        "timestamp": at,
        "anonymousId": visit.device.anonymous_id,
    }
    if user_id:
        message["userId"] = user_id
    return message


def _context(visit: Visit) -> Json:
    """Made once per visit: the session keeps the campaign that brought it."""
    if visit.context is None:
        visit.context = _app_context(visit) if visit.device.is_app else _web_context(visit)
    return visit.context


def _web_context(visit: Visit) -> Json:
    context: Json = {
        "library": _WEB,
        "userAgent": visit.device.user_agent,
        "ip": visit.device.ip,
        "locale": "en-CA" if visit.person.country == "CA" else "en-US",
    }
    campaign = visit.campaign
    if campaign.is_tagged:
        context["campaign"] = {"name": campaign.name, "source": campaign.source, "medium": campaign.medium}
    if campaign.referrer:
        context["referrer"] = {"type": "organic" if "google" in campaign.referrer else "referral"}
    return context


def _app_context(visit: Visit) -> Json:
    return {
        "library": _APP,
        "app": {"name": "Northlight Outdoor", "version": "5.4.0"},
        "device": {"type": "ios", "manufacturer": "Apple", "model": "iPhone17,3"},
        "os": {"name": "iOS", "version": "18.5"},
        "ip": visit.device.ip,
        "locale": "en-US",
    }


def _page(visit: Visit, page: Page) -> Json:
    search = "" if page.before else _search(visit)
    where = {
        "path": page.path,
        "url": f"{SITE}{page.path}{search}",
        "title": f"{page.name} – Northlight Outdoor",
        "referrer": SITE + page.before if page.before else visit.campaign.referrer,
    }
    if search:
        where["search"] = search
    return where


def _search(visit: Visit) -> str:
    campaign = visit.campaign
    if not campaign.is_tagged:
        return ""
    name = campaign.name.replace("%", "%25").replace(" ", "+")
    click = f"&{campaign.click_id}={visit.click_id}" if visit.click_id else ""
    return f"?utm_source={campaign.source}&utm_medium={campaign.medium}&utm_campaign={name}{click}"


def _meta(visit: Visit) -> Json:
    """The cookies of Meta's pixel, which later match a conversion to a click."""
    if visit.device.is_app:
        return {}
    return {"fbp": visit.device.fbp, "fbc": visit.fbc} if visit.fbc else {"fbp": visit.device.fbp}
