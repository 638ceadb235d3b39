"""Event match quality as we can compute it: which identifiers a platform could match, weighted, from 0 to 10. Pure.

A platform's own score, where it tells one, is better: it knows whether a value was found, we only whether it was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# What each identifier weighs, of 100.
WEIGHTS: Mapping[str, Mapping[str, int]] = {
    "meta": {
        "email": 25,
        "phone": 20,
        "external_id": 15,
        "fbc": 10,
        "fbp": 10,
        "first_name": 5,
        "last_name": 5,
        "ip": 5,
        "user_agent": 5,
    },
    "google": {
        "email": 30,
        "phone": 25,
        "gclid": 20,
        "first_name": 8,
        "last_name": 8,
        "zip": 5,
        "country": 4,
    },
}
LABELS: Mapping[str, str] = {
    "email": "e-mail",
    "phone": "phone",
    "external_id": "user id",
    "fbc": "Meta click (fbc)",
    "fbp": "Meta browser (fbp)",
    "gclid": "Google click (gclid)",
    "first_name": "first name",
    "last_name": "last name",
    "ip": "IP address",
    "user_agent": "user agent",
    "zip": "postal code",
    "country": "country",
}
# Standard conversion events, by the names under which they are counted here.
OPTIMISED = (
    *("purchase", "initiate_checkout", "add_payment_info", "add_to_cart"),
    *("lead", "sign_up", "complete_registration", "subscribe", "start_trial", "contact"),
)
FEWEST = 10  # events; of fewer the share that carries an e-mail is luck


@dataclass(frozen=True, slots=True)
class Presence:
    """Of `events` called `name`: how many carry each identifier, themselves or by their profile."""

    name: str
    events: int
    carrying: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Part:
    """`rate` of the events carry it, which is worth `points` of the ten; all of them would be worth `most`."""

    identifier: str
    rate: float
    points: float
    most: float


@dataclass(frozen=True, slots=True)
class Match:
    """`value` is weighted by volume: an event name counts as often as it happened."""

    value: float
    events: int
    parts: tuple[Part, ...]
    by_name: tuple[tuple[str, int, float], ...]


def match(platform: str, found: list[Presence]) -> Match | None:
    """None where too few events were counted."""
    events = sum(one.events for one in found)
    if events < FEWEST:
        return None
    parts = tuple(_part(platform, name, found, events) for name in WEIGHTS[platform])
    by_name = tuple((one.name, one.events, _value(platform, one)) for one in found)
    return Match(sum(part.points for part in parts), events, parts, by_name)


def _part(platform: str, identifier: str, found: list[Presence], events: int) -> Part:
    rate = sum(one.carrying[identifier] for one in found) / events
    most = WEIGHTS[platform][identifier] / 10
    return Part(identifier, rate, most * rate, most)


def _value(platform: str, one: Presence) -> float:
    return sum(weight * one.carrying[name] for name, weight in WEIGHTS[platform].items()) / one.events / 10
