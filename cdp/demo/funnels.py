"""The funnels that the demo workspace starts with, as bodies of the API."""

from typing import Any

PURCHASE_FUNNEL: dict[str, Any] = {
    "name": "Purchase Funnel",
    "description": "From the first page to the order: the example of the tutorial.",
    "steps": [
        {"event": "page_view", "label": "Landing Page"},
        {"event": "view_content", "label": "Product Page"},
        {"event": "add_to_cart", "label": "Add to Cart"},
        {"event": "initiate_checkout", "label": "Checkout"},
        {"event": "purchase", "label": "Purchase"},
    ],
    "mode": "ordered",
    "window": "P7D",
    "counting": "unique",
}
EMAIL_FUNNEL: dict[str, Any] = {
    "name": "E-mail to Order",
    "description": "What the shop's e-mails lead to.",
    "steps": [
        {"event": "email_delivered", "label": "Delivered"},
        {"event": "email_opened", "label": "Opened", "max_gap": "P3D"},
        {"event": "email_clicked", "label": "Clicked"},
        {"event": "purchase", "label": "Purchase"},
    ],
    "mode": "ordered",
    "window": "P14D",
    "counting": "unique",
}
SECOND_ORDER_FUNNEL: dict[str, Any] = {
    "name": "Big First Order to Second Order",
    "description": "Who comes back within 60 days after spending more than 100.",
    "steps": [
        {
            "event": "purchase",
            "label": "Order over 100",
            "where": {"property": "revenue", "op": "gt", "value": 100},
        },
        {"event": "purchase", "label": "Second Order"},
    ],
    "mode": "ordered",
    "window": "P60D",
    "counting": "unique",
}
FUNNELS = (PURCHASE_FUNNEL, EMAIL_FUNNEL, SECOND_ORDER_FUNNEL)
