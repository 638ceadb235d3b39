"""Funnels to start from, as bodies of the API: the tutorial's, and what people of a shop ask next.

Event names are those that Stratum stores: the tutorial's, which Segment's names become through the alias table. Where
no such name exists, a step lists what the common tools send.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

AD_PLATFORMS = ["meta", "google", "tiktok", "microsoft", "linkedin", "x", "pinterest", "snapchat", "reddit"]
SIGN_UPS = ["sign_up", "Signed Up", "Account Created", "complete_registration"]
LEADS = ["generate_lead", "lead", "Lead Captured", "Form Submitted"]


@dataclass(frozen=True, slots=True)
class Template:
    """`body` as the API takes it; `slug` names it in addresses."""

    slug: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def sentence(self) -> str:
        return str(self.body["description"])

    @property
    def path(self) -> str:
        """The steps in short: of several events the first."""
        return " → ".join(events[0] for events in self.events)

    @property
    def events(self) -> list[list[str]]:
        """What may serve each step."""
        asked = [step["event"] for step in self.body["steps"]]
        return [event if isinstance(event, list) else [event] for event in asked]

    def ready_steps(self, seen: Collection[str]) -> int:
        """For how many steps one of these events was seen."""
        return sum(not set(events).isdisjoint(seen) for events in self.events)


TEMPLATES = {
    template.slug: template
    for template in (
        Template(
            "purchase",
            {
                "name": "Purchase Funnel",
                "description": "From the first page to the order.",
                "steps": [
                    {"event": "page_view", "label": "Landing Page"},
                    {"event": "view_content", "label": "Product Page"},
                    {"event": "add_to_cart", "label": "Add to Cart"},
                    {"event": "initiate_checkout", "label": "Checkout"},
                    {"event": "purchase", "label": "Purchase"},
                ],
                "window": "P7D",
            },
        ),
        Template(
            "ad-click",
            {
                "name": "Ad Click to Purchase",
                "description": "What visits from the campaigns of ad platforms lead to.",
                "steps": [
                    {
                        "event": "page_view",
                        "label": "Ad Click",
                        "where": {
                            "type": "and",
                            "children": [
                                {"property": "$campaign", "op": "exists"},
                                {"property": "$platform", "op": "in", "value": AD_PLATFORMS},
                            ],
                        },
                    },
                    {"event": "view_content", "label": "Product Page"},
                    {"event": "add_to_cart", "label": "Add to Cart"},
                    {"event": "purchase", "label": "Purchase"},
                ],
                "window": "P30D",
            },
        ),
        Template(
            "email",
            {
                "name": "E-mail to Order",
                "description": "What your e-mails lead to.",
                "steps": [
                    {"event": "email_delivered", "label": "Delivered"},
                    {"event": "email_opened", "label": "Opened"},
                    {"event": "email_clicked", "label": "Clicked"},
                    {"event": "purchase", "label": "Purchase"},
                ],
                "window": "P14D",
            },
        ),
        Template(
            "sign-up",
            {
                "name": "Sign-up to First Order",
                "description": "Who opens an account, comes back to look, and orders.",
                "steps": [
                    {"event": "page_view", "label": "Landing Page"},
                    {"event": SIGN_UPS, "label": "Sign-up"},
                    {"event": "view_content", "label": "Product Page"},
                    {"event": "purchase", "label": "First Order"},
                ],
                "window": "P30D",
            },
        ),
        Template(
            "lead",
            {
                "name": "Visit to Lead",
                "description": "Who looks at an offer and leaves an address.",
                "steps": [
                    {"event": "page_view", "label": "Landing Page"},
                    {"event": "view_content", "label": "Offer"},
                    {"event": LEADS, "label": "Lead"},
                ],
                "window": "P7D",
            },
        ),
    )
}
