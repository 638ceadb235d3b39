"""Segments to begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SegmentTemplate:
    name: str
    description: str
    condition: Mapping[str, Any]


def _trait(name: str, op: str, value: object) -> dict[str, Any]:
    return {"type": "profile", "field": f"traits.{name}", "op": op, "value": value}


def _did(event: str, last: str, **more: Any) -> dict[str, Any]:
    return {"type": "event", "event": event, "window": {"last": last}, **more}


def _not(child: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "not", "child": dict(child)}


TEMPLATES: Mapping[str, SegmentTemplate] = {
    "high_value_at_risk": SegmentTemplate(
        "High-Value At-Risk",
        "Spent much over their lifetime, but bought nothing lately and hardly open e-mails.",
        {
            "type": "and",
            "children": [
                _trait("total_spend_lifetime", "gt", "$500"),
                _trait("days_since_purchase", "gt", 60),
                _trait("email_open_rate_30d", "lt", "10%"),
                _not(_did("purchase", "P90D")),
            ],
        },
    ),
    "cart_abandoners": SegmentTemplate(
        "Cart abandoners",
        "Put something into the cart in the last week and have not bought since.",
        {
            "type": "and",
            "children": [
                _did("add_to_cart", "P7D"),
                _not(
                    {
                        "type": "sequence",
                        "window": {"last": "P7D"},
                        "steps": [{"event": "add_to_cart"}, {"event": "purchase"}],
                    }
                ),
            ],
        },
    ),
    "repeat_buyers": SegmentTemplate(
        "Repeat buyers",
        "Bought at least three times in 90 days.",
        _did("purchase", "P90D", op="gte", value=3),
    ),
    "new_customers": SegmentTemplate(
        "New customers",
        "Bought for the first time in the last 30 days.",
        {"type": "first_event", "event": "purchase", "window": {"last": "P30D"}},
    ),
    "window_shoppers": SegmentTemplate(
        "Window shoppers",
        "Look at products in most weeks, and buy nothing.",
        {
            "type": "and",
            "children": [
                {"type": "regular", "event": "view_content", "per": "P7D", "periods": 4, "at_least": 3},
                _not(_did("purchase", "P28D")),
            ],
        },
    ),
}
